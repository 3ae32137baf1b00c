//! An MQTT client for the tests, one call at a time: a second opinion beside the checks that bear runs itself.

use std::collections::VecDeque;

use rumqttc::{Connection, Event, Incoming, MqttOptions, NetworkOptions, Outgoing, Publish, QoS};

use crate::brokers::PATIENCE;

/// A client that is connected.
pub(crate) struct Client {
    requests: rumqttc::Client,
    connection: Connection,
    received: VecDeque<Publish>,
    /// Whether the broker still knew the session.
    pub(crate) session_present: bool,
}

impl Client {
    /// Connects with a session that outlives the connection.
    pub(crate) fn persistent(id: &str, port: u64) -> Self {
        let mut options = options(id, port);
        options.set_clean_session(false);
        Self::connect(options).unwrap()
    }

    /// Connects with a session that ends with the connection.
    pub(crate) fn passing(id: &str, port: u64) -> Self {
        Self::connect(options(id, port)).unwrap()
    }

    /// Connects with a user name and a password; the reason where the broker refuses.
    pub(crate) fn with_password(id: &str, port: u64, user: &str, password: &str) -> Result<Self, String> {
        let mut options = options(id, port);
        options.set_credentials(user, password);
        Self::connect(options)
    }

    fn connect(options: MqttOptions) -> Result<Self, String> {
        let (requests, mut connection) = rumqttc::Client::new(options, 16);
        // Otherwise the second packet of a handshake waits for the acknowledgement of the first.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        let mut client = Self { requests, connection, received: VecDeque::new(), session_present: false };
        loop {
            if let Event::Incoming(Incoming::ConnAck(ack)) = client.next()? {
                client.session_present = ack.session_present;
                return Ok(client);
            }
        }
    }

    /// Subscribes, and waits until that counts.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: QoS) {
        self.requests.subscribe(filter, qos).unwrap();
        self.until(|event| matches!(event, Event::Incoming(Incoming::SubAck(_))));
    }

    /// Publishes at QoS 1 or 2, and waits until the broker has taken the message over.
    pub(crate) fn publish(&mut self, topic: &str, qos: QoS, retain: bool, payload: &str) {
        self.requests.publish(topic, qos, retain, payload).unwrap();
        self.until(|event| matches!(event, Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_))));
    }

    /// The payload of the next message.
    pub(crate) fn receive(&mut self) -> String {
        while self.received.is_empty() {
            self.next().unwrap();
        }
        let message = self.received.pop_front().unwrap();
        String::from_utf8(message.payload.to_vec()).unwrap()
    }

    /// Takes leave.
    pub(crate) fn disconnect(mut self) {
        self.requests.disconnect().unwrap();
        self.until(|event| matches!(event, Event::Outgoing(Outgoing::Disconnect)));
    }

    fn until(&mut self, is_it: impl Fn(&Event) -> bool) {
        while !is_it(&self.next().unwrap()) {}
    }

    fn next(&mut self) -> Result<Event, String> {
        let event = self.connection.recv_timeout(PATIENCE).expect("the broker says something in time");
        let event = event.map_err(|error| error.to_string())?;
        if let Event::Incoming(Incoming::Publish(message)) = &event {
            self.received.push_back(message.clone());
        }
        Ok(event)
    }
}

fn options(id: &str, port: u64) -> MqttOptions {
    MqttOptions::new(id, "127.0.0.1", u16::try_from(port).unwrap())
}
