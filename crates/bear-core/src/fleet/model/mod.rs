//! What a fleet file says, as types. The JSON Schema of `bear schema` is generated from these.

mod aws;
mod broker;

use indexmap::IndexMap;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use aws::{AwsProvider, Connect, Machine};
pub use broker::{Authentication, Broker, Embedded, Emqx, Mosquitto, Ports, SecretRef, Tls};

use crate::name::{FleetName, GroupName, MemberName};

/// A fleet: brokers in groups, and where their machines come from.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "bear fleet file", transform = super::schema::with_extensions)]
pub struct Fleet {
    /// The name of the fleet. Instances are named `<fleet>-<group>-<index or member>`.
    #[serde(rename = "fleet")]
    pub name: FleetName,
    /// Where the machines come from.
    #[schemars(schema_with = "super::schema::provider")]
    pub provider: Provider,
    /// Who may reach the instances. The `aws` provider asks for it, unless `security_groups` are named; nothing is
    /// opened if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// The groups of like instances, by name.
    #[schemars(extend("minProperties" = 1))]
    pub groups: IndexMap<GroupName, Group>,
}

/// Where machines come from.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// This machine: every broker is a process of its own on the loopback interface.
    Local(LocalProvider),
    /// Machines that exist already, reached over SSH.
    Hosts(HostsProvider),
    /// Instances on Amazon EC2.
    Aws(Box<AwsProvider>),
}

/// Which provider, without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// This machine.
    Local,
    /// Machines that exist already.
    Hosts,
    /// Amazon EC2.
    Aws,
}

impl ProviderKind {
    /// The name as it stands in a fleet file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Hosts => "hosts",
            Self::Aws => "aws",
        }
    }
}

impl Provider {
    /// Which provider this is.
    pub const fn kind(&self) -> ProviderKind {
        match self {
            Self::Local(_) => ProviderKind::Local,
            Self::Hosts(_) => ProviderKind::Hosts,
            Self::Aws(_) => ProviderKind::Aws,
        }
    }
}

/// Settings of the `local` provider: there are none yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::or_nothing)]
pub struct LocalProvider {}

/// Settings of the `hosts` provider: how to log in, unless a member says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::or_nothing)]
pub struct HostsProvider {
    /// The user to log in as; what ssh itself would take if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with; what ssh itself would take if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The SSH port; what `~/.ssh/config` says, else 22, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// Who may reach the instances of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The networks that may reach SSH and the dashboard.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub operators: Vec<IpNet>,
    /// The networks that may reach the MQTT listeners.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub clients: Vec<IpNet>,
}

/// A named set of like instances. It has either a `count` or `members`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::count_or_members)]
pub struct Group {
    /// How many instances. They are numbered from 1, and the group grows and shrinks at the end; the `members` if left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = super::shape::INSTANCES_MAX))]
    pub count: Option<u32>,
    /// The instances by name, each with what sets it apart. Removing one touches one; as many as `count` says if left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<IndexMap<MemberName, Member>>,
    /// The machine that the provider is to make, for the `aws` provider, which asks for it; none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Packages that the broker stands on, each pinned; what the host has if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// The broker that runs on each instance.
    #[schemars(schema_with = "super::schema::broker")]
    pub broker: Broker,
    /// The ports of the broker's listeners; the broker's default, or free ones with the `local` provider, if left out.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
    /// Whether the broker's data stays on a host when the instance is destroyed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_data: bool,
    /// Whether no plan may destroy or replace its instances.
    #[serde(default, skip_serializing_if = "is_false")]
    pub protect: bool,
}

impl Group {
    /// How many instances it has.
    pub fn size(&self) -> usize {
        self.members.as_ref().map_or(self.count.unwrap_or(0) as usize, IndexMap::len)
    }
}

/// What sets one member of a group apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::or_nothing)]
pub struct Member {
    /// The address of the host, for the `hosts` provider, which asks for it; none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The SSH port of the host; what the provider says if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The user to log in as; whom the provider says if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with; that which the provider says if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The host's public key, `TYPE BASE64`, or its fingerprint, `SHA256:…`. Any other is refused; on first contact
    /// bear asks if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// The ports of this member's listeners; those of the group if left out.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
}

/// Packages that a broker stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// Docker; whatever the host has if left out. The exact version alone will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::docker")]
    pub docker: Option<Docker>,
}

/// Docker, from its own package source or from the distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// The exact version of the package. One that begins with `5:`, such as `5:20.10.13~3-0~ubuntu-jammy`, is of
    /// Docker's own `docker-ce`; any other of the distribution's `docker.io`.
    pub version: Pin,
    /// The exact version of `containerd.io`; the newest that fits if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd: Option<Pin>,
    /// Another package source, such as a mirror; Docker's own if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
}

/// A package source that has Docker's packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its address, such as `https://mirror.example/linux/ubuntu`.
    pub url: String,
    /// Its suite; the code name of the host's release if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// The address of its signing key in ASCII armour; `gpg` below the source's address if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_url: Option<String>,
    /// The fingerprint of that key in 40 hexadecimal digits; Docker's own if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// An exact version. Never `latest`: what runs must be what was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transform = super::schema::exact)]
pub struct Pin(pub String);

/// For settings that are left out where they say no.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) const fn is_false(it: &bool) -> bool {
    !*it
}
