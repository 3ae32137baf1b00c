//! A fleet spelled out: every instance by name, with all that its group, its member entry and the provider say.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::image;
use super::model::{
    AwsProvider, Broker, Connect, Fleet, Group, Install, Machine, Member, Ports, Provider, ProviderKind,
};
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
#[serde(deny_unknown_fields)]
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
    /// How to log in to a machine that bear makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// What is installed below the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// The broker and its settings.
    pub broker: Broker,
    /// The ports that the fleet file asks for.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
    /// Whether the broker's data outlives the instance.
    #[serde(default, skip_serializing_if = "super::model::is_false")]
    pub keep_data: bool,
}

/// A host that exists already, and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its address.
    pub address: String,
    /// Its SSH port; what the user's ssh configuration says if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The user to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The only host key to accept, or its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
}

/// How to log in to a machine that bear makes. Recorded, so that the machine can be reached when the fleet file is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The user to log in as.
    pub user: String,
    /// The private key file to log in with; what ssh itself would take if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// By which of its addresses.
    #[serde(default)]
    pub connect: Connect,
}

/// Where SSH answers: what tells one host from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    address: String,
    port: u16,
}

impl Endpoint {
    /// SSH at an address, on port 22 if nothing else is said. The user's ssh configuration may say else; two hosts
    /// are then taken for one at worst.
    pub fn new(address: &str, port: Option<u16>) -> Self {
        let number = address.parse::<IpAddr>().map(|number| number.to_string());
        Self { address: number.unwrap_or_else(|_| address.to_ascii_lowercase()), port: port.unwrap_or(22) }
    }
}

impl Host {
    /// Where its SSH answers.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.address, self.port)
    }
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
        let (region, host, login) = match &self.provider {
            Provider::Local(_) => (None, None, None),
            Provider::Aws(aws) => (Some(aws.region.clone()), None, login(aws, group)),
            Provider::Hosts(hosts) => {
                let host = member.address.as_ref().map(|address| Host {
                    address: address.clone(),
                    port: member.port.or(hosts.port),
                    user: member.user.clone().or_else(|| hosts.user.clone()),
                    identity: member.identity.clone().or_else(|| hosts.identity.clone()),
                    host_key: member.host_key.clone(),
                });
                (None, host, None)
            }
        };
        Spec {
            provider: self.provider.kind(),
            region,
            machine: group.machine.clone(),
            host,
            login,
            install: group.install.clone(),
            broker: group.broker.clone(),
            ports: member.ports.or(group.ports),
            keep_data: group.keep_data,
        }
    }
}

/// None only where an exact image comes without a user, which [`crate::fleet::parse`] refuses.
fn login(aws: &AwsProvider, group: &Group) -> Option<Login> {
    let user = aws.user.as_deref().or_else(|| image::user(&group.machine.as_ref()?.image))?;
    Some(Login { user: user.to_owned(), identity: aws.identity.clone(), connect: aws.connect.clone() })
}
