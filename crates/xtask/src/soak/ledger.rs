//! The ledger of one broker: which messages it has acknowledged, which came through, and which of them it still owes.

use std::collections::BTreeSet;

/// The service that a message was published with; messages of each are numbered on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    AtLeastOnce,
    ExactlyOnce,
}

/// One message: its service, and its number from 0 on.
pub(super) type Number = (Service, u64);

/// What the clients of one broker know for certain.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How many messages the broker has taken over: PUBACK, or PUBREC, after which a client must not send it again.
    pub(super) acknowledged: u64,
    /// How many different ones came through.
    pub(super) received: u64,
    /// How many came again at QoS 1, as they may after a connection was lost.
    pub(super) repeated: u64,
    /// How often a connection ended that the client did not end.
    pub(super) dropped: u32,
    /// Why the last one did.
    pub(super) last_drop: String,
    owed: BTreeSet<Number>,
    seen: [Seen; 2],
    /// What must not be, in words.
    broken: Vec<String>,
}

impl Ledger {
    /// The broker has taken a message over.
    pub(super) fn acknowledge(&mut self, number: Number) {
        self.acknowledged += 1;
        if !self.seen[number.0 as usize].contains(number.1) {
            self.owed.insert(number);
        }
    }

    /// A message came through; not one that was only sent again because its handshake was cut off.
    pub(super) fn receive(&mut self, number: Number) {
        self.owed.remove(&number);
        if self.seen[number.0 as usize].insert(number.1) {
            self.received += 1;
        } else if number.0 == Service::ExactlyOnce {
            self.blame(format!("message {} at QoS 2 came twice", number.1));
        } else {
            self.repeated += 1;
        }
    }

    /// A connection ended that the client did not end.
    pub(super) fn drop_connection(&mut self, why: String) {
        self.dropped += 1;
        self.last_drop = why;
    }

    /// Writes down something that must not be.
    pub(super) fn blame(&mut self, what: String) {
        self.broken.push(what);
    }

    /// What was acknowledged and has not come through.
    pub(super) fn owed(&self) -> &BTreeSet<Number> {
        &self.owed
    }

    /// The first thing that must not be.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.first().map(String::as_str)
    }
}

/// Numbers that were seen: nearly all of them in a row, so that a long run takes no memory for them.
#[derive(Debug, Default)]
struct Seen {
    /// All below this were.
    below: u64,
    above: BTreeSet<u64>,
}

impl Seen {
    fn contains(&self, number: u64) -> bool {
        number < self.below || self.above.contains(&number)
    }

    /// False for one that was seen before.
    fn insert(&mut self, number: u64) -> bool {
        let new = !self.contains(number) && self.above.insert(number);
        while self.above.remove(&self.below) {
            self.below += 1;
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Service::{AtLeastOnce, ExactlyOnce};
    use super::*;

    fn of(acknowledged: &[Number], received: &[Number]) -> Ledger {
        let mut ledger = Ledger::default();
        for &number in acknowledged {
            ledger.acknowledge(number);
        }
        for &number in received {
            ledger.receive(number);
        }
        ledger
    }

    #[test]
    fn what_was_acknowledged_is_owed_until_it_comes() {
        let ledger = of(&[(AtLeastOnce, 0), (ExactlyOnce, 0), (ExactlyOnce, 1)], &[(ExactlyOnce, 1)]);
        assert_eq!(ledger.owed().iter().collect::<Vec<_>>(), [&(AtLeastOnce, 0), &(ExactlyOnce, 0)]);
        assert_eq!((ledger.acknowledged, ledger.received, ledger.broken()), (3, 1, None));
    }

    #[test]
    fn an_acknowledgement_may_come_after_the_message() {
        let mut ledger = of(&[], &[(AtLeastOnce, 0)]);
        ledger.acknowledge((AtLeastOnce, 0));
        assert!(ledger.owed().is_empty());
    }

    #[test]
    fn twice_is_allowed_at_qos_1_alone() {
        let ledger = of(&[], &[(AtLeastOnce, 3), (AtLeastOnce, 3)]);
        assert_eq!((ledger.repeated, ledger.received, ledger.broken()), (1, 1, None));
        let ledger = of(&[], &[(ExactlyOnce, 3), (AtLeastOnce, 3), (ExactlyOnce, 3)]);
        assert_eq!(ledger.broken(), Some("message 3 at QoS 2 came twice"));
    }

    #[test]
    fn numbers_in_a_row_take_no_room() {
        let mut seen = Seen::default();
        assert!([2, 0, 1, 4].into_iter().all(|number| seen.insert(number)));
        assert_eq!((seen.below, seen.above.len()), (3, 1));
        assert!(!seen.insert(1) && !seen.insert(4) && seen.insert(3));
        assert_eq!((seen.below, seen.above.len()), (5, 0));
    }
}
