//! Reading the values that a fleet consists of: which keys there are, and which of them each provider allows.

use indexmap::IndexMap;

use super::fields::{Fields, choice, named};
use super::findings::Findings;
use super::model::{
    Fleet, Group, HostsProvider, LocalProvider, Member, Network, Ports, Provider, ProviderKind,
};
use super::tree::Slot;
use super::{aws, broker, host_key, install, machine, text};
use crate::name::{FleetName, GroupName};

/// The most instances of a fleet. Planning is measured up to here (`docs/performance.md`).
pub(super) const INSTANCES_MAX: u32 = 100_000;

/// A fleet as far as it could be read.
pub(super) struct Draft {
    pub(super) name: Option<FleetName>,
    pub(super) provider: Option<Provider>,
    pub(super) network: Option<Network>,
    pub(super) groups: Option<IndexMap<GroupName, Group>>,
}

impl Draft {
    /// The fleet, if all of it could be read.
    pub(super) fn complete(self) -> Option<Fleet> {
        Some(Fleet {
            name: self.name?,
            provider: self.provider?,
            network: self.network,
            groups: self.groups?,
        })
    }
}

/// Reads the whole file.
pub(super) fn fleet(root: &Slot<'_>, findings: &mut Findings) -> Option<Draft> {
    let mut fields = Fields::open(root, "the fleet", findings)?;
    let name = fields.required("fleet", findings, |slot, findings| text::name(slot, "fleet", findings));
    // The provider goes before the rest: it decides about what the rest may say.
    let (kind, provider) = fields.required("provider", findings, provider).unzip();
    let network = fields.optional("network", findings, network);
    let groups = fields.required("groups", findings, |slot, findings| groups(slot, kind, findings));
    match kind {
        Some(ProviderKind::Aws) if root.at(["provider", "aws", "security_groups"]).is_some() => {
            let why = "`security_groups` are named, and their rules are not bear's";
            fields.forbid("network", why, findings);
        }
        Some(ProviderKind::Aws) if fields.get("network").is_none() => fields.missing("network", findings),
        // Nothing would follow from the network here. To say nothing would leave people in the belief that a port
        // is open, or closed.
        Some(ProviderKind::Local) => {
            fields.forbid("network", "brokers of `local` listen on loopback only", findings);
        }
        Some(ProviderKind::Hosts) => {
            fields.forbid("network", "the firewall of a host that exists already is not bear's", findings);
        }
        _ => {}
    }
    // Keys that begin with `x-` are a place for anchors.
    fields.finish_but(findings, |key| key.starts_with("x-"));
    Some(Draft { name, provider: provider.flatten(), network, groups })
}

/// The name of the provider, and the provider where its settings could be read as well.
fn provider(slot: &Slot<'_>, findings: &mut Findings) -> Option<(ProviderKind, Option<Provider>)> {
    let (name, settings) = choice(slot, "provider", &["local", "hosts", "aws"], findings)?;
    Some(match name {
        "local" => (ProviderKind::Local, local(&settings, findings).map(Provider::Local)),
        "hosts" => (ProviderKind::Hosts, hosts(&settings, findings).map(Provider::Hosts)),
        _ => (ProviderKind::Aws, aws::provider(&settings, findings).map(|aws| Provider::Aws(Box::new(aws)))),
    })
}

fn local(slot: &Slot<'_>, findings: &mut Findings) -> Option<LocalProvider> {
    Fields::open(slot, "`local`", findings)?.finish(findings);
    Some(LocalProvider {})
}

fn hosts(slot: &Slot<'_>, findings: &mut Findings) -> Option<HostsProvider> {
    let mut fields = Fields::open(slot, "`hosts`", findings)?;
    let user = fields.optional("user", findings, text::user);
    let identity = fields.optional("identity", findings, text::filled);
    let port = fields.optional("port", findings, text::port);
    fields.finish(findings);
    Some(HostsProvider { user, identity, port })
}

fn network(slot: &Slot<'_>, findings: &mut Findings) -> Option<Network> {
    let mut fields = Fields::open(slot, "`network`", findings)?;
    let operators = fields.required("operators", findings, text::networks);
    let clients = fields.required("clients", findings, text::networks);
    fields.finish(findings);
    Some(Network { operators: operators?, clients: clients? })
}

fn groups(
    slot: &Slot<'_>,
    provider: Option<ProviderKind>,
    findings: &mut Findings,
) -> Option<IndexMap<GroupName, Group>> {
    if slot.node.is_null() || slot.node.map().is_some_and(IndexMap::is_empty) {
        findings
            .error("bear::fleet::no_groups", slot.span(), "the fleet has no groups")
            .label("nothing below it")
            .help("write one group at least; to take a whole fleet down, use `bear destroy`");
        return None;
    }
    named(slot, "group", findings, |slot, findings| group(slot, provider, findings))
}

