//! From the first byte to CONNACK: who is there, whether to let them in, and on which terms.

use std::sync::Arc;
use std::time::Duration;

use mqtt5_protocol::packet::connack::ConnAckPacket;
use mqtt5_protocol::packet::connect::ConnectPacket;
use mqtt5_protocol::{Packet, ReasonCode};
use tokio::sync::Notify;

use super::connection::Socket;
use super::core::link::{Fault, Hello, LinkId, NEVER};
use super::core::topic::is_topic_name;
use super::outbox::Outbox;
use super::server::Shared;
use super::wire::{V5, V311};
use super::{clock, packets, wire};
use crate::limits;

/// A client that was let in, with CONNACK as the first thing in its outbox.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) client: Known,
    pub(super) wake: Arc<Notify>,
    /// After this long without a word the client is gone; none for one that need not say any.
    pub(super) silence: Option<Duration>,
}

/// Who a client is, and how to talk to it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) link: LinkId,
    pub(super) version: u8,
    pub(super) outbox: Outbox,
}

/// Reads CONNECT and answers it. The error is what to tell a client that is not let in; nothing to one that does not
/// speak MQTT.
pub(super) async fn shake_hands(
    socket: &mut Socket,
    shared: &Shared,
) -> Result<Accepted, Option<ConnAckPacket>> {
    let connect = read_connect(socket).await?;
    let version = connect.protocol_version;
    if version != V311 && version != V5 {
        return Err(Some(ConnAckPacket::new_v311(false, ReasonCode::UnsupportedProtocolVersion)));
    }
    let refused = |reason| {
        tracing::info!(client = connect.client_id, ?reason, "turned away");
        Some(connack(version, false, reason))
    };
    check(&connect).map_err(refused)?;
    authenticate(&connect, shared).await.map_err(refused)?;
    let assigned = if connect.client_id.is_empty() { Some(random_client_id()) } else { None };
    let terms = Terms::of(&connect);
    let wake = Arc::new(Notify::new());
    let hello = Hello {
        client: assigned.clone().unwrap_or_else(|| connect.client_id.clone()),
        clean_start: connect.clean_start,
        expiry_seconds: terms.expiry_seconds,
        will: packets::will(&connect),
        window: terms.window,
        incoming: if version == V5 { limits::RECEIVE_MAXIMUM } else { u16::MAX },
        wake: Arc::clone(&wake),
    };
    let connected = shared.broker().connect(hello, clock::now());
    let (link, session_present) = connected.map_err(|fault| refused(fault_reason(&fault)))?;
    tracing::debug!(client = link.client, version, session_present, "connected");

    let mut answer = connack(version, session_present, ReasonCode::Success);
    terms.write(&mut answer, assigned);
    let mut outbox = Outbox::new(version, terms.packet_bytes, terms.aliases);
    outbox.push(&Packet::ConnAck(answer));
    let silence = (terms.keep_alive > 0).then(|| Duration::from_millis(1500) * u32::from(terms.keep_alive));
    Ok(Accepted { client: Known { link, version, outbox }, wake, silence })
}

async fn read_connect(socket: &mut Socket) -> Result<Box<ConnectPacket>, Option<ConnAckPacket>> {
    loop {
        match wire::decode(&mut socket.inbox, V311) {
            Ok(Some(Packet::Connect(connect))) => return Ok(connect),
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return Err(None),
        }
        if socket.read().await.unwrap_or(0) == 0 {
            return Err(None);
        }
    }
}

