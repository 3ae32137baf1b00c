//! What the two clients of one broker share: where it is, who they are to it, and the ledger.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::{EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::sleep;

use super::ledger::{Ledger, Number, Service};

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(100);

/// Long enough that a broker on a busy machine, or one that is paused, is not given up.
const KEEP_ALIVE: Duration = Duration::from_mins(1);

/// Where a broker listens, and what it asks of its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) port: u16,
    /// User name and password.
    pub(super) login: Option<(String, String)>,
}

/// One end of the connection between the clients of a broker and whoever watches them.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Tells one life of a broker from all others, also in the payload of its messages.
    life: u64,
    address: watch::Receiver<Address>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    /// Whether the subscription stands, so that what is published is for somebody.
    heard: AtomicBool,
    /// Whether the broker is about to move or to go, so that somebody else may get its port.
    held: AtomicBool,
}

impl Link {
    pub(super) fn new(life: u64, address: watch::Receiver<Address>) -> Self {
        Self { life, address, shared: Arc::default() }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_heard(&self) -> bool {
        self.shared.heard.load(Ordering::Relaxed)
    }

    pub(super) fn set_heard(&self) {
        self.shared.heard.store(true, Ordering::Relaxed);
    }

    /// Keeps clients from making another connection, or no longer.
    pub(super) fn hold(&self, held: bool) {
        self.shared.held.store(held, Ordering::Relaxed);
    }

    /// Waits until the next connection may be made, after one was lost.
    pub(super) async fn pause(&self) {
        loop {
            sleep(RECONNECT).await;
            if !self.shared.held.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// How a client connects: with a session that outlives the connection.
    pub(super) fn options(&self, client: &str) -> MqttOptions {
        let Address { port, login } = self.address.borrow().clone();
        let mut options = MqttOptions::new(format!("soak-{}-{client}", self.life), "127.0.0.1", port);
        options.set_clean_session(false).set_keep_alive(KEEP_ALIVE);
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        options
    }

    /// Where messages go that are published with a service; `+` stands for any.
    pub(super) fn topic(&self, service: &str) -> String {
        format!("soak/{}/{service}", self.life)
    }

    /// Makes the next connection go to where the broker is now.
    pub(super) fn redirect(&self, events: &mut EventLoop) {
        let now = self.options("");
        let client = events.mqtt_options.client_id();
        let inflight = events.mqtt_options.inflight();
        events.mqtt_options = now;
        events.mqtt_options.set_client_id(client).set_inflight(inflight);
    }

    /// A broker that has answered once must know the session ever after.
    pub(super) fn expect_session(&self, known: bool, present: bool, client: &str) {
        if known && !present {
            self.ledger().blame(format!("the broker forgot the session of the {client}"));
        }
    }

    /// What is published: mostly short, now and then some kilobytes.
    pub(super) fn payload(&self, (service, number): Number) -> String {
        let padding = if number % 64 == 63 { 4096 } else { usize::try_from(number * 37 % 200).unwrap_or(0) };
        format!("{} {} {number} {:.<padding$}", self.life, service as u8 + 1, "")
    }

    /// Which message a payload is; none where another life of the broker, or somebody else, published it.
    pub(super) fn number(&self, payload: &[u8]) -> Option<Number> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut words = text.split(' ');
        let life = words.next()?.parse::<u64>().ok()?;
        let service = match words.next()? {
            "1" => Service::AtLeastOnce,
            "2" => Service::ExactlyOnce,
            _ => return None,
        };
        let number = (service, words.next()?.parse().ok()?);
        (life == self.life && self.payload(number) == text).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_recognised_whole() {
        let address = watch::channel(Address { port: 1, login: None }).1;
        let link = Link::new(7, address.clone());
        for number in [(Service::AtLeastOnce, 0), (Service::ExactlyOnce, 63), (Service::ExactlyOnce, 100)] {
            let payload = link.payload(number);
            assert_eq!(link.number(payload.as_bytes()), Some(number));
            assert_eq!(link.number(&payload.as_bytes()[..payload.len() - 1]), None);
            assert_eq!(Link::new(8, address.clone()).number(payload.as_bytes()), None);
        }
    }
}
