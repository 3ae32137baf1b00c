//! The rules of the fleet's security group: which there shall be, which there are, and the difference.
//!
//! Only what comes in has rules. What goes out may go anywhere, as EC2 sets up every group.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use bear_core::fleet::Foundation;
use bear_core::observed::Drift;

const SSH: u16 = 22;
/// EMQX's ports for its cluster: the distribution port of its one node on a machine, and that of its RPC.
const CLUSTER: [u16; 2] = [4370, 5369];

/// One rule: who may reach which ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// `tcp`, `udp`, `icmp`, or `-1` for all.
    protocol: String,
    /// The first and the last port; none where the protocol has none.
    ports: Option<(i32, i32)>,
    peer: Peer,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    /// A network, such as `203.0.113.0/24` or `2001:db8::/32`.
    Network(String),
    /// All that is in a security group.
    Group(String),
    /// A managed list of networks.
    List(String),
}

impl Rule {
    fn tcp(port: u16, peer: Peer) -> Self {
        Self { protocol: "tcp".to_owned(), ports: Some((port.into(), port.into())), peer }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.protocol == "-1" { "everything" } else { &self.protocol };
        f.write_str(protocol)?;
        match self.ports {
            Some((from, to)) if from == to => write!(f, " {from}")?,
            Some((from, to)) => write!(f, " {from}-{to}")?,
            None => {}
        }
        match &self.peer {
            Peer::Network(peer) | Peer::Group(peer) | Peer::List(peer) => write!(f, " from {peer}"),
        }
    }
}

/// The rules that a foundation asks for, in the group with this id.
pub(crate) fn wanted(foundation: &Foundation, group: &str) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    if let Some(network) = &foundation.network {
        // EC2 keeps networks with the bits of the host cleared.
        for operators in network.operators.iter().map(|net| net.trunc().to_string()) {
            let ports = foundation.dashboards.iter().copied().chain([SSH]);
            rules.extend(ports.map(|port| Rule::tcp(port, Peer::Network(operators.clone()))));
        }
        for clients in network.clients.iter().map(|net| net.trunc().to_string()) {
            let ports = foundation.listeners.iter().copied();
            rules.extend(ports.map(|port| Rule::tcp(port, Peer::Network(clients.clone()))));
        }
    }
    if foundation.cluster {
        rules.extend(CLUSTER.map(|port| Rule::tcp(port, Peer::Group(group.to_owned()))));
    }
    rules
}

/// The rules that EC2 tells of.
pub(crate) fn told(permissions: &[IpPermission]) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        let protocol = permission.ip_protocol().unwrap_or_default().to_owned();
        let ports = permission.from_port().zip(permission.to_port());
        let networks = permission.ip_ranges().iter().filter_map(IpRange::cidr_ip);
        let networks = networks.chain(permission.ipv6_ranges().iter().filter_map(Ipv6Range::cidr_ipv6));
        let groups = permission.user_id_group_pairs().iter().filter_map(UserIdGroupPair::group_id);
        let lists = permission.prefix_list_ids().iter().filter_map(PrefixListId::prefix_list_id);
        let peers = networks.map(|it| Peer::Network(it.to_owned()));
        let peers = peers.chain(groups.map(|it| Peer::Group(it.to_owned())));
        let peers = peers.chain(lists.map(|it| Peer::List(it.to_owned())));
        rules.extend(peers.map(|peer| Rule { protocol: protocol.clone(), ports, peer }));
    }
    rules
}

/// Rules as the SDK takes them.
pub(crate) fn sdk<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<IpPermission> {
    let permission = |rule: &Rule| {
        let permission = IpPermission::builder()
            .ip_protocol(&rule.protocol)
            .set_from_port(rule.ports.map(|(from, _)| from))
            .set_to_port(rule.ports.map(|(_, to)| to));
        let permission = match &rule.peer {
            Peer::Network(net) if net.contains(':') => {
                permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(net).build())
            }
            Peer::Network(net) => permission.ip_ranges(IpRange::builder().cidr_ip(net).build()),
            Peer::Group(id) => {
                permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
            }
            Peer::List(id) => permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(id).build()),
        };
        permission.build()
    };
    rules.into_iter().map(permission).collect()
}

/// What somebody added, and what somebody took away.
pub(crate) fn drift(is: &BTreeSet<Rule>, was: &BTreeSet<Rule>) -> Vec<Drift> {
    let drift = |is: String, was: String| Drift { what: "rules".to_owned(), is, was };
    let added = is.difference(was).map(|rule| drift(rule.to_string(), "not there".to_owned()));
    let gone = was.difference(is).map(|rule| drift("not there".to_owned(), rule.to_string()));
    added.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bear_core::fleet::model::Network;

    use super::*;

    fn foundation() -> Foundation {
        Foundation {
            region: "eu-west-3".to_owned(),
            profile: None,
            endpoint_url: None,
            network: Some(Network {
                operators: vec!["203.0.113.7/32".parse().unwrap()],
                clients: vec!["10.1.2.3/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            }),
            listeners: BTreeSet::from([1883]),
            dashboards: BTreeSet::from([18083]),
            cluster: true,
            vpc: None,
            subnets: Vec::new(),
            security_groups: Vec::new(),
            key_pair: None,
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn who_may_reach_what() {
        let rules = wanted(&foundation(), "sg-1");
        let rules = rules.iter().map(Rule::to_string).collect::<Vec<_>>();
        insta::assert_snapshot!(rules.join("\n"), @r"
        tcp 22 from 203.0.113.7/32
        tcp 1883 from 10.0.0.0/8
        tcp 1883 from 2001:db8::/32
        tcp 4370 from sg-1
        tcp 5369 from sg-1
        tcp 18083 from 203.0.113.7/32
        ");
    }

    #[test]
    fn rules_survive_the_way_to_the_sdk_and_back() {
        let rules = wanted(&foundation(), "sg-1");
        assert_eq!(told(&sdk(&rules)), rules);
    }

    #[test]
    fn drift_has_both_directions() {
        let was = wanted(&foundation(), "sg-1");
        let mut is = was.clone();
        is.pop_first();
        is.insert(Rule::tcp(22, Peer::Network("0.0.0.0/0".to_owned())));
        let told = drift(&is, &was);
        let told = told.iter().map(|drift| format!("is {}, was {}", drift.is, drift.was)).collect::<Vec<_>>();
        assert_eq!(
            told,
            ["is tcp 22 from 0.0.0.0/0, was not there", "is not there, was tcp 22 from 203.0.113.7/32"]
        );
    }
}
