//! What only the fleet as a whole can get wrong: names, ports and addresses that meet, and too much of everything.

use std::collections::HashMap;

use indexmap::IndexMap;
use miette::SourceSpan;

use super::findings::Findings;
use super::model::{Broker, Group, HostsProvider, Member, Network, Provider};
use super::shape::{Draft, INSTANCES_MAX};
use super::tree::Slot;
use super::words::quoted;
use crate::name::{FleetName, GroupName, InstanceName, MemberName};

type Groups = IndexMap<GroupName, Group>;

/// Holds every rule against a fleet, as far as it could be read.
pub(super) fn check(draft: &Draft, root: &Slot<'_>, findings: &mut Findings) {
    let file = File { root };
    if let Some(groups) = &draft.groups {
        total(groups, file, findings);
        names_that_meet(draft.name.as_ref().map_or("…", FleetName::as_str), groups, file, findings);
        embedded_listeners(groups, file, findings);
        ports(groups, matches!(draft.provider, Some(Provider::Local(_))), file, findings);
        if let Some(name) = &draft.name {
            names_too_long(name, groups, file, findings);
        }
        if let Some(Provider::Hosts(hosts)) = &draft.provider {
            same_host(hosts, groups, file, findings);
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

    /// Where a port of an instance is written: with the member, else with the group.
    fn port(self, group: &GroupName, member: Option<&MemberName>, listener: &str) -> Option<SourceSpan> {
        let of_member = member.and_then(|member| {
            self.slot(["groups", group.as_str(), "members", member.as_str(), "ports", listener])
        });
        of_member.or_else(|| self.slot(["groups", group.as_str(), "ports", listener])).map(Slot::span)
    }
}

fn total(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let mut total = 0;
    for (name, group) in groups {
        let (key, size) = match (&group.members, group.count) {
            (Some(members), _) => ("members", members.len()),
            (None, count) => ("count", count.unwrap_or(0) as usize),
        };
        total += size;
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

fn embedded_listeners(groups: &Groups, file: File<'_, '_>, findings: &mut Findings) {
    let embedded = groups.iter().filter(|(_, group)| matches!(group.broker, Broker::Embedded(_)));
    for (name, member, _) in embedded.flat_map(|(name, group)| settings(name, group)) {
        for listener in ["mqtts", "wss"] {
            let path = [
                "groups",
                name.as_str(),
                "members",
                member.map_or("", MemberName::as_str),
                "ports",
                listener,
            ];
            let of_group = ["groups", name.as_str(), "ports", listener];
            let slot = if member.is_some() { file.slot(path) } else { file.slot(of_group) };
            if let Some(slot) = slot {
                findings
                    .error(
                        "bear::fleet::listener",
                        slot.key,
                        format!("the embedded broker has no `{listener}` listener"),
                    )
                    .label("TLS comes with a later version")
                    .help(format!("leave it out; `{}` is there", listener.trim_end_matches('s')));
            }
        }
    }
}

/// The group's own settings, then those of each member.
fn settings<'g>(
    name: &'g GroupName,
    group: &'g Group,
) -> impl Iterator<Item = (&'g GroupName, Option<&'g MemberName>, Option<&'g Member>)> {
    let members = group.members.iter().flatten();
    std::iter::once((name, None, None)).chain(members.map(move |(member, it)| (name, Some(member), Some(it))))
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
            for (listener, port) in ports.iter() {
                let owner = match member {
                    Some(member) => format!("`{listener}` of `{name}-{member}`"),
                    None => format!("`{listener}` of `{name}`"),
                };
                if let Some(first) = taken.get(&port) {
                    findings
                        .error(
                            "bear::fleet::same_port",
                            file.port(name, member, listener),
                            format!("port {port} is taken by {first}"),
                        )
                        .label(format!("can't be {owner} as well"))
                        .help("give each listener a port of its own, or leave the port out");
                } else {
                    taken.insert(port, owner);
                }
            }
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
            let port = it.port.or(hosts.port).unwrap_or(22);
            let Some((first_group, first)) = seen.insert((address, port), (name, member)) else {
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
