//! What all connections share: sessions and retained messages. Every fault but those of the first bytes is here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::packet::{Connect, Message, Packet, Step};
use super::{Fault, Holdings, VERSION};

/// Where Mosquitto tells its version.
const VERSION_TOPIC: &str = "$SYS/broker/version";

/// When [`Fault::RepeatsLater`] repeats a message.
const LATER: Duration = Duration::from_millis(5);

/// The way to a client that is connected.
#[derive(Clone, Debug)]
pub(super) struct Outbox(pub(super) mpsc::Sender<Packet>);

impl Outbox {
    fn send(&self, packet: Packet) {
        // A client that is gone or does not read misses it, as over any connection that breaks.
        let _ = self.0.try_send(packet);
    }
}

#[derive(Debug)]
pub(super) struct Hub {
    fault: Option<Fault>,
    sessions: BTreeMap<String, Session>,
    retained: BTreeMap<String, Message>,
    tickets: u64,
}

#[derive(Debug, Default)]
struct Session {
    /// The connection that the session belongs to: a later one of the same client takes it over.
    ticket: u64,
    keep: bool,
    outbox: Option<Outbox>,
    subscriptions: BTreeMap<String, u8>,
    /// Came while the client was away.
    waiting: VecDeque<Message>,
    /// Sent to the client, which has not acknowledged it.
    unacknowledged: BTreeMap<u16, Message>,
    /// Released to the client, which has not completed it.
    released: BTreeSet<u16>,
    /// Received from the client at QoS 2, and not yet released by it.
    received: BTreeSet<u16>,
    last_id: u16,
}

impl Hub {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self { fault, sessions: BTreeMap::new(), retained: BTreeMap::new(), tickets: 0 }
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    pub(super) fn holdings(&self) -> Holdings {
        Holdings { retained: self.retained.len(), sessions: self.sessions.len() }
    }

    /// Lets a client in: answers its CONNECT and sends what waited for it. The ticket is what it leaves with.
    pub(super) fn enter(&mut self, connect: &Connect, outbox: Outbox) -> u64 {
        self.tickets += 1;
        if connect.clean || self.fault == Some(Fault::ForgetsSessions) {
            self.sessions.remove(&connect.client_id);
        }
        let session_present = self.sessions.contains_key(&connect.client_id);
        let session = self.sessions.entry(connect.client_id.clone()).or_default();
        outbox.send(Packet::ConnAck { session_present, code: 0 });
        session.ticket = self.tickets;
        session.keep = connect.keep;
        session.outbox = Some(outbox);
        session.resume(self.fault);
        self.tickets
    }

    /// Takes note that a connection has ended, with the will that is now due.
    pub(super) fn leave(&mut self, client_id: &str, ticket: u64, will: Option<&Message>) {
        if let Some(session) = self.sessions.get_mut(client_id)
            && session.ticket == ticket
        {
            session.outbox = None;
            if !session.keep {
                self.sessions.remove(client_id);
            }
        }
        if let Some(will) = will
            && self.fault != Some(Fault::NoWill)
        {
            self.publish(will);
        }
    }

    /// Does what a packet asks for.
    pub(super) fn receive(&mut self, client_id: &str, packet: Packet) {
        match packet {
            Packet::Publish { message, id, .. } => self.take_over(client_id, &message, id),
            Packet::Subscribe { id, wanted } => self.subscribe(client_id, id, &wanted),
            Packet::Step(step, id) => {
                if let Some(session) = self.sessions.get_mut(client_id) {
                    session.acknowledged(step, id, self.fault);
                }
            }
            Packet::PingReq => self.answer(client_id, Packet::PingResp),
            _ => {}
        }
    }

    fn answer(&self, client_id: &str, packet: Packet) {
        if let Some(outbox) = self.sessions.get(client_id).and_then(|session| session.outbox.as_ref()) {
            outbox.send(packet);
        }
    }

    fn take_over(&mut self, client_id: &str, message: &Message, id: u16) {
        let known = message.qos == 2
            && self.sessions.get_mut(client_id).is_some_and(|session| !session.received.insert(id));
        if !known {
            self.publish(message);
        }
        if self.fault == Some(Fault::NeverAcknowledges(message.qos)) {
            return;
        }
        match message.qos {
            1 => self.answer(client_id, Packet::Step(Step::Acknowledge, id)),
            2 => self.answer(client_id, Packet::Step(Step::Receive, id)),
            _ => {}
        }
    }

