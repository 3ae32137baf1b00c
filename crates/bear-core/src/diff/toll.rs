//! What changes cost: the machines that they end. And what can't be done to machines that exist.

use super::{Action, Change, Changes};
use crate::name::GroupName;
use crate::state::v1::{Recorded, State};

/// The fields of what machines share that can't change while there are machines.
const FIXED: [&str; 2] = ["vpc", "security_groups"];

/// The changes that end a machine which exists, or may exist.
pub fn doomed(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| matches!(change.action, Action::Destroy | Action::Replace))
}

/// The changes that end a machine although its group is protected. A plan with any is refused.
pub fn protected(changes: &[Change], is_protected: impl Fn(&GroupName) -> bool) -> Vec<&Change> {
    doomed(changes).filter(|change| is_protected(&change.group)).collect()
}

/// The fields by which machines that exist would be put into another network or other security groups. They can't go
/// there, and what is shared can't be in both places. A plan with any is refused.
pub fn moved<'a>(changes: &'a Changes, state: Option<&State>) -> Vec<&'a str> {
    let updated = changes.foundations.iter().filter(|change| {
        let has_machines = |recorded: &Recorded| recorded.spec.region.as_ref() == Some(&change.region);
        change.action == Action::Update
            && state.is_some_and(|state| state.instances.values().any(has_machines))
    });
    let fields = updated.flat_map(|change| &change.reasons).map(|reason| reason.field.as_str());
    fields.filter(|field| FIXED.contains(field)).collect()
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
