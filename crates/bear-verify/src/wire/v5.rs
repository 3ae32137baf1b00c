//! The connection over MQTT 5.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, LastWill, Packet as Incoming, PubAckReason, PubCompReason, PubRecReason,
    SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{self, QoS as QoS5};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use rumqttc::{Outgoing, QoS};

use super::{
    Hello, MAX_PACKET_BYTES, Message, Packet, REQUESTS, SESSION_EXPIRY_SECONDS, Verdict, ended, network,
    words,
};
use crate::failure::{Awaited, Failure};
use crate::tls;

/// Verify has one message under way at a time; rumqttc would make room for 65,535.
const IN_FLIGHT: u16 = 8;

pub(crate) struct Connection {
    address: String,
    requests: AsyncClient,
    events: EventLoop,
}

impl Connection {
    pub(super) fn new(hello: &Hello<'_>, limit: Duration) -> Self {
        let (host, port) = hello.address();
        let mut options = MqttOptions::new(&hello.client_id, host, port);
        options.set_clean_start(!hello.keeps_session);
        options.set_session_expiry_interval(hello.keeps_session.then_some(SESSION_EXPIRY_SECONDS));
        options.set_max_packet_size(Some(MAX_PACKET_BYTES));
        options.set_outgoing_inflight_upper_limit(IN_FLIGHT);
        options.set_network_options(network(limit));
        options.set_connection_timeout(limit.as_secs() + 1);
        options.set_transport(hello.door.transport());
        if let Some(credentials) = hello.credentials {
            options.set_credentials(&credentials.username, &credentials.password);
        }
        if let Some(will) = &hello.will {
            let will = LastWill::new(&will.topic, will.payload.clone(), QoS5::AtLeastOnce, false, None);
            options.set_last_will(will);
        }
        let (requests, events) = AsyncClient::new(options, REQUESTS);
        Self { address: hello.peer(), requests, events }
    }

    pub(super) async fn next(&mut self, awaited: Awaited) -> Result<Packet, Failure> {
        let event = self.events.poll().await.map_err(|error| failure(error, awaited, &self.address))?;
        Ok(match event {
            Event::Incoming(packet) => translate(packet),
            Event::Outgoing(Outgoing::Publish(_)) => Packet::Written,
            Event::Outgoing(_) => Packet::Other,
        })
    }

    pub(super) async fn subscribe(&mut self, topic: &str, qos: QoS) -> Result<(), Failure> {
        let sent = self.requests.subscribe(topic, to_v5(qos)).await;
        sent.map_err(|error| Failure::wrong(error.to_string()))
    }

    pub(super) async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<(), Failure> {
        let sent = self.requests.publish(topic, to_v5(qos), retain, payload.to_vec()).await;
        sent.map_err(|error| Failure::wrong(error.to_string()))
    }

    pub(super) async fn disconnect(&mut self) -> Result<(), Failure> {
        self.requests.disconnect().await.map_err(|error| Failure::wrong(error.to_string()))
    }
}

fn translate(packet: Incoming) -> Packet {
    match packet {
        Incoming::ConnAck(ack) => Packet::ConnAck { session_present: ack.session_present },
        Incoming::SubAck(ack) => Packet::SubAck {
            granted: match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(from_v5(*qos)),
                Some(refusal) => Err(words(refusal)),
                None => Err("failure".to_owned()),
            },
        },
        Incoming::PubAck(ack) => Packet::PubAck(verdict(
            matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers),
            &ack.reason,
        )),
        Incoming::PubRec(ack) => Packet::PubRec(verdict(
            matches!(ack.reason, PubRecReason::Success | PubRecReason::NoMatchingSubscribers),
            &ack.reason,
        )),
        Incoming::PubComp(ack) => {
            Packet::PubComp(verdict(matches!(ack.reason, PubCompReason::Success), &ack.reason))
        }
        Incoming::PubRel(release) => Packet::PubRel(release.pkid),
        Incoming::Publish(message) => Packet::Message(Message {
            payload: message.payload.to_vec(),
            qos: from_v5(message.qos),
            retain: message.retain,
            packet_id: message.pkid,
        }),
        _ => Packet::Other,
    }
}

fn verdict(good: bool, reason: &impl std::fmt::Debug) -> Verdict<()> {
    if good { Ok(()) } else { Err(words(reason)) }
}

fn to_v5(qos: QoS) -> QoS5 {
    match qos {
        QoS::AtMostOnce => QoS5::AtMostOnce,
        QoS::AtLeastOnce => QoS5::AtLeastOnce,
        QoS::ExactlyOnce => QoS5::ExactlyOnce,
    }
}

fn from_v5(qos: QoS5) -> QoS {
    match qos {
        QoS5::AtMostOnce => QoS::AtMostOnce,
        QoS5::AtLeastOnce => QoS::AtLeastOnce,
        QoS5::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn failure(error: ConnectionError, awaited: Awaited, address: &str) -> Failure {
    match error {
        ConnectionError::ConnectionRefused(code) => Failure::Refused {
            over_credentials: matches!(
                code,
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized
            ),
            reason: words(&code),
        },
        // rumqttc has this one for a connection that can't be made; one that breaks comes as an error of its state.
        ConnectionError::Io(source) => Failure::Unreachable { address: address.to_owned(), source },
        ConnectionError::MqttState(StateError::ConnectionAborted) => Failure::Closed { awaited },
        ConnectionError::MqttState(
            StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)),
        ) => ended(&error, awaited),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            Failure::Disconnected { awaited, reason: words(&reason_code) }
        }
        ConnectionError::MqttState(StateError::Deserialization(problem)) => {
            Failure::NotMqtt { awaited, problem: problem.to_string().to_lowercase() }
        }
        ConnectionError::NotConnAck(_) => {
            Failure::wrong("the broker answered CONNECT with another packet than CONNACK")
        }
        ConnectionError::MqttState(problem) => {
            Failure::wrong(format!("the broker broke the protocol: {}", problem.to_string().to_lowercase()))
        }
        ConnectionError::Websocket(problem) => {
            tls::broken_off(&problem).unwrap_or_else(|| Failure::Websocket(problem.to_string()))
        }
        ConnectionError::ResponseValidation(problem) => {
            Failure::Websocket(problem.to_string().to_lowercase())
        }
        other => Failure::wrong(format!("the connection failed: {}", other.to_string().to_lowercase())),
    }
}
