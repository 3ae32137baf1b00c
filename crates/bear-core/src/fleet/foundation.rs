//! What the machines of a fleet on EC2 share: where they are made, and who may reach them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::model::{Broker, Fleet, Group, Network, Ports, Provider};
use crate::name::MemberName;

/// What the machines of a fleet on EC2 share, spelled out. Recorded in the state, and compared with it field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foundation {
    /// The region of the machines.
    pub region: String,
    /// The profile of the AWS configuration to take credentials from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Another address of the EC2 service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Who may reach the machines; none where `security_groups` are named, and it is theirs to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The TCP ports that are open to `network.clients`: those of every MQTT listener.
    pub listeners: BTreeSet<u16>,
    /// The TCP ports that are open to `network.operators` beside SSH's: those of dashboards that listen on more than
    /// their own machine.
    pub dashboards: BTreeSet<u16>,
    /// Whether the ports of a cluster of EMQX are open among the machines.
    pub cluster: bool,
    /// The network that the machines are made in, where it is not the region's default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// The subnets that the machines are spread over, where they are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// The security groups that exist already, where some are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// The key pair that exists already, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// Tags for everything that bear makes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Fleet {
    /// What the fleet's machines share; none where bear makes no machines.
    pub fn foundation(&self) -> Option<Foundation> {
        let Provider::Aws(aws) = &self.provider else { return None };
        let groups = || self.groups.values();
        Some(Foundation {
            region: aws.region.clone(),
            profile: aws.profile.clone(),
            endpoint_url: aws.endpoint_url.clone(),
            network: self.network.clone(),
            listeners: groups()
                .flat_map(ports)
                .flat_map(|(_, ports)| listeners(ports))
                .map(|(_, port)| port)
                .collect(),
            dashboards: groups().flat_map(dashboards).collect(),
            cluster: groups().any(clusters),
            vpc: aws.vpc.clone(),
            subnets: aws.subnets.clone(),
            security_groups: aws.security_groups.clone(),
            key_pair: aws.key_pair.clone(),
            tags: aws.tags.clone(),
        })
    }
}

/// The ports of each of a group's instances, with the names of its members; once where they are alike. A group of no
/// instances has the ports that its next one would have, so that shrinking it to none and growing it again touches no
/// rule.
pub(super) fn ports(group: &Group) -> impl Iterator<Item = (Option<&MemberName>, Ports)> {
    let like = group.members.is_none().then_some((None, group.ports));
    let members = group.members.iter().flatten();
    let members = members.map(|(name, member)| (Some(name), member.ports.or(group.ports)));
    let defaults = group.broker.default_ports();
    like.into_iter().chain(members).map(move |(name, ports)| (name, ports.or(defaults)))
}

/// The ports of an instance that clients reach.
pub(super) fn listeners(ports: Ports) -> impl Iterator<Item = (&'static str, u16)> {
    Ports { dashboard: None, ..ports }.iter()
}

/// The ports of a group's dashboards. One that listens on its own machine alone, as it does unless the fleet file says
/// else, is reached through SSH and needs no port.
pub(super) fn dashboards(group: &Group) -> impl Iterator<Item = u16> {
    let bind = if let Broker::Emqx(emqx) = &group.broker { emqx.dashboard_bind } else { None };
    let from_outside = bind.filter(|bind| !bind.is_loopback());
    from_outside.into_iter().flat_map(|_| ports(group)).filter_map(|(_, ports)| ports.dashboard)
}

/// Whether the brokers of a group can be nodes of a cluster.
pub(super) fn clusters(group: &Group) -> bool {
    matches!(group.broker, Broker::Emqx(_))
}
