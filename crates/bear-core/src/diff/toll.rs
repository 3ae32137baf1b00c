//! What changes cost: the machines that they end.

use super::{Action, Change};
use crate::name::GroupName;
use crate::state::v1::State;

/// The changes that end a machine which exists, or may exist.
pub fn doomed(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| matches!(change.action, Action::Destroy | Action::Replace))
}

/// The changes that end a machine although its group is protected. A plan with any is refused.
pub fn protected(changes: &[Change], is_protected: impl Fn(&GroupName) -> bool) -> Vec<&Change> {
    doomed(changes).filter(|change| is_protected(&change.group)).collect()
}

/// How many of a fleet's instances lose their machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Toll {
    /// How many lose theirs, whether they get another one or not.
    pub ended: usize,
    /// How many there are.
    pub all: usize,
}

impl Toll {
    /// What changes cost the fleet that is recorded.
    pub fn of(changes: &[Change], state: &State) -> Self {
        Self { ended: doomed(changes).count(), all: state.instances.len() }
    }

    /// Whether it is more than that part of the fleet, in percent.
    pub fn exceeds(self, percent: u8) -> bool {
        self.ended * 100 > usize::from(percent) * self.all
    }
}