fn group(slot: &Slot<'_>, provider: Option<ProviderKind>, findings: &mut Findings) -> Option<Group> {
    let mut fields = Fields::open(slot, "a group", findings)?;
    let count = fields.optional("count", findings, count);
    let members = fields.optional("members", findings, |slot, findings| {
        named(slot, "member", findings, |slot, findings| member(slot, provider, findings))
    });
    let machine = fields.optional("machine", findings, machine::read);
    let install = fields.optional("install", findings, install::read);
    let broker = fields.required("broker", findings, |slot, findings| broker::read(slot, provider, findings));
    let ports = fields.optional("ports", findings, ports).unwrap_or_default();
    let keep_data = fields.optional("keep_data", findings, text::truth).unwrap_or_default();
    let protect = fields.optional("protect", findings, text::truth).unwrap_or_default();
    allowed_in_group(&fields, provider, findings);
    fields.finish(findings);
    Some(Group { count, members, machine, install, broker: broker?, ports, keep_data, protect })
}

/// Which keys a group has with which provider.
fn allowed_in_group(fields: &Fields<'_, '_>, provider: Option<ProviderKind>, findings: &mut Findings) {
    match provider {
        Some(ProviderKind::Local) => {
            fields.forbid("machine", "brokers of `local` run on this machine", findings);
            fields.forbid("install", "the embedded broker needs nothing installed", findings);
        }
        Some(ProviderKind::Hosts) => {
            fields.forbid("machine", "hosts exist already, bear makes none", findings);
            fields.forbid("count", "hosts exist already, so they are named: use `members`", findings);
        }
        Some(ProviderKind::Aws) if fields.get("machine").is_none() => fields.missing("machine", findings),
        _ => {}
    }
    if matches!(provider, Some(ProviderKind::Local | ProviderKind::Aws)) {
        fields.forbid(
            "keep_data",
            "only hosts outlive their instances; here the data goes with the machine",
            findings,
        );
    }
    match (fields.get("count"), fields.get("members")) {
        (None, None) if provider == Some(ProviderKind::Hosts) => fields.missing("members", findings),
        (None, None) if !fields.misspells("count") && !fields.misspells("members") => {
            findings
                .error(
                    "bear::fleet::count_or_members",
                    fields.key(),
                    "a group has neither `count` nor `members`",
                )
                .label("a group needs one of them")
                .help("write how many instances, such as `count: 3`, or `members:` and a name for each");
        }
        (Some(_), Some(members)) if provider != Some(ProviderKind::Hosts) => {
            findings
                .error(
                    "bear::fleet::count_or_members",
                    members.key,
                    "a group has a `count` or `members`, not both",
                )
                .label("beside `count`")
                .help("use `count` for instances that are alike, `members` for instances with names");
        }
        _ => {}
    }
}

fn count(slot: &Slot<'_>, findings: &mut Findings) -> Option<u32> {
    text::number(
        slot,
        0..=INSTANCES_MAX,
        "a count is between 0 and 100000, which is as far as planning is measured",
        findings,
    )
}

fn member(slot: &Slot<'_>, provider: Option<ProviderKind>, findings: &mut Findings) -> Option<Member> {
    let mut fields = Fields::open(slot, "a member", findings)?;
    let address = if provider == Some(ProviderKind::Hosts) {
        fields.required("address", findings, text::address)
    } else {
        fields.optional("address", findings, text::address)
    };
    let port = fields.optional("port", findings, text::port);
    let user = fields.optional("user", findings, text::user);
    let identity = fields.optional("identity", findings, text::filled);
    let host_key = fields.optional("host_key", findings, host_key::read);
    let ports = fields.optional("ports", findings, ports).unwrap_or_default();
    if matches!(provider, Some(ProviderKind::Local | ProviderKind::Aws)) {
        for key in ["address", "port", "user", "identity", "host_key"] {
            fields.forbid(key, "only members of a `hosts` fleet have it", findings);
        }
    }
    fields.finish(findings);
    Some(Member { address, port, user, identity, host_key, ports })
}

fn ports(slot: &Slot<'_>, findings: &mut Findings) -> Option<Ports> {
    let mut fields = Fields::open(slot, "`ports`", findings)?;
    let mqtt = fields.optional("mqtt", findings, text::port);
    let mqtts = fields.optional("mqtts", findings, text::port);
    let ws = fields.optional("ws", findings, text::port);
    let wss = fields.optional("wss", findings, text::port);
    let dashboard = fields.optional("dashboard", findings, text::port);
    fields.finish(findings);
    Some(Ports { mqtt, mqtts, ws, wss, dashboard })
}