fn check(connect: &ConnectPacket) -> Result<(), ReasonCode> {
    let properties = &connect.properties;
    let zero = properties.get_receive_maximum() == Some(0) || properties.get_maximum_packet_size() == Some(0);
    if zero {
        return Err(ReasonCode::ProtocolError);
    }
    if properties.get_authentication_method().is_some() {
        return Err(ReasonCode::BadAuthenticationMethod);
    }
    if connect.will.as_ref().is_some_and(|will| !is_topic_name(&will.topic)) {
        return Err(ReasonCode::TopicNameInvalid);
    }
    // Before MQTT 5 a client can't be told which name it got, so it could never find its session again.
    let nameless = connect.client_id.is_empty() && connect.protocol_version == V311 && !connect.clean_start;
    if nameless || connect.client_id.len() > limits::CLIENT_ID_BYTES {
        return Err(ReasonCode::ClientIdentifierNotValid);
    }
    Ok(())
}

async fn authenticate(connect: &ConnectPacket, shared: &Shared) -> Result<(), ReasonCode> {
    let Some(doorkeeper) = &shared.doorkeeper else { return Ok(()) };
    let (Some(user), Some(password)) = (connect.username.clone(), connect.password.clone()) else {
        return Err(ReasonCode::NotAuthorized);
    };
    let password = String::from_utf8(password).map_err(|_| ReasonCode::BadUsernameOrPassword)?;
    if doorkeeper.admits(user, password).await { Ok(()) } else { Err(ReasonCode::BadUsernameOrPassword) }
}

fn connack(version: u8, session_present: bool, reason: ReasonCode) -> ConnAckPacket {
    match version {
        V5 => ConnAckPacket::new(session_present, reason),
        _ => ConnAckPacket::new_v311(session_present, reason),
    }
}

fn fault_reason(fault: &Fault) -> ReasonCode {
    match fault {
        Fault::TooManySessions => ReasonCode::QuotaExceeded,
        _ => ReasonCode::ServerUnavailable,
    }
}

fn random_client_id() -> String {
    let mut random = [0; 12];
    // Without randomness in the system, the time still tells clients apart.
    if getrandom::fill(&mut random).is_err() {
        random[..8].copy_from_slice(&clock::now().to_le_bytes());
    }
    random.iter().fold("bear-".to_owned(), |id, byte| id + &format!("{byte:02x}"))
}

/// What client and broker agree on.
struct Terms {
    expiry_seconds: u32,
    window: u16,
    packet_bytes: usize,
    aliases: u16,
    keep_alive: u16,
    keep_alive_changed: bool,
}

impl Terms {
    fn of(connect: &ConnectPacket) -> Self {
        let properties = &connect.properties;
        if connect.protocol_version == V311 {
            return Self {
                expiry_seconds: if connect.clean_start { 0 } else { NEVER },
                window: limits::IN_FLIGHT,
                packet_bytes: usize::MAX,
                aliases: 0,
                keep_alive: connect.keep_alive,
                keep_alive_changed: false,
            };
        }
        let keep_alive = connect.keep_alive.min(limits::KEEP_ALIVE_SECONDS);
        let packet_bytes = properties.get_maximum_packet_size().map(usize::try_from);
        Self {
            expiry_seconds: properties.get_session_expiry_interval().unwrap_or(0),
            window: properties.get_receive_maximum().unwrap_or(u16::MAX).min(limits::IN_FLIGHT),
            packet_bytes: packet_bytes.and_then(Result::ok).unwrap_or(usize::MAX),
            aliases: properties.get_topic_alias_maximum().unwrap_or(0),
            keep_alive,
            keep_alive_changed: keep_alive != connect.keep_alive,
        }
    }

    fn write(&self, connack: &mut ConnAckPacket, assigned: Option<String>) {
        let properties = &mut connack.properties;
        properties.set_receive_maximum(limits::RECEIVE_MAXIMUM);
        properties.set_maximum_packet_size(u32::try_from(limits::PACKET_BYTES).unwrap_or(u32::MAX));
        properties.set_topic_alias_maximum(limits::TOPIC_ALIASES);
        if self.keep_alive_changed {
            properties.set_server_keep_alive(self.keep_alive);
        }
        if let Some(assigned) = assigned {
            properties.set_assigned_client_identifier(assigned);
        }
    }
}
