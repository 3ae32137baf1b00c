//! An MQTT client that is not our code, with a deadline on everything.

use std::future::Future;
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnAck, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish,
    QoS, Transport,
};
use tokio::time::timeout;

use crate::child::DEADLINE;

const PACKET_BYTES: usize = 1024 * 1024;

pub(crate) struct Client {
    requests: AsyncClient,
    events: EventLoop,
    pub(crate) session_present: bool,
    /// What came while something else was waited for.
    got: Vec<Publish>,
}

pub(crate) fn options(port: u16, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(20));
    options.set_max_packet_size(PACKET_BYTES, PACKET_BYTES);
    options
}

/// The same over websockets.
pub(crate) fn ws_options(port: u16, id: &str) -> MqttOptions {
    let mut options = MqttOptions::new(id, format!("ws://127.0.0.1:{port}/mqtt"), port);
    options.set_transport(Transport::Ws);
    options.set_max_packet_size(PACKET_BYTES, PACKET_BYTES);
    options
}

impl Client {
    pub(crate) async fn try_connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (requests, mut events) = AsyncClient::new(options, 1_000);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        match in_time(Box::pin(events.poll())).await? {
            Event::Incoming(Packet::ConnAck(ConnAck { session_present, .. })) => {
                Ok(Self { requests, events, session_present, got: Vec::new() })
            }
            other => panic!("not a CONNACK: {other:?}"),
        }
    }

    pub(crate) async fn connect(options: MqttOptions) -> Self {
        Self::try_connect(options).await.unwrap()
    }

    /// Connects to a session that is kept.
    pub(crate) async fn resume(port: u16, id: &str) -> Self {
        let mut options = options(port, id);
        options.set_clean_session(false);
        Self::connect(options).await
    }

    pub(crate) async fn subscribe(&mut self, filter: &str) {
        self.requests.subscribe(filter, QoS::ExactlyOnce).await.unwrap();
        self.until(|packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;
    }

    /// Publishes and waits until the broker has it for good.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        self.requests.publish(topic, qos, retain, payload).await.unwrap();
        self.until(|packet| match (packet, qos) {
            (Packet::PubAck(_), QoS::AtLeastOnce) | (Packet::PubComp(_), QoS::ExactlyOnce) => Some(()),
            _ => None,
        })
        .await;
    }

    /// The next message, as `topic payload`.
    pub(crate) async fn next(&mut self) -> (String, bool) {
        if self.got.is_empty() {
            self.until(|packet| matches!(packet, Packet::Publish(_)).then_some(())).await;
        }
        let publish = self.got.remove(0);
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        (format!("{} {payload}", publish.topic), publish.retain)
    }

    /// Takes leave, with everything acknowledged that was to be.
    pub(crate) async fn leave(mut self) {
        self.requests.disconnect().await.unwrap();
        while in_time(Box::pin(self.events.poll())).await.is_ok() {}
    }

    /// Waits for the connection to end, and tells how.
    pub(crate) async fn lost(mut self) -> ConnectionError {
        loop {
            if let Err(error) = in_time(Box::pin(self.events.poll())).await {
                return error;
            }
        }
    }

    async fn until<T>(&mut self, wanted: impl Fn(&Packet) -> Option<T>) -> T {
        loop {
            if let Event::Incoming(packet) = in_time(Box::pin(self.events.poll())).await.unwrap() {
                if let Packet::Publish(publish) = &packet {
                    self.got.push(publish.clone());
                }
                if let Some(found) = wanted(&packet) {
                    return found;
                }
            }
        }
    }
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("it takes too long")
}
