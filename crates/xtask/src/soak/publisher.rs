//! The publisher of one broker: numbered messages at QoS 1 and 2, a few of them on their way at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, Incoming, Outgoing, QoS};
use tokio::time::{MissedTickBehavior, interval};

use super::ledger::{Number, Service};
use super::link::Link;

/// Between two messages.
const PACE: Duration = Duration::from_millis(200);

/// How many messages may be on their way to a broker at once.
const WINDOW: usize = 16;

/// Where the messages are that were not acknowledged yet.
#[derive(Debug, Default)]
struct Underway {
    numbers: [u64; 2],
    /// Handed to the client, in this order.
    queued: VecDeque<Number>,
    /// Sent under a packet identifier.
    sent: BTreeMap<u16, Number>,
    connected: bool,
}

/// Publishes until it is aborted.
pub(super) async fn run(link: Link) {
    let underway = Arc::new(Mutex::new(Underway::default()));
    // More than the window, so that packet identifiers come again late.
    let mut options = link.options("publisher");
    options.set_inflight(4 * u16::try_from(WINDOW).unwrap_or(u16::MAX));
    let (client, events) = AsyncClient::new(options, WINDOW);
    tokio::join!(feed(&client, &underway, &link), attend(events, &underway, &link));
}

/// Hands messages to the client at an even pace, as long as not too many are on their way.
async fn feed(client: &AsyncClient, underway: &Mutex<Underway>, link: &Link) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(mut underway) = underway.lock() else { return };
        if !underway.connected || !link.is_heard() || underway.queued.len() + underway.sent.len() >= WINDOW {
            continue;
        }
        let all = underway.numbers[0] + underway.numbers[1];
        let (service, qos) = match all % 2 {
            0 => (Service::AtLeastOnce, QoS::AtLeastOnce),
            _ => (Service::ExactlyOnce, QoS::ExactlyOnce),
        };
        let number = underway.numbers[service as usize];
        let payload = link.payload((service, number));
        // No waiting here, so that the order is that of `queued`.
        let topic = link.topic(&(service as u8 + 1).to_string());
        if client.try_publish(topic, qos, false, payload).is_ok() {
            underway.numbers[service as usize] += 1;
            underway.queued.push_back((service, number));
        }
    }
}

/// Keeps the connection, and writes down what the broker acknowledges.
async fn attend(mut events: EventLoop, underway: &Mutex<Underway>, link: &Link) {
    let mut connected_before = false;
    loop {
        let polled = events.poll().await;
        let lost = polled.as_ref().err().map(ToString::to_string);
        let buffered =
            if lost.is_some() { std::mem::take(&mut events.state.events) } else { VecDeque::new() };
        {
            let Ok(mut underway) = underway.lock() else { return };
            for event in polled.into_iter().chain(buffered) {
                if let Event::Incoming(Incoming::ConnAck(ack)) = &event {
                    underway.connected = true;
                    link.expect_session(connected_before, ack.session_present, "publisher");
                    connected_before = true;
                }
                note(&event, &mut underway, link);
            }
            if let Some(why) = &lost
                && std::mem::take(&mut underway.connected)
            {
                link.ledger().drop_connection(format!("the publisher's: {why}"));
            }
        }
        if lost.is_some() {
            link.pause().await;
            link.redirect(&mut events);
        }
    }
}

fn note(event: &Event, underway: &mut Underway, link: &Link) {
    match event {
        // What is sent again is known already.
        Event::Outgoing(Outgoing::Publish(id)) if !underway.sent.contains_key(id) => {
            if let Some(number) = underway.queued.pop_front() {
                underway.sent.insert(*id, number);
            }
        }
        Event::Incoming(Incoming::PubAck(ack)) => {
            if let Some(number) = underway.sent.remove(&ack.pkid) {
                link.ledger().acknowledge(number);
            }
        }
        Event::Incoming(Incoming::PubRec(ack)) => {
            // It stays on its way until PUBCOMP: its identifier is in use.
            if let Some(&number) = underway.sent.get(&ack.pkid) {
                link.ledger().acknowledge(number);
            }
        }
        Event::Incoming(Incoming::PubComp(ack)) => drop(underway.sent.remove(&ack.pkid)),
        _ => {}
    }
}
