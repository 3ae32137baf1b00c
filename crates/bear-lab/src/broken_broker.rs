//! A small MQTT server on loopback that can be broken in one way at a time, to prove that verify notices.
//!
//! Without a [`Fault`] it does right what verify looks at: MQTT 3.1.1 and 5 on one port and over websockets, both
//! also within TLS, QoS 0 to 2, retained messages, sessions, wills, a password, its version as Mosquitto tells it. It
//! is no broker for anything else: filters have no wildcards, and nothing is kept when it ends.

mod certificates;
mod connection;
pub mod dashboard;
mod hub;
mod packet;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use self::hub::Hub;

/// The one user that [`BrokenBroker`] lets in, unless broken.
pub const USERNAME: &str = "bear";
/// The password of [`USERNAME`].
pub const PASSWORD: &str = "honey";
/// The version of Mosquitto that [`BrokenBroker`] says it is, unless broken.
pub const VERSION: &str = "2.0.11";

/// One way in which a broker can be broken. Where there is a number, it is the only QoS concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Accepts connections and says nothing.
    Silent,
    /// Answers as a web server would.
    Garbage,
    /// Lets clients in and closes the connection.
    ClosesAfterConnect,
    /// Knows MQTT 3.1.1 only.
    RefusesMqtt5,
    /// Lets everybody in.
    AcceptsAnyPassword,
    /// Refuses a bad password for a reason that has nothing to do with it.
    RefusesAsUnavailable,
    /// Opens websockets and closes them.
    ClosesWebsockets,
    /// Never answers a message that was published.
    NeverAcknowledges(u8),
    /// Acknowledges messages and hands them to nobody.
    Loses(u8),
    /// Hands each message out twice.
    Duplicates(u8),
    /// Hands each message of QoS 0 out once more, 5 ms after the first time.
    RepeatsLater,
    /// Changes one byte of each message.
    CorruptsPayload,
    /// Leaves out the last byte of each message.
    TruncatesPayload,
    /// Grants QoS 1 where QoS 2 was asked for.
    GrantsLess,
    /// Grants every QoS and hands out at one lower.
    DowngradesQos,
    /// Keeps only the last subscription of each client.
    ForgetsSubscriptions,
    /// Never sends PUBREL to a subscriber.
    NeverReleases,
    /// Hands retained messages to those who are there, and keeps none.
    ForgetsRetained,
    /// Sends retained messages as if they were new.
    RetainsWithoutFlag,
    /// Keeps a retained message for ever.
    NeverClearsRetained,
    /// Keeps no session.
    ForgetsSessions,
    /// Keeps sessions without what was sent to them.
    LosesQueue,
    /// Hands out what waited for a session from the last to the first.
    ReversesQueue,
    /// Publishes no will.
    NoWill,
    /// Speaks MQTT without TLS on the ports for TLS.
    PlainBehindTls,
    /// Answers a TLS handshake with an alert.
    RefusesHandshakes,
    /// Ends a TLS handshake as it should be, and says nothing within.
    SilentWithinTls,
    /// Asks its clients for certificates of their own.
    WantsClientCertificates,
    /// Has a certificate that was valid until the end of 2020.
    CertificateExpired,
    /// Has a certificate that will be valid from 2099.
    CertificateNotYetValid,
    /// Has a certificate for other names.
    CertificateOfAnother,
    /// Has a certificate signed by itself.
    CertificateSelfSigned,
    /// Has a certificate of an authority that nobody trusts.
    CertificateOfUnknownAuthority,
    /// Shows the certificate of the authority as its own.
    CertificateOfTheAuthority,
    /// Keeps its version to itself.
    TellsNoVersion,
    /// Has another version than [`VERSION`].
    OtherVersion,
}

