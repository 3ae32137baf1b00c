//! A small MQTT server on loopback that can be broken in one way at a time, to prove that verify notices.
//!
//! Without a [`Fault`] it does right what verify looks at: MQTT 3.1.1 and 5 on one port and over websockets, QoS 0 to
//! 2, retained messages, sessions, wills, a password. It is no broker for anything else: filters have no wildcards,
//! and nothing is kept when it ends.

mod connection;
mod hub;
mod packet;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::hub::Hub;

/// The one user that [`BrokenBroker`] lets in, unless broken.
pub const USERNAME: &str = "bear";
/// The password of [`USERNAME`].
pub const PASSWORD: &str = "honey";

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
    /// Changes one byte of each message.
    CorruptsPayload,
    /// Leaves out the last byte of each message.
    TruncatesPayload,
    /// Grants QoS 1 where QoS 2 was asked for.
    GrantsLess,
    /// Grants every QoS and hands out at one lower.
    DowngradesQos,
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
}

impl Fault {
    /// Every way to be broken.
    pub const ALL: [Self; 27] = [
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
        Self::CorruptsPayload,
        Self::TruncatesPayload,
        Self::GrantsLess,
        Self::DowngradesQos,
        Self::NeverReleases,
        Self::ForgetsRetained,
        Self::RetainsWithoutFlag,
        Self::NeverClearsRetained,
        Self::ForgetsSessions,
        Self::LosesQueue,
        Self::ReversesQueue,
        Self::NoWill,
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
    hub: SharedHub,
    /// Aborted when dropped, and with them every connection.
    _listeners: JoinSet<()>,
}

impl BrokenBroker {
    /// Starts a server on two free ports of 127.0.0.1; one without any fault for `None`.
    pub async fn start(fault: Option<Fault>) -> io::Result<Self> {
        let (mqtt, ws) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let (mqtt_port, ws_port) = (mqtt.local_addr()?.port(), ws.local_addr()?.port());
        let hub = SharedHub(Arc::new(Mutex::new(Hub::new(fault))));
        let mut listeners = JoinSet::new();
        listeners.spawn(listen(mqtt, hub.clone(), fault, connection::serve));
        listeners.spawn(listen(ws, hub.clone(), fault, connection::serve_websocket));
        Ok(Self { mqtt: mqtt_port, ws: ws_port, hub, _listeners: listeners })
    }

    /// The port of MQTT over TCP, on 127.0.0.1.
    pub fn mqtt(&self) -> u16 {
        self.mqtt
    }

    /// The port of MQTT over websockets, on 127.0.0.1, path `/mqtt`.
    pub fn ws(&self) -> u16 {
        self.ws
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

async fn listen<F>(
    listener: TcpListener,
    hub: SharedHub,
    fault: Option<Fault>,
    serve: fn(TcpStream, SharedHub) -> F,
) where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let hub = hub.clone();
        connections.spawn(async move {
            stream.set_nodelay(true)?;
            match fault {
                Some(Fault::Silent) => connection::say_nothing(stream).await,
                Some(Fault::Garbage) => connection::answer_like_a_web_server(stream).await,
                _ => serve(stream, hub).await,
            }
        });
    }
}
