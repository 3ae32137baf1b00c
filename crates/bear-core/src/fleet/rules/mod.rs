//! What only the fleet as a whole can get wrong: names, ports and addresses that meet, and too much of everything.

mod aws;

use std::collections::HashMap;
use std::fmt;

use indexmap::IndexMap;
use miette::SourceSpan;

use crate::fleet::findings::Findings;
use crate::fleet::model::{Broker, Emqx, Group, HostsProvider, Network, Ports, Provider};
use crate::fleet::shape::{Draft, INSTANCES_MAX};
use crate::fleet::spec::Endpoint;
use crate::fleet::tree::Slot;
use crate::fleet::words::quoted;
use crate::name::{FleetName, GroupName, InstanceName, MemberName};

type Groups = IndexMap<GroupName, Group>;

/// Holds every rule against a fleet, as far as it could be read.
pub(super) fn check(draft: &Draft, root: &Slot<'_>, findings: &mut Findings) {
    let file = File { root };
    if let Some(groups) = &draft.groups {
        total(groups, file, findings);
        names_that_meet(draft.name.as_ref().map_or("…", FleetName::as_str), groups, file, findings);
        listeners(groups, file, findings);
        licenses(groups, file, findings);
        ports(groups, matches!(draft.provider, Some(Provider::Local(_))), file, findings);
        aws::check(groups, file, findings);
        if let Some(name) = &draft.name {
            names_too_long(name, groups, file, findings);
        }
        if let Some(Provider::Hosts(hosts)) = &draft.provider {
            same_host(hosts, groups, file, findings);
            open_dashboards(groups, file, findings);
        }
    }
    if let Some(network) = &draft.network {
        open_to_the_world(network, file, findings);
    }
}

/// Where things stand in the file.
#[derive(Clone, Copy)]
struct File<'r, 't> {
    root: &'r Slot<'t>,
}

impl<'r, 't> File<'r, 't> {
    fn slot<'p>(self, path: impl IntoIterator<Item = &'p str>) -> Option<&'r Slot<'t>> {
        self.root.at(path)
    }

    fn group(self, group: &GroupName, key: &str) -> Option<SourceSpan> {
        self.slot(["groups", group.as_str(), key]).map(Slot::span)
    }

    fn name_of_group(self, group: &GroupName) -> Option<SourceSpan> {
        self.slot(["groups", group.as_str()]).map(|slot| slot.key)
    }

    fn name_of_member(self, group: &GroupName, member: &MemberName) -> Option<SourceSpan> {
        self.slot(["groups", group.as_str(), "members", member.as_str()]).map(|slot| slot.key)
    }

    /// A port that is written with the member, or with the group where there is none.
    fn ports(self, group: &GroupName, member: Option<&MemberName>, listener: &str) -> Option<&'r Slot<'t>> {
        match member {
            None => self.slot(["groups", group.as_str(), "ports", listener]),
            Some(member) => {
                self.slot(["groups", group.as_str(), "members", member.as_str(), "ports", listener])
            }
        }
    }

    /// Where a port of an instance is written: with the member, else with the group.
    fn port(self, group: &GroupName, member: Option<&MemberName>, listener: &str) -> Option<SourceSpan> {
        self.ports(group, member, listener).or_else(|| self.ports(group, None, listener)).map(Slot::span)
    }
}

fn total(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let mut total = 0;
    for (name, group) in groups {
        let key = if group.members.is_some() { "members" } else { "count" };
        total += group.size();
        if total > INSTANCES_MAX as usize {
            findings
                .error(
                    "bear::fleet::too_many",
                    file.group(name, key),
                    format!("a fleet has at most {INSTANCES_MAX} instances, this one has {total} up to here"),
                )
                .label("with these it is too much")
                .help("planning is measured up to that; make several fleets of it");
            return;
        }
    }
}

fn names_too_long(fleet: &FleetName, groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let mut check = |group: &GroupName, last: &str, span: Option<SourceSpan>| {
        if let Err(error) = InstanceName::of(fleet, group, last) {
            let name = format!("{fleet}-{group}-{last}");
            findings
                .error("bear::fleet::name", span, format!("the name of the instance `{name}` is too long"))
                .label(error.to_string())
                .help("instances become host names; choose a shorter name for the fleet, the group or the member");
        }
    };
    for (name, group) in groups {
        if let Some(count) = group.count {
            // The last one has the longest name.
            check(name, &count.to_string(), file.name_of_group(name));
        }
        for member in group.members.iter().flat_map(IndexMap::keys) {
            check(name, member.as_str(), file.name_of_member(name, member));
        }
    }
}