impl Fault {
    /// Every way to be broken.
    pub const ALL: [Self; 41] = [
        Self::Silent,
        Self::Garbage,
        Self::ClosesAfterConnect,
        Self::RefusesMqtt5,
        Self::AcceptsAnyPassword,
        Self::RefusesAsUnavailable,
        Self::ClosesWebsockets,
        Self::NeverAcknowledges(1),
        Self::NeverAcknowledges(2),
        Self::Loses(0),
        Self::Loses(1),
        Self::Loses(2),
        Self::Duplicates(0),
        Self::Duplicates(1),
        Self::Duplicates(2),
        Self::RepeatsLater,
        Self::CorruptsPayload,
        Self::TruncatesPayload,
        Self::GrantsLess,
        Self::DowngradesQos,
        Self::ForgetsSubscriptions,
        Self::NeverReleases,
        Self::ForgetsRetained,
        Self::RetainsWithoutFlag,
        Self::NeverClearsRetained,
        Self::ForgetsSessions,
        Self::LosesQueue,
        Self::ReversesQueue,
        Self::NoWill,
        Self::PlainBehindTls,
        Self::RefusesHandshakes,
        Self::SilentWithinTls,
        Self::WantsClientCertificates,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateOfAnother,
        Self::CertificateSelfSigned,
        Self::CertificateOfUnknownAuthority,
        Self::CertificateOfTheAuthority,
        Self::TellsNoVersion,
        Self::OtherVersion,
    ];
}

/// What a broker holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Retained messages.
    pub retained: usize,
    /// Sessions, of clients that are there and of clients that will come back.
    pub sessions: usize,
}

/// A running server. It ends when dropped.
#[derive(Debug)]
pub struct BrokenBroker {
    mqtt: u16,
    ws: u16,
    mqtts: u16,
    wss: u16,
    hub: SharedHub,
    /// Aborted when dropped, and with them every connection.
    _listeners: JoinSet<()>,
}

impl BrokenBroker {
    /// Starts a server on four free ports of 127.0.0.1; one without any fault for `None`.
    pub async fn start(fault: Option<Fault>) -> io::Result<Self> {
        let hub = SharedHub(Arc::new(Mutex::new(Hub::new(fault))));
        let tls = certificates::acceptor(fault);
        let mut ports = [0; 4];
        let mut listeners = JoinSet::new();
        for (port, (websocket, tls)) in
            ports.iter_mut().zip([(false, None), (true, None), (false, Some(&tls)), (true, Some(&tls))])
        {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            *port = listener.local_addr()?.port();
            let tls = tls.filter(|_| fault != Some(Fault::PlainBehindTls)).cloned();
            listeners.spawn(listen(listener, Door { websocket, tls }, hub.clone(), fault));
        }
        let [mqtt, ws, mqtts, wss] = ports;
        Ok(Self { mqtt, ws, mqtts, wss, hub, _listeners: listeners })
    }

    /// The port of MQTT over TCP, on 127.0.0.1.
    pub fn mqtt(&self) -> u16 {
        self.mqtt
    }

    /// The port of MQTT over websockets, on 127.0.0.1, path `/mqtt`.
    pub fn ws(&self) -> u16 {
        self.ws
    }

    /// The port of MQTT over TLS, on 127.0.0.1.
    pub fn mqtts(&self) -> u16 {
        self.mqtts
    }

    /// The port of MQTT over websockets within TLS, on 127.0.0.1, path `/mqtt`.
    pub fn wss(&self) -> u16 {
        self.wss
    }

    /// The authority that signs the certificates of these brokers, in PEM.
    pub fn authority() -> Vec<u8> {
        certificates::authority()
    }

    /// What it holds right now.
    pub fn holdings(&self) -> Holdings {
        self.hub.lock().holdings()
    }
}

/// The state of one server, shared by its connections.
#[derive(Clone, Debug)]
struct SharedHub(Arc<Mutex<Hub>>);

impl SharedHub {
    fn lock(&self) -> MutexGuard<'_, Hub> {
        // A connection that panicked fails its test anyway; the others may go on.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What clients meet at one port.
#[derive(Clone)]
struct Door {
    websocket: bool,
    tls: Option<TlsAcceptor>,
}

async fn listen(listener: TcpListener, door: Door, hub: SharedHub, fault: Option<Fault>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (door, hub) = (door.clone(), hub.clone());
        connections.spawn(async move {
            stream.set_nodelay(true)?;
            match (fault, door.tls) {
                (Some(Fault::Silent), _) => connection::say_nothing(stream).await,
                (Some(Fault::Garbage), _) => connection::answer_like_a_web_server(stream).await,
                (Some(Fault::RefusesHandshakes), Some(_)) => connection::send_tls_alert(stream).await,
                (_, Some(tls)) => {
                    let stream = tls.accept(stream).await?;
                    if fault == Some(Fault::SilentWithinTls) {
                        return connection::say_nothing(stream).await;
                    }
                    connection::serve_either(stream, door.websocket, hub).await
                }
                (_, None) => connection::serve_either(stream, door.websocket, hub).await,
            }
        });
    }
}
