//! What there is to check: where a broker is, how to be let in, and what to expect of it.

use std::fmt;
use std::time::Duration;

/// Where a broker is, how to be let in, and what to expect of it.
#[derive(Clone, Debug)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// The port of MQTT over TCP.
    pub mqtt: u16,
    /// The port of MQTT over websockets, path `/mqtt`; `None` where the broker has none.
    pub ws: Option<u16>,
    /// The port of MQTT over TLS; `None` where the broker has none.
    pub mqtts: Option<u16>,
    /// The port of MQTT over websockets within TLS, path `/mqtt`; `None` where the broker has none.
    pub wss: Option<u16>,
    /// What the certificate on `mqtts` and `wss` must hold up against.
    pub tls: Tls,
    /// What clients log in with; `None` where the broker asks for nothing.
    pub credentials: Option<Credentials>,
    /// The dashboard of an EMQX; `None` where there is none.
    pub dashboard: Option<Dashboard>,
    /// The version that must run; `None` where any will do.
    pub version: Option<ExpectedVersion>,
}

impl Target {
    /// A broker that speaks MQTT over TCP to everybody, and nothing else.
    pub fn new(host: impl Into<String>, mqtt: u16) -> Self {
        Self {
            host: host.into(),
            mqtt,
            ws: None,
            mqtts: None,
            wss: None,
            tls: Tls::default(),
            credentials: None,
            dashboard: None,
            version: None,
        }
    }
}

/// What a certificate must hold up against. The default is what a browser would ask for.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The certificates of the authorities to trust, in PEM, and no others; `None` for those that this machine trusts.
    pub roots: Option<Vec<u8>>,
    /// The name or address that the certificate must be for; `None` for the host of the target.
    pub server_name: Option<String>,
}

/// The dashboard of an EMQX, over plain HTTP.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// A name or an address; need not be that of the broker, such as for a port that is forwarded.
    pub host: String,
    /// The port of the dashboard at `host`.
    pub port: u16,
    /// A user of the dashboard.
    pub credentials: Credentials,
}

/// The version that must run, by the broker that tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// EMQX, such as `5.0.9`, told by [`Target::dashboard`] for each node that runs.
    Emqx(String),
    /// Mosquitto, such as `2.0.11` and not the longer version of a package, told at `$SYS/broker/version`.
    Mosquitto(String),
}

/// A user name and a password. The password is in no text that this crate makes.
#[derive(Clone)]
pub struct Credentials {
    /// Who logs in.
    pub username: String,
    /// What only that user knows.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How long verify waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The deadline of one check. What a check that failed left behind is removed within another one.
    pub check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { check: Duration::from_secs(5) }
    }
}
