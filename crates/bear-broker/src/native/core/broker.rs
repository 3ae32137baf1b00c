//! The decisions of the broker: what each thing that a client does changes, and what the client gets next.
//!
//! The connection of a client asks [`Broker::next`] for what to send whenever there is room on the socket, and is woken
//! when there may be something: so nothing waits but in the session's own, bounded queue.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::delivery::{deliveries, delivery};
use super::journal::Journal;
use super::link::{End, Fault, Hello, Link, LinkId, Outgoing};
use super::message::{Delivery, Message, Qos, RetainHandling, Subscription, Will};
use super::record::Record;
use super::session::{Phase, Session};
use super::state::State;
use super::topic::Filter;
use super::wills::Wills;
use crate::error::BrokerError;
use crate::limits;

#[derive(Debug)]
pub(crate) struct Broker {
    state: State,
    journal: Journal,
    links: HashMap<String, Link>,
    wills: Wills,
    links_made: u64,
    turn: usize,
}

impl Broker {
    /// Times are in milliseconds since 1970, here and below.
    pub(crate) fn open(folder: &Path, now: u64) -> Result<Self, BrokerError> {
        let (journal, state) = Journal::open(folder, now)?;
        let (sessions, retained) = (state.sessions.len(), state.retained.len());
        tracing::info!(sessions, retained, "loaded what the folder remembers");
        Ok(Self { state, journal, links: HashMap::new(), wills: Wills::default(), links_made: 0, turn: 0 })
    }

    /// Connects a client; says whether it found its session again.
    pub(crate) fn connect(&mut self, hello: Hello, now: u64) -> Result<(LinkId, bool), Fault> {
        let Hello { client, clean_start, expiry_seconds, will, window, incoming, wake } = hello;
        self.take_over(&client, now)?;
        let session = self.state.sessions.get(&client);
        let exists = session.is_some();
        let resumed = session.is_some_and(|session| !clean_start && !session.is_expired(now));
        if !exists && self.state.sessions.len() >= limits::SESSIONS {
            return Err(Fault::TooManySessions);
        }
        if let Some(overdue) = self.wills.cancel(&client).filter(|_| !resumed) {
            self.publish_will(&client, overdue, now)?;
        }
        let ended = (exists && !resumed).then(|| Record::Ended { client: client.clone() });
        let begun = Record::Session { client: client.clone(), expiry_seconds };
        self.commit(ended.into_iter().chain([begun]).collect())?;
        self.links_made += 1;
        let again =
            self.state.sessions[&client].in_flight.iter().map(|in_flight| in_flight.packet_id).collect();
        let (window, incoming) = (usize::from(window), usize::from(incoming));
        self.links
            .insert(client.clone(), Link { number: self.links_made, wake, window, incoming, will, again });
        Ok((LinkId { client, number: self.links_made }, resumed))
    }

    /// Ends a connection, and with it a session without an expiry.
    pub(crate) fn end(&mut self, id: &LinkId, end: End, now: u64) -> Result<(), Fault> {
        self.link(id)?;
        let client = id.client.clone();
        let will = self.links.remove(&client).and_then(|link| link.will);
        let before = self.state.sessions[&client].expiry_seconds;
        let (will, changed) = match end {
            End::Left { expiry_seconds } => (None, expiry_seconds),
            End::Lost { expiry_seconds } => (will, expiry_seconds),
        };
        // A session that was to end with its connection can't be given a life after it (MQTT 5, section 3.14.2.2.2).
        let expiry_seconds = changed.filter(|_| before > 0).unwrap_or(before);
        let changed =
            (expiry_seconds != before).then(|| Record::Session { client: client.clone(), expiry_seconds });
        let last = match expiry_seconds {
            0 => Record::Ended { client: client.clone() },
            _ => Record::Away { client: client.clone(), since: now },
        };
        self.commit(changed.into_iter().chain([last]).collect())?;
        match will.and_then(|will| self.wills.wait(&client, will, expiry_seconds, now)) {
            Some(will) => self.publish_will(&client, will, now),
            None => Ok(()),
        }
    }

    /// Takes a message from a client. When this returns, it may be acknowledged. At QoS 2, the packet identifier makes
    /// sure that a message which is sent again is not taken twice.
    pub(crate) fn publish(
        &mut self,
        id: &LinkId,
        packet_id: u16,
        message: Message,
        now: u64,
    ) -> Result<(), Fault> {
        let most = self.link(id)?.incoming;
        let incoming = &self.state.sessions[&id.client].incoming;
        let once = message.qos == Qos::ExactlyOnce;
        if once && incoming.contains(&packet_id) {
            return Ok(());
        }
        if once && incoming.len() >= most {
            return Err(Fault::TooManyIncoming);
        }
        let taken = once.then(|| Record::Incoming { client: id.client.clone(), packet_id });
        self.route(&id.client, taken, message, now)
    }

    /// The client released a message that it published at QoS 2; says whether the broker knew it.
    pub(crate) fn released(&mut self, id: &LinkId, packet_id: u16) -> Result<bool, Fault> {
        self.link(id)?;
        let known = self.state.sessions[&id.client].incoming.contains(&packet_id);
        if known {
            self.commit(vec![Record::Released { client: id.client.clone(), packet_id }])?;
        }
        Ok(known)
    }