    fn publish(&mut self, message: &Message) {
        if message.retain {
            if !message.payload.is_empty() {
                self.retained.insert(message.topic.clone(), message.clone());
            } else if self.fault != Some(Fault::NeverClearsRetained) {
                self.retained.remove(&message.topic);
            }
        }
        if self.fault == Some(Fault::ForgetsRetained) {
            self.retained.clear();
        }
        if self.fault == Some(Fault::Loses(message.qos)) {
            return;
        }
        for session in self.sessions.values_mut() {
            if let Some(granted) = session.subscriptions.get(&message.topic) {
                let qos = message.qos.min(*granted);
                let copies = if self.fault == Some(Fault::Duplicates(qos)) { 2 } else { 1 };
                for _ in 0..copies {
                    session.deliver(Message { qos, retain: false, ..message.clone() }, self.fault);
                }
            }
        }
    }

    fn subscribe(&mut self, client_id: &str, id: u16, wanted: &[(String, u8)]) {
        let Some(session) = self.sessions.get_mut(client_id) else {
            return;
        };
        let most = if self.fault == Some(Fault::GrantsLess) { 1 } else { 2 };
        let granted = wanted.iter().map(|(_, qos)| (*qos).min(most)).collect();
        if let Some(outbox) = &session.outbox {
            outbox.send(Packet::SubAck { id, granted });
        }
        if self.fault == Some(Fault::ForgetsSubscriptions) {
            session.subscriptions.clear();
        }
        for (topic, qos) in wanted {
            session.subscriptions.insert(topic.clone(), (*qos).min(most));
            if let Some(retained) = self.retained.get(topic) {
                let retain = self.fault != Some(Fault::RetainsWithoutFlag);
                let qos = retained.qos.min(*qos);
                session.deliver(Message { qos, retain, ..retained.clone() }, self.fault);
            }
            if topic == VERSION_TOPIC && self.fault != Some(Fault::TellsNoVersion) {
                let version = if self.fault == Some(Fault::OtherVersion) { "2.0.18" } else { VERSION };
                let payload = format!("mosquitto version {version}").into_bytes();
                session.deliver(Message { topic: topic.clone(), payload, qos: 0, retain: true }, self.fault);
            }
        }
    }
}

impl Session {
    /// Sends what was left from earlier connections, then what came in between.
    fn resume(&mut self, fault: Option<Fault>) {
        if fault == Some(Fault::LosesQueue) {
            self.unacknowledged.clear();
            self.waiting.clear();
        }
        if fault == Some(Fault::ReversesQueue) {
            self.waiting.make_contiguous().reverse();
        }
        if let Some(outbox) = &self.outbox {
            for (id, message) in &self.unacknowledged {
                outbox.send(Packet::Publish { message: message.clone(), id: *id, dup: true });
            }
            for id in &self.released {
                outbox.send(Packet::Step(Step::Release, *id));
            }
        }
        for message in std::mem::take(&mut self.waiting) {
            self.deliver(message, fault);
        }
    }

    fn deliver(&mut self, mut message: Message, fault: Option<Fault>) {
        let Some(outbox) = &self.outbox else {
            if self.keep && message.qos > 0 {
                self.waiting.push_back(message);
            }
            return;
        };
        match fault {
            Some(Fault::CorruptsPayload) => message.payload.iter_mut().take(1).for_each(|byte| *byte ^= 1),
            Some(Fault::TruncatesPayload) => _ = message.payload.pop(),
            Some(Fault::DowngradesQos) => message.qos = message.qos.saturating_sub(1),
            _ => {}
        }
        let mut id = 0;
        if message.qos > 0 {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            id = self.last_id;
            self.unacknowledged.insert(id, message.clone());
        } else if fault == Some(Fault::RepeatsLater) {
            let (outbox, message) = (outbox.clone(), message.clone());
            tokio::spawn(async move {
                sleep(LATER).await;
                outbox.send(Packet::Publish { message, id, dup: false });
            });
        }
        outbox.send(Packet::Publish { message, id, dup: false });
    }

    fn acknowledged(&mut self, step: Step, id: u16, fault: Option<Fault>) {
        let answer = match step {
            Step::Acknowledge => {
                self.unacknowledged.remove(&id);
                return;
            }
            Step::Complete => {
                self.released.remove(&id);
                return;
            }
            Step::Receive if fault == Some(Fault::NeverReleases) => return,
            Step::Receive => {
                self.unacknowledged.remove(&id);
                self.released.insert(id);
                Step::Release
            }
            Step::Release => {
                self.received.remove(&id);
                Step::Complete
            }
        };
        if let Some(outbox) = &self.outbox {
            outbox.send(Packet::Step(answer, id));
        }
    }
}
