//! A fleet spelled out: every instance by name, with all that its group, its member entry and the provider say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::{Broker, Fleet, Group, Install, Machine, Member, Ports, Provider, ProviderKind};
use crate::name::{GroupName, InstanceName, NameError};

/// One instance that the fleet wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its name.
    pub name: InstanceName,
    /// The group it belongs to.
    pub group: GroupName,
    /// What it shall be; shared by like instances.
    pub spec: Arc<Spec>,
}

/// What an instance shall be. Recorded in the state, and compared with it field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Where its machine comes from.
    pub provider: ProviderKind,
    /// The region of its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The machine to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// The host to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// What is installed below the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// The broker and its settings.
    pub broker: Broker,
    /// The ports that the fleet file asks for.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
}

/// A host that exists already, and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its address.
    pub address: String,
    /// Its SSH port.
    pub port: u16,
    /// The user to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

impl Fleet {
    /// Every instance of the fleet, in the order of the file.
    ///
    /// # Errors
    ///
    /// A name that grows too long when fleet, group and member are put together. A fleet that was read by
    /// [`crate::fleet::parse`] has none.
    pub fn instances(&self) -> Result<Vec<Instance>, NameError> {
        let mut instances = Vec::new();
        for (name, group) in &self.groups {
            let shared = Arc::new(self.spec(group, &Member::default()));
            for index in 1..=group.count.unwrap_or(0) {
                instances.push(Instance {
                    name: InstanceName::of(&self.name, name, index)?,
                    group: name.clone(),
                    spec: Arc::clone(&shared),
                });
            }
            for (member_name, member) in group.members.iter().flatten() {
                instances.push(Instance {
                    name: InstanceName::of(&self.name, name, member_name)?,
                    group: name.clone(),
                    spec: if *member == Member::default() {
                        Arc::clone(&shared)
                    } else {
                        Arc::new(self.spec(group, member))
                    },
                });
            }
        }
        Ok(instances)
    }

    fn spec(&self, group: &Group, member: &Member) -> Spec {
        let (region, host) = match &self.provider {
            Provider::Local(_) => (None, None),
            Provider::Aws(aws) => (Some(aws.region.clone()), None),
            Provider::Hosts(hosts) => {
                let host = member.address.as_ref().map(|address| Host {
                    address: address.clone(),
                    port: member.port.or(hosts.port).unwrap_or(22),
                    user: member.user.clone().or_else(|| hosts.user.clone()),
                    identity: member.identity.clone().or_else(|| hosts.identity.clone()),
                });
                (None, host)
            }
        };
        Spec {
            provider: self.provider.kind(),
            region,
            machine: group.machine.clone(),
            host,
            install: group.install.clone(),
            broker: group.broker.clone(),
            ports: member.ports.or(group.ports),
        }
    }
}
