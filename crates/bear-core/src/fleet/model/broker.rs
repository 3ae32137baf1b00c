//! The brokers that a fleet file can name, and what it can say of each.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Pin, is_false};

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

    /// The ports of the listeners that it has on a machine of its own although the fleet file names none.
    pub fn default_ports(&self) -> Ports {
        let mqtts = |tls: &Option<Tls>| tls.as_ref().map(|_| 8883);
        match self {
            Self::Embedded(_) => Ports::default(),
            Self::Emqx(emqx) => Ports {
                mqtt: Some(1883),
                mqtts: mqtts(&emqx.tls),
                ws: Some(8083),
                wss: emqx.tls.as_ref().map(|_| 8084),
                dashboard: Some(18083),
            },
            Self::Mosquitto(mosquitto) => {
                Ports { mqtt: Some(1883), mqtts: mqtts(&mosquitto.tls), ..Ports::default() }
            }
        }
    }
}

/// Settings of the embedded broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::fleet::schema::or_nothing)]
pub struct Embedded {
    /// Who is let in; anyone on this machine if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
}

/// A user name and a password that clients must present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The user name.
    pub username: String,
    /// Where the password comes from; generated once per fleet if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
}

/// Settings of EMQX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Emqx {
    /// The exact version, such as `5.0.9`.
    pub version: Pin,
    /// Where the password of the dashboard's `admin` comes from; generated once per fleet if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_password: Option<SecretRef>,
    /// The address that the dashboard listens on; 127.0.0.1, where `bear open` and `bear verify` reach it through SSH,
    /// if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub dashboard_bind: Option<Ipv4Addr>,
    /// The certificate for the listeners with TLS; none, and no such listener, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Where the licence key comes from. EMQX 5.9 and later run under the Business Source License; none, with which a
    /// single node runs, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<SecretRef>,
    /// The registry to take the image from, such as `registry.example:5000`; Docker Hub if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// A file with the image, made by `docker save`, to be loaded through SSH; the image is pulled if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_file: Option<String>,
}

/// Settings of Mosquitto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mosquitto {
    /// The exact version of the package, such as `2.0.11-1.2+deb12u2`, or of the image, such as `2.0.18`.
    pub version: Pin,
    /// Whether it runs in a container rather than from the distribution's package.
    #[serde(default, skip_serializing_if = "is_false")]
    pub container: bool,
    /// Who is let in; anyone who can reach it if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// The certificate for the listeners with TLS; none, and no such listener, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// The registry to take the image from, such as `registry.example:5000`; Docker Hub if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// A file with the image, made by `docker save`, to be loaded through SSH; the image is pulled if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_file: Option<String>,
}

/// A certificate, and how clients check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The file with the certificate and its chain, in PEM.
    pub certificate: String,
    /// Where the private key comes from, in PEM.
    pub key: SecretRef,
    /// The file with the authorities that clients trust, in PEM; those that everybody trusts if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The name that clients connect to; the address of the instance if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
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
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// MQTT over TCP; 1883, or a free port with the `local` provider, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub mqtt: Option<u16>,
    /// MQTT over TLS; 8883 where there is a certificate, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub mqtts: Option<u16>,
    /// MQTT over a websocket; 8083 with EMQX, none with Mosquitto, a free port with the `local` provider, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub ws: Option<u16>,
    /// MQTT over a websocket and TLS; 8084 where EMQX has a certificate, none with Mosquitto, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub wss: Option<u16>,
    /// The dashboard; 18083 with EMQX, a free port with the `local` provider, if left out.
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
