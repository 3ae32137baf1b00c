//! What a fleet file says, as types. The JSON Schema of `bear schema` is generated from these.

use indexmap::IndexMap;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{FleetName, GroupName, MemberName};
use crate::unit::ByteSize;

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
    /// Who may reach the instances.
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
    Aws(AwsProvider),
}

/// Which provider, without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// The user to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The SSH port; 22 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// Settings of the `aws` provider.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AwsProvider {
    /// The region, such as `eu-west-3`.
    pub region: String,
    /// The profile of the AWS configuration to take credentials from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Another address of the EC2 service, for emulators and private endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
}

/// Who may reach the instances of a fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
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
    /// How many instances; they are numbered from 1, and the group grows and shrinks at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = super::shape::INSTANCES_MAX))]
    pub count: Option<u32>,
    /// The instances by name, each with what sets it apart; removing one touches one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<IndexMap<MemberName, Member>>,
    /// The machine that the provider is to make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Packages that the broker stands on, each pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// The broker that runs on each instance.
    #[schemars(schema_with = "super::schema::broker")]
    pub broker: Broker,
    /// The ports of the broker's listeners; what is left out gets the broker's default, or a free port of this
    /// machine with the `local` provider.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
}

/// What sets one member of a group apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::or_nothing)]
pub struct Member {
    /// The address of the host, for the `hosts` provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The SSH port of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// The user to log in as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The private key file to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The ports of this member's listeners, where they differ from the group's.
    #[serde(default, skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
}

/// A machine that a provider makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Machine {
    /// The instance type, such as `t3.small`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The operating system, such as `ubuntu-22.04`: the newest image of that release, resolved once and recorded.
    pub image: String,
    /// The size of the disk, such as `20 GiB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<ByteSize>,
}

/// Packages that a broker stands on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Install {
    /// The exact version of Docker's package, such as `5:20.10.13~3-0~ubuntu-jammy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<Pin>,
}

/// An exact version. Never `latest`: what runs must be what was reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transform = super::schema::exact)]
pub struct Pin(pub String);

/// The broker that runs on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Broker {
    /// The broker that is built into bear.
    Embedded(Embedded),
    /// EMQX in a container.
    Emqx(Emqx),
    /// Eclipse Mosquitto.
    Mosquitto(Mosquitto),
}

impl Broker {
    /// The name of the broker as it stands in a fleet file.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Embedded(_) => "embedded",
            Self::Emqx(_) => "emqx",
            Self::Mosquitto(_) => "mosquitto",
        }
    }
}

/// Settings of the embedded broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, transform = super::schema::or_nothing)]
pub struct Embedded {
    /// Who is let in; anyone on this machine if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}

/// A user name and a password that clients must present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Authentication {
    /// The user name.
    pub username: String,
    /// Where the password comes from; generated once per fleet if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
}

/// Settings of EMQX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Emqx {
    /// The exact version, such as `5.0.9`.
    pub version: Pin,
    /// Where the password of the dashboard's `admin` comes from; generated once per fleet if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_password: Option<SecretRef>,
}

/// Settings of Mosquitto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Mosquitto {
    /// The exact version of the package, such as `2.0.11-1.2+deb12u2`.
    pub version: Pin,
}

/// Where a secret comes from. The secret itself never stands in a fleet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; one trailing newline is dropped.
    File(String),
    /// The standard output of a command, given as a list; one trailing newline is dropped.
    Command(Vec<String>),
}

/// The ports of a broker's listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ports {
    /// MQTT over TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub mqtt: Option<u16>,
    /// MQTT over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub mqtts: Option<u16>,
    /// MQTT over a websocket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub ws: Option<u16>,
    /// MQTT over a websocket and TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub wss: Option<u16>,
    /// The dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub dashboard: Option<u16>,
}

impl Ports {
    /// Whether no port is given.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The ports that are given, with the names of their listeners.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u16)> + use<> {
        [
            ("mqtt", self.mqtt),
            ("mqtts", self.mqtts),
            ("ws", self.ws),
            ("wss", self.wss),
            ("dashboard", self.dashboard),
        ]
        .into_iter()
        .filter_map(|(name, port)| port.map(|port| (name, port)))
    }

    /// These ports, and `fallback`'s where none is given here.
    #[must_use]
    pub fn or(self, fallback: Self) -> Self {
        Self {
            mqtt: self.mqtt.or(fallback.mqtt),
            mqtts: self.mqtts.or(fallback.mqtts),
            ws: self.ws.or(fallback.ws),
            wss: self.wss.or(fallback.wss),
            dashboard: self.dashboard.or(fallback.dashboard),
        }
    }
}
