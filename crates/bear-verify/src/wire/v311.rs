//! The connection over MQTT 3.1.1.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, QoS,
    StateError, SubscribeReasonCode, mqttbytes,
};

use super::{Hello, MAX_PACKET_BYTES, Message, Packet, REQUESTS, ended, network, words};
use crate::failure::{Awaited, Failure};
use crate::tls;

pub(crate) struct Connection {
    address: String,
    requests: AsyncClient,
    events: EventLoop,
}

impl Connection {
    pub(super) fn new(hello: &Hello<'_>, limit: Duration) -> Self {
        let (host, port) = hello.address();
        let mut options = MqttOptions::new(&hello.client_id, host, port);
        options.set_clean_session(!hello.keeps_session);
        options.set_max_packet_size(MAX_PACKET_BYTES as usize, MAX_PACKET_BYTES as usize);
        options.set_transport(hello.door.transport());
        if let Some(credentials) = hello.credentials {
            options.set_credentials(&credentials.username, &credentials.password);
        }
        if let Some(will) = &hello.will {
            options.set_last_will(LastWill::new(&will.topic, will.payload.clone(), QoS::AtLeastOnce, false));
        }
        let (requests, mut events) = AsyncClient::new(options, REQUESTS);
        events.set_network_options(network(limit));
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
        self.requests.subscribe(topic, qos).await.map_err(|error| Failure::wrong(error.to_string()))
    }

    pub(super) async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<(), Failure> {
        let sent = self.requests.publish(topic, qos, retain, payload).await;
        sent.map_err(|error| Failure::wrong(error.to_string()))
    }

    pub(super) async fn disconnect(&mut self) -> Result<(), Failure> {
        self.requests.disconnect().await.map_err(|error| Failure::wrong(error.to_string()))
    }
}

fn translate(packet: rumqttc::Packet) -> Packet {
    match packet {
        rumqttc::Packet::ConnAck(ack) => Packet::ConnAck { session_present: ack.session_present },
        rumqttc::Packet::SubAck(ack) => Packet::SubAck {
            granted: match ack.return_codes.first() {
                Some(SubscribeReasonCode::Success(qos)) => Ok(*qos),
                Some(SubscribeReasonCode::Failure) | None => Err("failure".to_owned()),
            },
        },
        rumqttc::Packet::PubAck(_) => Packet::PubAck(Ok(())),
        rumqttc::Packet::PubRec(_) => Packet::PubRec(Ok(())),
        rumqttc::Packet::PubComp(_) => Packet::PubComp(Ok(())),
        rumqttc::Packet::PubRel(release) => Packet::PubRel(release.pkid),
        rumqttc::Packet::Publish(message) => Packet::Message(Message {
            payload: message.payload.to_vec(),
            qos: message.qos,
            retain: message.retain,
            packet_id: message.pkid,
        }),
        _ => Packet::Other,
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