/// Two groups can make the same name only where a member's name has a hyphen: member `b-1` of group `a`, and the
/// first of group `a-b`.
fn names_that_meet(fleet: &str, groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    for (short, group) in groups {
        for member in group.members.iter().flat_map(IndexMap::keys) {
            for (hyphen, _) in member.as_str().match_indices('-') {
                let (rest, last) = (&member.as_str()[..hyphen], &member.as_str()[hyphen + 1..]);
                let long = format!("{short}-{rest}").parse::<GroupName>().ok();
                let Some((long, other)) = long.and_then(|long| groups.get_key_value(&long)) else { continue };
                if !has_instance(other, last) {
                    continue;
                }
                let message = format!("two instances would be named `{fleet}-{short}-{member}`");
                let (of_member, of_group) = (file.name_of_member(short, member), file.name_of_group(long));
                let offset = |span: Option<SourceSpan>| span.map(|span| span.offset());
                let (second, first) = if offset(of_member) > offset(of_group) {
                    (of_member, format!("group `{long}`"))
                } else {
                    (of_group, format!("member `{member}` of group `{short}`"))
                };
                findings
                    .error("bear::fleet::same_name", second, message)
                    .label(format!("{first} makes the same name"))
                    .help("rename the member, or one of the groups");
            }
        }
    }
}

/// Whether the name of one of a group's instances ends in `last`.
fn has_instance(group: &Group, last: &str) -> bool {
    let index = last.parse::<u32>().ok().filter(|index| index.to_string() == last);
    let counted = index.zip(group.count).is_some_and(|(index, count)| (1..=count).contains(&index));
    let named = || group.members.as_ref().zip(last.parse::<MemberName>().ok());
    counted || named().is_some_and(|(members, last)| members.contains_key(&last))
}

/// No port for a listener that the broker does not have.
fn listeners(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    for (name, group) in groups {
        let members = group.members.iter().flatten().map(|(name, member)| (Some(name), member.ports));
        for (member, ports) in std::iter::once((None, group.ports)).chain(members) {
            for (listener, _) in ports.iter() {
                let Some(Missing { message, label, help }) = missing(&group.broker, listener) else {
                    continue;
                };
                let key = file.ports(name, member, listener).map(|slot| slot.key);
                findings.error("bear::fleet::listener", key, message).label(label).help(help);
            }
        }
    }
}

/// Why a broker has no such listener.
struct Missing {
    message: String,
    label: &'static str,
    help: String,
}

fn missing(broker: &Broker, listener: &str) -> Option<Missing> {
    let plain = matches!(listener, "mqtts" | "wss").then(|| &listener[..listener.len() - 1]);
    let no_certificate = |name| Missing {
        message: format!("{name} has no `{listener}` listener without a certificate"),
        label: "TLS needs one",
        help: format!("write `tls:` with `certificate` and `key` below `{}:`", broker.as_str()),
    };
    match (broker, plain) {
        (Broker::Embedded(_), Some(plain)) => Some(Missing {
            message: format!("the embedded broker has no `{listener}` listener"),
            label: "TLS comes with a later version",
            help: format!("leave it out; `{plain}` is there"),
        }),
        (Broker::Emqx(emqx), Some(_)) if emqx.tls.is_none() => Some(no_certificate("EMQX")),
        (Broker::Mosquitto(mosquitto), Some(_)) if mosquitto.tls.is_none() => {
            Some(no_certificate("Mosquitto"))
        }
        (Broker::Mosquitto(_), None) if listener == "dashboard" => Some(Missing {
            message: String::from("Mosquitto has no `dashboard`"),
            label: "nothing would listen there",
            help: String::from("leave it out"),
        }),
        _ => None,
    }
}

/// From 5.9 on, EMQX's licence grants production use of one node. Whether that means several which are no cluster is
/// disputed, and they do start; so it is a warning.
fn licenses(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let unlicensed = groups.iter().filter(|(_, group)| {
        matches!(&group.broker, Broker::Emqx(emqx) if emqx.license.is_none() && emqx.version.needs_emqx_license())
    });
    let unlicensed = unlicensed.collect::<Vec<_>>();
    let nodes = unlicensed.iter().map(|(_, group)| group.size()).fold(0, usize::saturating_add);
    let span = unlicensed.first().and_then(|(name, _)| {
        file.slot(["groups", name.as_str(), "broker", "emqx", "version"]).map(Slot::span)
    });
    if let (2.., Some(span)) = (nodes, span) {
        findings
            .warning("bear::fleet::license", span, format!("{nodes} nodes of EMQX have no licence key"))
            .label("the Business Source License grants production use of a single node")
            .help("write `license: { env: NAME }`, or use 5.8.9, the last version under the Apache License");
    }
}

/// Docker opens a published port past the host's own firewall, so a dashboard that listens everywhere is open to
/// whoever reaches the host.
fn open_dashboards(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    for (name, group) in groups {
        let Broker::Emqx(Emqx { dashboard_bind: Some(bind), .. }) = &group.broker else { continue };
        let slot = file.slot(["groups", name.as_str(), "broker", "emqx", "dashboard_bind"]);
        if let (true, Some(slot)) = (bind.is_unspecified(), slot) {
            findings
                .warning("bear::fleet::open_to_the_world", slot.span(), "the dashboard listens on every address")
                .label("past the host's own firewall, for Docker goes around it")
                .help("write the address of a network of operators, or leave it out: `bear open` goes through SSH");
        }
    }
}

