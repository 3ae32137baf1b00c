//! Security groups and their rules.

use tokio::time::Instant;

use super::Truth;

/// A security group as it really is.
#[derive(Clone, Debug)]
pub struct SecurityGroup {
    /// Such as `sg-0123456789abcdef0`.
    pub id: String,
    /// Its name, of which a VPC has only one.
    pub name: String,
    /// What its maker said of it.
    pub description: String,
    /// Its rules, inbound and outbound, in the order in which they were made.
    pub rules: Vec<GroupRule>,
    pub(in super::super) visible_from: Instant,
}

/// One rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// Such as `sgr-0123456789abcdef0`.
    pub id: String,
    /// Whether it is about what goes out.
    pub egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub protocol: String,
    /// The first and the last port; for ICMP the type and the code; none where the protocol has none.
    pub ports: Option<(i32, i32)>,
    /// Where it comes from, or goes to.
    pub peer: Peer,
    /// What its maker said of it.
    pub description: Option<String>,
}

/// The other side of what a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A block of IPv4 addresses.
    Ipv4(String),
    /// A block of IPv6 addresses.
    Ipv6(String),
    /// The members of a security group, by its id.
    Group(String),
    /// A prefix list, by its id.
    PrefixList(String),
}

impl GroupRule {
    /// Whether it lets the same through, whatever it is called.
    pub fn same_as(&self, other: &Self) -> bool {
        self.egress == other.egress
            && self.protocol == other.protocol
            && self.ports == other.ports
            && self.peer == other.peer
    }
}

impl SecurityGroup {
    /// A group that lets everything out and nothing in.
    pub(in super::super) fn new(
        truth: &mut Truth,
        name: &str,
        description: &str,
        visible_from: Instant,
    ) -> Self {
        let everything_out = GroupRule {
            id: truth.chance.id("sgr"),
            egress: true,
            protocol: "-1".to_owned(),
            ports: None,
            peer: Peer::Ipv4("0.0.0.0/0".to_owned()),
            description: None,
        };
        Self {
            id: truth.chance.id("sg"),
            name: name.to_owned(),
            description: description.to_owned(),
            rules: vec![everything_out],
            visible_from,
        }
    }
}

impl Truth {
    /// Whether deleting a group would leave something behind that needs it.
    pub(in super::super) fn needs_group(&self, id: &str) -> bool {
        let member = |groups: &[String]| groups.iter().any(|group| group == id);
        // Until it is terminated, an instance keeps its interface, and that keeps its groups.
        self.instances.values().any(|it| it.ended.is_none() && member(&it.groups))
            || self
                .groups
                .values()
                .filter(|group| group.id != id)
                .any(|group| group.rules.iter().any(|rule| rule.peer == Peer::Group(id.to_owned())))
    }
}
