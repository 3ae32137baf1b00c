//! A client that was away when the power went, and what was left for it: messages that its broker had acknowledged.

use std::time::{Duration, Instant};

use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, NetworkOptions, Outgoing, QoS};

/// How long a broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take until a message that waits has come. To have none is what all of it is spent for.
const QUIET: Duration = Duration::from_millis(500);

/// All messages go here.
const TOPIC: &str = "plant/one";

/// A connection.
struct Line {
    client: Client,
    connection: Connection,
    messages: Vec<String>,
    session_present: bool,
}

impl Line {
    fn connect(id: &str, port: u16, clean: bool) -> Result<Self, String> {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_clean_session(clean);
        let (client, mut connection) = Client::new(options, 16);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        let mut line = Self { client, connection, messages: Vec::new(), session_present: false };
        line.until("a CONNACK", |event| matches!(event, Event::Incoming(Incoming::ConnAck(_))))?;
        Ok(line)
    }

    fn next(&mut self, patience: Duration) -> Result<Option<Event>, String> {
        let Ok(event) = self.connection.recv_timeout(patience) else { return Ok(None) };
        let event = event.map_err(|error| error.to_string())?;
        match &event {
            Event::Incoming(Incoming::Publish(message)) => {
                self.messages.push(String::from_utf8_lossy(&message.payload).into_owned());
            }
            Event::Incoming(Incoming::ConnAck(ack)) => self.session_present = ack.session_present,
            _ => {}
        }
        Ok(Some(event))
    }

    fn until(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.next(PATIENCE)?.as_ref().is_some_and(&is_it) {
                return Ok(());
            }
        }
        Err(format!("{what} did not come within {} s", PATIENCE.as_secs()))
    }

    fn leave(mut self) -> Result<(), String> {
        self.client.disconnect().map_err(|error| error.to_string())?;
        self.until("leave", |event| matches!(event, Event::Outgoing(Outgoing::Disconnect)))
    }
}

/// Subscribes as somebody whose session stays.
pub(super) fn subscribe(port: u16) -> Result<(), String> {
    let mut line = Line::connect("away", port, false)?;
    line.client.subscribe(TOPIC, QoS::ExactlyOnce).map_err(|error| error.to_string())?;
    line.until("a SUBACK", |event| matches!(event, Event::Incoming(Incoming::SubAck(_))))?;
    line.leave()
}

/// Leaves messages at QoS 1 and 2, all of which the broker acknowledges.
pub(super) fn publish(port: u16, messages: &[String]) -> Result<(), String> {
    let mut line = Line::connect("sender", port, true)?;
    for (message, qos) in messages.iter().zip([QoS::AtLeastOnce, QoS::ExactlyOnce].iter().cycle()) {
        line.client.publish(TOPIC, *qos, false, message.as_str()).map_err(|error| error.to_string())?;
        let acknowledged =
            |event: &Event| matches!(event, Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_)));
        line.until("an acknowledgement", acknowledged)?;
    }
    line.leave()
}

/// What is there for whoever was away; none if the broker does not know them any more.
pub(super) fn collect(port: u16) -> Result<Option<Vec<String>>, String> {
    let mut line = Line::connect("away", port, false)?;
    while line.next(QUIET)?.is_some() {}
    let messages = line.session_present.then(|| line.messages.clone());
    line.leave()?;
    Ok(messages)
}
