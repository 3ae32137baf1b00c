//! One connection to a broker, whichever version of MQTT it speaks.
//!
//! rumqttc has two parallel clients, for 3.1.1 and for 5. Here they become one, and every packet that the broker sends
//! comes through as it is: nothing is counted, dropped or repeated below the checks.

mod v311;
mod v5;

use std::fmt;
use std::io;
use std::time::Duration;

use rumqttc::{NetworkOptions, QoS, TlsConfiguration, Transport};

use crate::Credentials;
use crate::failure::{Awaited, Failure};
use crate::tls::{self, Secured};

/// Larger than any message that verify sends, and small enough to be harmless.
const MAX_PACKET_BYTES: u32 = 256 * 1024;

/// Far more than the one request that is ever under way.
const REQUESTS: usize = 4;

/// How long a broker keeps the session of a client that never comes back: verify removes its sessions itself, so this
/// is for the case that it is killed in between. In seconds.
const SESSION_EXPIRY_SECONDS: u32 = 120;

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::V311, Self::V5];

    /// One character for ids and topics.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::V311 => '3',
            Self::V5 => '5',
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V311 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}

/// A way into a broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    pub(crate) port: u16,
    pub(crate) websocket: bool,
    /// How the connection is secured; `None` for one that is not.
    pub(crate) tls: Option<&'a Secured>,
}

impl Door<'_> {
    pub(crate) fn tcp(port: u16) -> Self {
        Self { port, websocket: false, tls: None }
    }

    fn transport(self) -> Transport {
        let tls = self.tls.map(|secured| TlsConfiguration::Rustls(secured.config.clone()));
        match (self.websocket, tls) {
            (false, None) => Transport::Tcp,
            (false, Some(tls)) => Transport::Tls(tls),
            (true, None) => Transport::Ws,
            (true, Some(tls)) => Transport::Wss(tls),
        }
    }
}

/// A message that the broker publishes should the client vanish.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

/// What a client says when it connects.
#[derive(Clone, Debug)]
pub(crate) struct Hello<'a> {
    pub(crate) version: Version,
    pub(crate) host: &'a str,
    pub(crate) door: Door<'a>,
    pub(crate) client_id: String,
    pub(crate) credentials: Option<&'a Credentials>,
    pub(crate) keeps_session: bool,
    pub(crate) will: Option<Will>,
}

impl Hello<'_> {
    /// Host and port as people write them.
    fn peer(&self) -> String {
        format!("{}:{}", bracketed(self.host), self.door.port)
    }

    /// Host (or URL, as rumqttc wants it for websockets) and port.
    fn address(&self) -> (String, u16) {
        let Door { port, websocket, tls } = self.door;
        let address = match (websocket, tls) {
            (true, None) => format!("ws://{}/mqtt", self.peer()),
            (true, Some(_)) => format!("wss://{}/mqtt", self.peer()),
            // rumqttc takes this as the name in the certificate too, and a name has no brackets.
            (false, Some(_)) => self.host.to_owned(),
            (false, None) => bracketed(self.host),
        };
        (address, port)
    }
}

/// `host`, in the brackets that an IPv6 address needs in front of a port.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// A message as the broker sent it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) packet_id: u16,
}

/// Success, or the broker's reason against it.
pub(crate) type Verdict<T> = Result<T, String>;

/// One thing that happened on the wire.
#[derive(Debug)]
pub(crate) enum Packet {
    ConnAck {
        session_present: bool,
    },
    SubAck {
        granted: Verdict<QoS>,
    },
    PubAck(Verdict<()>),
    PubRec(Verdict<()>),
    PubComp(Verdict<()>),
    /// The broker released the message with this packet id, and rumqttc has completed it.
    PubRel(u16),
    Message(Message),
    /// A message of ours has been written to the socket.
    Written,
    Other,
}

/// One connection to a broker.
pub(crate) enum Wire {
    V311(Box<v311::Connection>),
    V5(Box<v5::Connection>),
}

impl Wire {
    /// Nothing is sent before the first call of [`Wire::next`].
    pub(crate) fn new(hello: &Hello<'_>, limit: Duration) -> Self {
        match hello.version {
            Version::V311 => Self::V311(Box::new(v311::Connection::new(hello, limit))),
            Version::V5 => Self::V5(Box::new(v5::Connection::new(hello, limit))),
        }
    }

    /// The next thing on the wire. rumqttc would reconnect when asked again after an error: never do.
    pub(crate) async fn next(&mut self, awaited: Awaited) -> Result<Packet, Failure> {
        match self {
            Self::V311(connection) => Box::pin(connection.next(awaited)).await,
            Self::V5(connection) => Box::pin(connection.next(awaited)).await,
        }
    }

    pub(crate) async fn subscribe(&mut self, topic: &str, qos: QoS) -> Result<(), Failure> {
        match self {
            Self::V311(connection) => connection.subscribe(topic, qos).await,
            Self::V5(connection) => connection.subscribe(topic, qos).await,
        }
    }

    pub(crate) async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<(), Failure> {
        match self {
            Self::V311(connection) => connection.publish(topic, payload, qos, retain).await,
            Self::V5(connection) => connection.publish(topic, payload, qos, retain).await,
        }
    }

    pub(crate) async fn disconnect(&mut self) -> Result<(), Failure> {
        match self {
            Self::V311(connection) => connection.disconnect().await,
            Self::V5(connection) => connection.disconnect().await,
        }
    }
}

fn network(limit: Duration) -> NetworkOptions {
    let mut options = NetworkOptions::new();
    // Without it every round trip measures Nagle's algorithm and the delayed acknowledgement.
    options.set_tcp_nodelay(true);
    // Later than our own deadline, which names what was awaited.
    options.set_connection_timeout(limit.as_secs() + 1);
    options
}

/// A connection that ended where something was due. Over TLS the broker may have said why.
fn ended(error: &io::Error, awaited: Awaited) -> Failure {
    tls::broken_off(error).unwrap_or(Failure::Closed { awaited })
}

/// `BadUserNamePassword` as `bad user name or password`.
pub(crate) fn words(reason: &impl fmt::Debug) -> String {
    let mut words = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words.replace("name password", "name or password")
}
