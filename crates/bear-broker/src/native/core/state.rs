//! Everything the broker remembers, changed by records only, and turned back into records for a shorter journal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::message::{Delivery, Message, Qos};
use super::record::Record;
use super::routes::Routes;
use super::session::{Phase, Queued, Session};
use crate::limits;

/// Who gets a message, and how.
type Receivers = Vec<(String, Delivery)>;

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) retained: BTreeMap<String, Arc<Message>>,
    /// The subscriptions of all sessions once more, to be found by topic.
    pub(super) routes: Routes,
    retained_bytes: usize,
    last_seq: u64,
}

impl State {
    /// The sequence number of the next message.
    pub(super) fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    pub(super) fn may_retain(&self, message: &Message) -> bool {
        let replaced = self.retained.get(&message.topic).map(|message| message.size());
        let count = self.retained.len() + usize::from(replaced.is_none());
        let bytes = self.retained_bytes - replaced.unwrap_or_default() + message.size();
        message.payload.is_empty() || (count <= limits::RETAINED_MESSAGES && bytes <= limits::RETAINED_BYTES)
    }

    /// The part of a record that must outlive the process: nothing of sessions that end with their connection, and
    /// nothing of deliveries at QoS 0.
    pub(super) fn lasting<'a>(&self, record: &'a Record) -> Option<Cow<'a, Record>> {
        let durable = |client: &str| self.sessions.get(client).is_some_and(|session| session.durable);
        match record {
            Record::Message { seq, message, retain, to } => {
                let lasts =
                    |(client, how): &&(String, Delivery)| how.qos > Qos::AtMostOnce && durable(client);
                let to = to.iter().filter(lasts).cloned().collect::<Vec<_>>();
                let message =
                    Record::Message { seq: *seq, message: Arc::clone(message), retain: *retain, to };
                matches!(&message, Record::Message { retain, to, .. } if *retain || !to.is_empty())
                    .then_some(Cow::Owned(message))
            }
            Record::Session { client, expiry_seconds } => {
                (*expiry_seconds > 0 || durable(client)).then_some(Cow::Borrowed(record))
            }
            other => other.client().is_some_and(durable).then_some(Cow::Borrowed(record)),
        }
    }

    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Message { seq, message, retain, to } => {
                self.last_seq = self.last_seq.max(seq);
                for (client, delivery) in to {
                    if let Some(session) = self.sessions.get_mut(&client) {
                        session.enqueue(Queued { seq, message: Arc::clone(&message), delivery });
                    }
                }
                if retain {
                    self.retain(message);
                }
            }
            Record::Session { client, expiry_seconds } => {
                let session = self.sessions.entry(client).or_default();
                session.expiry_seconds = expiry_seconds;
                session.durable |= expiry_seconds > 0;
                session.away_since = None;
            }
            Record::Ended { client } => self.end(&client),
            Record::Away { client, since } => {
                self.change(&client, |session| session.away_since = Some(since));
            }
            Record::Subscribed { client, filter, subscription } => {
                if let Some(session) = self.sessions.get_mut(&client) {
                    self.routes.add(&client, &filter);
                    session.subscriptions.insert(filter, subscription);
                }
            }
            Record::Unsubscribed { client, filter } => {
                self.routes.remove(&client, &filter);
                self.change(&client, |session| _ = session.subscriptions.remove(&filter));
            }
            Record::Sent { client, seq, packet_id } => {
                self.change(&client, |session| session.sent(seq, packet_id));
            }
            Record::Received { client, packet_id } => {
                self.change(&client, |session| session.received(packet_id));
            }
            Record::Done { client, packet_id } => {
                self.change(&client, |session| session.done(packet_id));
            }
            Record::Incoming { client, packet_id } => {
                self.change(&client, |session| _ = session.incoming.insert(packet_id));
            }
            Record::Released { client, packet_id } => {
                self.change(&client, |session| _ = session.incoming.remove(&packet_id));
            }
        }
    }

    /// Makes what was replayed into what a new process begins with: nobody is connected.
    pub(super) fn begin(&mut self, now: u64) {
        let ended = self.sessions.iter().filter(|(_, session)| session.expiry_seconds == 0);
        for client in ended.map(|(client, _)| client.clone()).collect::<Vec<_>>() {
            self.end(&client);
        }
        for session in self.sessions.values_mut() {
            session.away_since.get_or_insert(now);
        }
    }

    pub(super) fn forget_expired_retained(&mut self, now: u64) {
        let bytes = &mut self.retained_bytes;
        self.retained.retain(|_, message| {
            let expired = message.is_expired(now);
            *bytes -= if expired { message.size() } else { 0 };
            !expired
        });
    }

    /// Writes the records that make this state out of nothing, as far as it lasts.
    pub(super) fn write(&self, mut write: impl FnMut(Record) -> io::Result<()>) -> io::Result<()> {
        let durable = || self.sessions.iter().filter(|(_, session)| session.durable);
        for (client, session) in durable() {
            session_records(client, session).try_for_each(&mut write)?;
        }
        for message in self.retained.values() {
            write(Record::Message { seq: 0, message: Arc::clone(message), retain: true, to: Vec::new() })?;
        }
        for (seq, (message, to)) in messages(durable()) {
            write(Record::Message { seq, message, retain: false, to })?;
        }
        for (client, session) in durable() {
            in_flight_records(client, session).try_for_each(&mut write)?;
        }
        Ok(())
    }

    fn end(&mut self, client: &str) {
        for filter in
            self.sessions.remove(client).into_iter().flat_map(|session| session.subscriptions.into_keys())
        {
            self.routes.remove(client, &filter);
        }
    }

    fn change(&mut self, client: &str, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(client) {
            change(session);
        }
    }

    fn retain(&mut self, message: Arc<Message>) {
        let size = message.size();
        let replaced = if message.payload.is_empty() {
            self.retained.remove(&message.topic)
        } else {
            self.retained_bytes += size;
            self.retained.insert(message.topic.clone(), message)
        };
        self.retained_bytes -= replaced.map_or(0, |replaced| replaced.size());
    }
}

