//! The subscriber of one broker: a session that outlives its connections, and that is sometimes away for a while.

use std::collections::{BTreeSet, VecDeque};

use rumqttc::{AsyncClient, Event, EventLoop, Incoming, Packet, Publish, QoS};
use tokio::sync::watch;

use super::link::Link;

/// How many requests a client takes at once; there is one.
const REQUESTS: usize = 4;

/// More packet identifiers than can be in use at once: the broker has at most 64 messages on their way to a client.
const RECENT: usize = 256;

/// A client that subscribes to everything that is published.
struct Subscriber {
    link: Link,
    client: AsyncClient,
    events: EventLoop,
    /// Packet identifiers of messages at QoS 2 that came and were not released yet.
    unreleased: BTreeSet<u16>,
    /// The last of them, oldest first, whether they were released or not.
    recent: VecDeque<u16>,
    subscribed: bool,
    connected: bool,
}

/// Receives until it is aborted. Goes away without a word while `away` says so.
pub(super) async fn run(link: Link, mut away: watch::Receiver<bool>) {
    let (client, events) = AsyncClient::new(link.options("subscriber"), REQUESTS);
    let (unreleased, recent) = (BTreeSet::new(), VecDeque::new());
    let mut this =
        Subscriber { link, client, events, unreleased, recent, subscribed: false, connected: false };
    loop {
        tokio::select! {
            lost = this.attend() => {
                if std::mem::take(&mut this.connected) {
                    this.link.ledger().drop_connection(format!("the subscriber's: {lost}"));
                }
            }
            () = is_set(&mut away) => {
                this.leave();
                if away.wait_for(|away| !*away).await.is_err() {
                    return;
                }
            }
        }
        this.link.pause().await;
        this.link.redirect(&mut this.events);
    }
}

/// Ends once `away` says so.
async fn is_set(away: &mut watch::Receiver<bool>) {
    // Nobody is left to say so where it fails, which is looked for where it matters.
    let _ = away.wait_for(|away| *away).await;
}

impl Subscriber {
    /// Takes what comes, until the connection is lost; says why.
    async fn attend(&mut self) -> String {
        loop {
            match self.events.poll().await {
                Ok(event) => self.take(event),
                Err(error) => {
                    self.take_buffered();
                    return error.to_string();
                }
            }
        }
    }

    fn leave(&mut self) {
        self.connected = false;
        self.events.clean();
        self.take_buffered();
    }

    /// What was read before the connection was lost.
    fn take_buffered(&mut self) {
        for event in std::mem::take(&mut self.events.state.events) {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Incoming(Incoming::ConnAck(ack)) => {
                self.connected = true;
                self.link.expect_session(self.subscribed, ack.session_present, "subscriber");
                self.remember();
                if !self.subscribed {
                    // The channel is empty but for an earlier one that was not answered.
                    let _ = self.client.try_subscribe(self.link.topic("+"), QoS::ExactlyOnce);
                }
            }
            Event::Incoming(Incoming::SubAck(_)) => {
                self.subscribed = true;
                self.link.set_heard();
            }
            Event::Incoming(Incoming::Publish(message)) => self.receive(&message),
            Event::Incoming(Incoming::PubRel(release)) => drop(self.unreleased.remove(&release.pkid)),
            _ => {}
        }
    }

    fn receive(&mut self, message: &Publish) {
        // Until it is released, the same identifier is the same message (MQTT 3.1.1, section 4.3.3).
        if message.qos == QoS::ExactlyOnce {
            if !self.unreleased.insert(message.pkid) {
                return;
            }
            self.recent.push_back(message.pkid);
            self.recent.drain(..self.recent.len().saturating_sub(RECENT));
        }
        match self.link.number(&message.payload) {
            Some(number) => self.link.ledger().receive(number),
            None => {
                self.link.ledger().blame(format!("a message that nobody published, on {}", message.topic));
            }
        }
    }

    /// The client's own state forgets with each connection which messages may be released, and takes their release for
    /// an error. So it is told of them again, also of those that were released: the broker may not have heard so.
    fn remember(&mut self) {
        let events = std::mem::take(&mut self.events.state.events);
        for &id in &self.recent {
            let mut message = Publish::new(self.link.topic("+"), QoS::ExactlyOnce, "");
            message.pkid = id;
            // Its answer is not sent: the broker asks for one where it has none.
            let _ = self.events.state.handle_incoming_packet(Packet::Publish(message));
        }
        self.events.state.events = events;
    }
}