    /// The client has a message at QoS 2 and must not get it again; says whether the broker sent it.
    pub(crate) fn received(&mut self, id: &LinkId, packet_id: u16) -> Result<bool, Fault> {
        self.link(id)?;
        let known = self.state.sessions[&id.client].is_in_flight(packet_id);
        if known {
            self.commit(vec![Record::Received { client: id.client.clone(), packet_id }])?;
        }
        Ok(known)
    }

    /// The client has a message for good, or never will.
    pub(crate) fn done(&mut self, id: &LinkId, packet_id: u16) -> Result<(), Fault> {
        self.link(id)?;
        if self.state.sessions[&id.client].is_in_flight(packet_id) {
            self.commit(vec![Record::Done { client: id.client.clone(), packet_id }])?;
        }
        Ok(())
    }

    /// Subscribes a client, and queues the retained messages that it asked for.
    pub(crate) fn subscribe(
        &mut self,
        id: &LinkId,
        text: &str,
        subscription: Subscription,
        handling: RetainHandling,
        now: u64,
    ) -> Result<(), Fault> {
        self.link(id)?;
        let filter = Filter::parse(text).ok_or(Fault::NoFilter)?;
        let subscriptions = &self.state.sessions[&id.client].subscriptions;
        let is_new = !subscriptions.contains_key(text);
        if is_new && subscriptions.len() >= limits::SUBSCRIPTIONS {
            return Err(Fault::TooManySubscriptions);
        }
        self.commit(vec![Record::Subscribed {
            client: id.client.clone(),
            filter: text.to_owned(),
            subscription,
        }])?;
        let wants_retained = match handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => is_new,
            RetainHandling::Never => false,
        };
        if wants_retained && filter.group.is_none() {
            self.queue_retained(&id.client, filter, subscription, now)?;
        }
        Ok(())
    }

    /// Ends a subscription; says whether there was one.
    pub(crate) fn unsubscribe(&mut self, id: &LinkId, filter: &str) -> Result<bool, Fault> {
        self.link(id)?;
        let existed = self.state.sessions[&id.client].subscriptions.contains_key(filter);
        if existed {
            self.commit(vec![Record::Unsubscribed { client: id.client.clone(), filter: filter.to_owned() }])?;
        }
        Ok(existed)
    }

    /// What to send to a client next; none while there is nothing, or too much on its way.
    pub(crate) fn next(&mut self, id: &LinkId, now: u64) -> Result<Option<Outgoing>, Fault> {
        let window = self.link(id)?.window;
        if !self.link(id)?.again.is_empty() {
            return Ok(self.next_again(&id.client, window));
        }
        let Some(session) = self.state.sessions.get_mut(&id.client) else { return Ok(None) };
        while session.queue.front().is_some_and(|queued| queued.message.is_expired(now)) {
            session.pop();
        }
        let Some(front) = session.queue.front() else { return Ok(None) };
        let at_most_once = front.delivery.qos == Qos::AtMostOnce;
        if !at_most_once && session.in_flight.len() >= window {
            return Ok(None);
        }
        let front = front.clone();
        let packet_id = (!at_most_once).then(|| session.free_packet_id());
        match packet_id {
            Some(packet_id) => {
                self.commit(vec![Record::Sent { client: id.client.clone(), seq: front.seq, packet_id }])?;
            }
            None => _ = session.pop(),
        }
        Ok(Some(Outgoing::Publish {
            packet_id,
            again: false,
            message: front.message,
            delivery: front.delivery,
        }))
    }

    /// Does what only the passing of time makes due: sessions that expired, wills that waited long enough.
    pub(crate) fn tick(&mut self, now: u64) -> Result<(), Fault> {
        for (client, will) in self.wills.due(now) {
            self.publish_will(&client, will, now)?;
        }
        self.state.forget_expired_retained(now);
        let expired = self.state.sessions.iter().filter(|(_, session)| session.is_expired(now));
        let ended = expired.map(|(client, _)| Record::Ended { client: client.clone() }).collect::<Vec<_>>();
        if ended.is_empty() { Ok(()) } else { self.commit(ended) }
    }

    /// The journal's file, where something in it waits to be flushed to the disk.
    pub(crate) fn unflushed(&mut self) -> Option<std::fs::File> {
        self.journal.unflushed()
    }

    /// Resends what was in flight on an earlier connection, in its old order and under its old identifiers.
    fn next_again(&mut self, client: &str, window: usize) -> Option<Outgoing> {
        let (link, session) = (self.links.get_mut(client)?, self.state.sessions.get(client)?);
        while let Some(packet_id) = link.again.front().copied() {
            if session.in_flight.len() - link.again.len() >= window {
                return None;
            }
            link.again.pop_front();
            match session
                .in_flight
                .iter()
                .find(|in_flight| in_flight.packet_id == packet_id)
                .map(|sent| &sent.phase)
            {
                Some(Phase::Received) => return Some(Outgoing::Release { packet_id }),
                Some(Phase::Sent(queued)) => {
                    let (message, delivery) = (Arc::clone(&queued.message), queued.delivery.clone());
                    return Some(Outgoing::Publish {
                        packet_id: Some(packet_id),
                        again: true,
                        message,
                        delivery,
                    });
                }
                None => {}
            }
        }
        None
    }

    fn link(&self, id: &LinkId) -> Result<&Link, Fault> {
        self.links.get(&id.client).filter(|link| link.number == id.number).ok_or(Fault::TakenOver)
    }

    /// Ends the connection that a client still has, as if it was lost, and wakes it so that it notices.
    fn take_over(&mut self, client: &str, now: u64) -> Result<(), Fault> {
        let Some(link) = self.links.get(client) else { return Ok(()) };
        let (id, wake) = (LinkId { client: client.to_owned(), number: link.number }, Arc::clone(&link.wake));
        self.end(&id, End::Lost { expiry_seconds: None }, now)?;
        wake.notify_one();
        Ok(())
    }

    fn publish_will(&mut self, client: &str, will: Will, now: u64) -> Result<(), Fault> {
        let Will { mut message, expiry_seconds, .. } = will;
        message.expire_after(expiry_seconds, now);
        self.route(client, None, message, now)
    }

    /// Queues a message for everyone it is for and keeps it where it is to be retained, together with `taken`.
    fn route(
        &mut self,
        publisher: &str,
        taken: Option<Record>,
        message: Message,
        now: u64,
    ) -> Result<(), Fault> {
        self.turn = self.turn.wrapping_add(1);
        let to = if message.is_expired(now) { Vec::new() } else { self.receivers(publisher, &message) };
        let retain = message.retain && self.state.may_retain(&message);
        if message.retain && !retain {
            tracing::warn!(topic = message.topic, "too much is retained already: this message is not");
        }
        let wakes =
            to.iter().filter_map(|(client, _)| self.links.get(client)).map(|link| Arc::clone(&link.wake));
        let wakes = wakes.collect::<Vec<_>>();
        let message = Record::Message { seq: self.state.next_seq(), message: Arc::new(message), retain, to };
        self.commit(taken.into_iter().chain([message]).collect())?;
        for wake in wakes {
            wake.notify_one();
        }
        Ok(())
    }

    fn receivers(&mut self, publisher: &str, message: &Message) -> Vec<(String, Delivery)> {
        let deliveries = deliveries(&self.state, publisher, message, self.turn);
        let links = &self.links;
        let sessions = &mut self.state.sessions;
        let mut takes = |client: &str, delivery: &Delivery| {
            // Messages at QoS 0 are for whoever listens now.
            let wanted = delivery.qos > Qos::AtMostOnce || links.contains_key(client);
            wanted && sessions.get_mut(client).is_some_and(|session| has_room(client, session, message))
        };
        deliveries.into_iter().filter(|(client, delivery)| takes(client, delivery)).collect()
    }

    fn queue_retained(
        &mut self,
        client: &str,
        filter: Filter<'_>,
        how: Subscription,
        now: u64,
    ) -> Result<(), Fault> {
        let wanted = |message: &&Arc<Message>| filter.matches(&message.topic) && !message.is_expired(now);
        let wanted = self.state.retained.values().filter(wanted).map(Arc::clone).collect::<Vec<_>>();
        for message in wanted {
            let session = self.state.sessions.get_mut(client);
            if session.is_some_and(|session| has_room(client, session, &message)) {
                let to = vec![(client.to_owned(), delivery(&how, message.qos, true))];
                self.commit(vec![Record::Message {
                    seq: self.state.next_seq(),
                    message,
                    retain: false,
                    to,
                }])?;
            }
        }
        Ok(())
    }

    /// Makes changes last, then makes them.
    fn commit(&mut self, records: Vec<Record>) -> Result<(), Fault> {
        let lasting = records.iter().filter_map(|record| self.state.lasting(record)).collect::<Vec<_>>();
        if !lasting.is_empty() {
            self.journal.append(&lasting).map_err(Fault::Journal)?;
        }
        drop(lasting);
        for record in records {
            self.state.apply(record);
        }
        if self.journal.is_long()
            && let Err(error) = self.journal.rewrite(&self.state)
        {
            tracing::warn!("could not shorten the journal: {error}");
        }
        Ok(())
    }
}

#[cfg(test)]
impl Broker {
    pub(super) fn rewrite(&mut self) {
        self.journal.rewrite(&self.state).unwrap();
    }

    pub(super) fn break_journal(&mut self) {
        self.journal.break_file();
    }

    pub(super) fn mend_journal(&mut self) {
        self.journal.mend_file();
    }

    pub(super) fn state_after_restart(&self, now: u64) -> State {
        let mut state = self.state.clone();
        state.begin(now);
        state
    }
}

/// Whether a message finds room in a session's queue. Says once for all that don't.
fn has_room(client: &str, session: &mut Session, message: &Message) -> bool {
    let room = session.has_room_for(message);
    if !room && session.overflow() {
        tracing::warn!(
            client,
            "the session's queue is full: messages for it are dropped until it takes some"
        );
    }
    room
}
