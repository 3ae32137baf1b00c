//! One client's session: its subscriptions, what waits for it, and what is on its way in either direction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::link::NEVER;
use super::message::{Delivery, Message, Subscription};
use crate::limits;

#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) expiry_seconds: u32,
    /// Whether it ever had an expiry, so that the journal knows it until it ends.
    pub(super) durable: bool,
    /// When its connection ended, in milliseconds since 1970; none while connected.
    pub(super) away_since: Option<u64>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) queue: VecDeque<Queued>,
    pub(super) in_flight: VecDeque<InFlight>,
    /// Packet identifiers of messages that the client published at QoS 2 and has not released.
    pub(super) incoming: BTreeSet<u16>,
    queued_bytes: usize,
    last_packet_id: u16,
    overflowed: bool,
}

/// A message in a session's queue. The sequence number is the same in every queue that the message is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Queued {
    pub(super) seq: u64,
    pub(super) message: Arc<Message>,
    pub(super) delivery: Delivery,
}

/// A message at QoS 1 or 2 that the client has not acknowledged for good.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InFlight {
    pub(super) packet_id: u16,
    pub(super) phase: Phase,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Sent; sent again when the client comes back.
    Sent(Queued),
    /// The client has it (QoS 2), only the release is still to be completed.
    Received,
}

impl Session {
    pub(super) fn is_expired(&self, now: u64) -> bool {
        let ends_at = |since: u64| since.saturating_add(u64::from(self.expiry_seconds) * 1000);
        self.expiry_seconds != NEVER && self.away_since.is_some_and(|since| ends_at(since) <= now)
    }

    pub(super) fn has_room_for(&self, message: &Message) -> bool {
        self.queue.len() < limits::QUEUED_MESSAGES
            && self.queued_bytes + message.size() <= limits::QUEUED_BYTES
    }

    /// Notes that a message found no room; true for the first one since there was some.
    pub(super) fn overflow(&mut self) -> bool {
        !std::mem::replace(&mut self.overflowed, true)
    }

    pub(super) fn enqueue(&mut self, queued: Queued) {
        self.queued_bytes += queued.message.size();
        self.queue.push_back(queued);
    }

    /// Takes the next message off the queue without a trace: one at QoS 0, or an expired one.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.take(0)
    }

    pub(super) fn sent(&mut self, seq: u64, packet_id: u16) {
        let Some(queued) =
            self.queue.iter().position(|queued| queued.seq == seq).and_then(|at| self.take(at))
        else {
            return;
        };
        self.last_packet_id = packet_id;
        self.in_flight.push_back(InFlight { packet_id, phase: Phase::Sent(queued) });
    }

    pub(super) fn received(&mut self, packet_id: u16) {
        match self.in_flight.iter_mut().find(|in_flight| in_flight.packet_id == packet_id) {
            Some(in_flight) => in_flight.phase = Phase::Received,
            None => self.in_flight.push_back(InFlight { packet_id, phase: Phase::Received }),
        }
    }

    pub(super) fn done(&mut self, packet_id: u16) {
        self.in_flight.retain(|in_flight| in_flight.packet_id != packet_id);
    }

    pub(super) fn is_in_flight(&self, packet_id: u16) -> bool {
        self.in_flight.iter().any(|in_flight| in_flight.packet_id == packet_id)
    }

    /// A packet identifier that is not in use. There is one: far fewer are in flight than there are identifiers.
    pub(super) fn free_packet_id(&self) -> u16 {
        let mut packet_id = self.last_packet_id;
        loop {
            packet_id = packet_id.checked_add(1).unwrap_or(1);
            if !self.is_in_flight(packet_id) {
                return packet_id;
            }
        }
    }

    fn take(&mut self, at: usize) -> Option<Queued> {
        let queued = self.queue.remove(at)?;
        self.queued_bytes -= queued.message.size();
        self.overflowed = false;
        Some(queued)
    }
}