/// No port twice on one machine. All instances of a `local` fleet share this one.
fn ports(groups: &Groups, one_machine: bool, file: File<'_, '_>, findings: &mut Findings) {
    let mut taken = HashMap::new();
    for (name, group) in groups {
        let count = group.count.unwrap_or(0);
        if one_machine && count > 1 {
            for (listener, port) in group.ports.iter() {
                findings
                    .error(
                        "bear::fleet::same_port",
                        file.port(name, None, listener),
                        format!("all {count} instances of `{name}` would listen on port {port}"),
                    )
                    .label("this machine has it once")
                    .help("leave it out, and each gets a free port that it keeps; or use `members` with `ports` of their own");
            }
            continue;
        }
        let single = (count > 0).then_some((None, group.ports));
        let members = group.members.iter().flatten();
        let members = members.map(|(member, it)| (Some(member), it.ports.or(group.ports)));
        for (member, ports) in single.into_iter().chain(members) {
            if !one_machine {
                taken.clear();
            }
            let listeners =
                ports.iter().map(|(listener, port)| (Listener { group: name, member, name: listener }, port));
            ports_that_meet(listeners, &mut taken, file, findings);
            default_ports_that_meet(ports, &group.broker, &taken, file, findings);
        }
    }
}

/// A listener whose port is written in the file.
#[derive(Clone, Copy)]
struct Listener<'g> {
    group: &'g GroupName,
    member: Option<&'g MemberName>,
    name: &'static str,
}

impl Listener<'_> {
    fn span(self, file: File<'_, '_>) -> Option<SourceSpan> {
        file.port(self.group, self.member, self.name)
    }
}

/// `mqtt` of `group-member`.
impl fmt::Display for Listener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, member, name } = self;
        match member {
            Some(member) => write!(f, "`{name}` of `{group}-{member}`"),
            None => write!(f, "`{name}` of `{group}`"),
        }
    }
}

fn ports_that_meet<'g>(
    listeners: impl Iterator<Item = (Listener<'g>, u16)>,
    taken: &mut HashMap<u16, Listener<'g>>,
    file: File<'_, '_>,
    findings: &mut Findings,
) {
    for (listener, port) in listeners {
        if let Some(first) = taken.get(&port) {
            let message = format!("port {port} is taken by {first}");
            findings
                .error("bear::fleet::same_port", listener.span(file), message)
                .label(format!("can't be {listener} as well"))
                .help("give each listener a port of its own, or leave the port out");
        } else {
            taken.insert(port, listener);
        }
    }
}

/// No port that a listener has of which nothing is written.
fn default_ports_that_meet(
    ports: Ports,
    broker: &Broker,
    taken: &HashMap<u16, Listener<'_>>,
    file: File<'_, '_>,
    findings: &mut Findings,
) {
    for (listener, port) in broker.default_ports().iter() {
        let is_default = ports.iter().all(|(given, _)| given != listener);
        if let Some(first) = taken.get(&port).filter(|_| is_default) {
            let message = format!("port {port} is taken by `{listener}`");
            findings
                .error("bear::fleet::same_port", first.span(file), message)
                .label("its default")
                .help(format!("take another, or give `{listener}` one of its own"));
        }
    }
}

/// An instance is one machine that carries one broker, so no host is two members. Behind one address there can be
/// two hosts where the SSH ports differ.
fn same_host(hosts: &HostsProvider, groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for (name, group) in groups {
        for (member, it) in group.members.iter().flatten() {
            let Some(address) = &it.address else { continue };
            let endpoint = Endpoint::new(address, it.port.or(hosts.port));
            let Some((first_group, first)) = seen.insert(endpoint, (name, member)) else {
                continue;
            };
            let span =
                file.slot(["groups", name.as_str(), "members", member.as_str(), "address"]).map(Slot::span);
            findings
                .error(
                    "bear::fleet::same_host",
                    span,
                    format!("two members are the host {}", quoted(address)),
                )
                .label(format!("also `{first_group}-{first}`"))
                .help("a host carries one broker; leave one of the members out");
        }
    }
}

fn open_to_the_world(network: &Network, file: File<'_, '_>, findings: &mut Findings) {
    for (index, net) in network.operators.iter().enumerate() {
        let span = file.slot(["network", "operators", &index.to_string()]).map(Slot::span);
        if let (0, Some(span)) = (net.prefix_len(), span) {
            findings
                .warning(
                    "bear::fleet::open_to_the_world",
                    span,
                    "SSH and the dashboard are open to the world",
                )
                .label("every address there is")
                .help("write the networks that operators work from, such as `203.0.113.7/32`");
        }
    }
}
