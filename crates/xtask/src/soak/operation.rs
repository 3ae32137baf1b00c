//! What is done with bear in a round, before everything is put right.

use std::collections::BTreeSet;
use std::fmt;

use super::edits::index;
use super::fault::Fault;
use super::fleet::FILE;
use crate::torture::random::Random;

/// What is done with bear.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Apply,
    ApplyOnly(BTreeSet<String>),
    /// A plan, then exactly that.
    ApplyRecorded,
    DestroyOnly(BTreeSet<String>),
    Destroy,
    Verify,
}

impl Operation {
    /// What is done in a round. `before` are the instances that run, `after` those that the file wants.
    pub(super) fn choose(
        random: &mut Random,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
        fault: &Fault,
    ) -> Self {
        let choice = random.below(32);
        let (count, from) = (1 + random.below(4), Vec::from_iter(before));
        let some = (0..count).map(|_| from[index(random, from.len())].clone()).collect::<BTreeSet<_>>();
        if let Fault::TakePort(_) = fault {
            return Self::Apply;
        }
        match choice {
            0..=4 => {
                // Also what is new can be asked for by name.
                let new = after.difference(before).next();
                Self::ApplyOnly(some.into_iter().chain(new.cloned()).collect())
            }
            5..=9 => Self::ApplyRecorded,
            10..=12 => Self::DestroyOnly(some),
            13..=16 => Self::Verify,
            17 => Self::Destroy,
            _ => Self::Apply,
        }
    }

    /// The words for bear, one command after the other.
    pub(super) fn commands(&self) -> Vec<String> {
        const SURE: &str = "--yes --max-destroy 100%";
        let only =
            |names: &BTreeSet<String>| names.iter().map(|name| format!(" --only {name}")).collect::<String>();
        match self {
            Self::Apply => vec![format!("apply {FILE} {SURE}")],
            Self::ApplyOnly(names) => vec![format!("apply {FILE} {SURE}{}", only(names))],
            Self::ApplyRecorded => vec![format!("plan {FILE}"), format!("apply {SURE}")],
            Self::DestroyOnly(names) => vec![format!("destroy {FILE} {SURE}{}", only(names))],
            Self::Destroy => vec![format!("destroy {FILE} {SURE}")],
            Self::Verify => vec![format!("verify {FILE}")],
        }
    }

    /// The instances that it may touch, of those that need a change, and of all that run.
    pub(super) fn may_touch(
        &self,
        changing: &BTreeSet<String>,
        running: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        match self {
            Self::Apply | Self::ApplyRecorded => changing.clone(),
            Self::ApplyOnly(names) => changing.intersection(names).cloned().collect(),
            Self::DestroyOnly(names) => names.clone(),
            Self::Destroy => running.clone(),
            Self::Verify => BTreeSet::new(),
        }
    }

    /// The instances whose data goes with it.
    pub(super) fn ends(&self, running: &BTreeSet<String>) -> BTreeSet<String> {
        match self {
            Self::DestroyOnly(names) => names.clone(),
            Self::Destroy => running.clone(),
            _ => BTreeSet::new(),
        }
    }

    /// How its commands may end in the face of a fault.
    pub(super) fn codes(&self, fault: &Fault) -> Vec<i32> {
        let unwell = matches!(self, Self::Verify)
            && (!fault.touches().is_empty() || matches!(fault, Fault::PauseBroker(..)));
        let mut codes = vec![0];
        codes.extend(unwell.then_some(5));
        codes.extend(fault.codes());
        codes
    }

    /// What it is called in the table.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ApplyOnly(_) => "apply --only",
            Self::ApplyRecorded => "a recorded plan",
            Self::DestroyOnly(_) => "destroy --only",
            Self::Destroy => "destroy",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.commands().join(", then "))
    }
}