fn session_records(client: &str, session: &Session) -> impl Iterator<Item = Record> {
    let client = || client.to_owned();
    let begun = Record::Session { client: client(), expiry_seconds: session.expiry_seconds };
    let away = session.away_since.map(|since| Record::Away { client: client(), since });
    let subscribed = session.subscriptions.iter().map(move |(filter, subscription)| Record::Subscribed {
        client: client(),
        filter: filter.clone(),
        subscription: *subscription,
    });
    let incoming = session
        .incoming
        .iter()
        .map(move |packet_id| Record::Incoming { client: client(), packet_id: *packet_id });
    std::iter::once(begun).chain(away).chain(subscribed).chain(incoming)
}

/// Every message that is queued or in flight, once, with everyone it is for, in the order of the queues.
fn messages<'a>(
    sessions: impl Iterator<Item = (&'a String, &'a Session)>,
) -> BTreeMap<u64, (Arc<Message>, Receivers)> {
    let mut messages = BTreeMap::<_, (Arc<Message>, Receivers)>::new();
    for (client, session) in sessions {
        let sent = session.in_flight.iter().filter_map(|in_flight| match &in_flight.phase {
            Phase::Sent(queued) => Some(queued),
            Phase::Received => None,
        });
        for Queued { seq, message, delivery } in sent.chain(&session.queue) {
            if delivery.qos > Qos::AtMostOnce {
                let (_, to) = messages.entry(*seq).or_insert_with(|| (Arc::clone(message), Vec::new()));
                to.push((client.clone(), delivery.clone()));
            }
        }
    }
    messages
}

fn in_flight_records(client: &str, session: &Session) -> impl Iterator<Item = Record> {
    session.in_flight.iter().map(|in_flight| {
        let (client, packet_id) = (client.to_owned(), in_flight.packet_id);
        match &in_flight.phase {
            Phase::Sent(queued) => Record::Sent { client, seq: queued.seq, packet_id },
            Phase::Received => Record::Received { client, packet_id },
        }
    })
}
