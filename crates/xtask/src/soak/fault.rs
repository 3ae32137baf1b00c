//! What goes wrong in a round, without anybody's plan.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::edits::index;
use crate::torture::random::Random;

/// When something happens to a bear that runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// So long after its start.
    After(Duration),
    /// As soon as its journal has so many lines.
    Lines(usize),
}

/// What goes wrong. Instances are those that run when it does.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    Nothing,
    /// Brokers die.
    KillBrokers(BTreeSet<String>),
    /// A broker does not get to run for a while.
    PauseBroker(String, Duration),
    /// bear dies.
    KillBear(Moment),
    /// Somebody presses Ctrl-C.
    InterruptBear(Moment),
    /// Nothing can be written into the records of the fleet from some moment on, until bear has ended.
    ReadOnly(Moment),
    /// A broker dies, and somebody else takes its port.
    TakePort(String),
    /// A broker dies in the middle of a write.
    TearJournal(String),
    /// The folder of an instance is deleted, with all its data.
    DeleteFolder(String),
    /// The file that says who runs in a folder is deleted.
    DeleteLock(String),
}

impl Fault {
    /// What goes wrong in a round in which these instances run.
    pub(super) fn choose(random: &mut Random, instances: &[String]) -> Self {
        let one = |random: &mut Random| instances[index(random, instances.len())].clone();
        match random.below(22) {
            0..=3 => {
                let count = 1 + random.below(3);
                Self::KillBrokers((0..count).map(|_| one(random)).collect())
            }
            4 | 5 => Self::PauseBroker(one(random), Duration::from_millis(200 + random.below(1000))),
            6..=8 => Self::KillBear(moment(random)),
            9 | 10 => Self::InterruptBear(moment(random)),
            11 => Self::ReadOnly(moment(random)),
            12 => Self::TakePort(one(random)),
            13 => Self::TearJournal(one(random)),
            14 => Self::DeleteFolder(one(random)),
            15 => Self::DeleteLock(one(random)),
            _ => Self::Nothing,
        }
    }

    /// The instances whose brokers have to be started anew because of it.
    pub(super) fn touches(&self) -> BTreeSet<String> {
        match self {
            Self::KillBrokers(instances) => instances.clone(),
            Self::TakePort(one)
            | Self::TearJournal(one)
            | Self::DeleteFolder(one)
            | Self::DeleteLock(one) => [one.clone()].into(),
            Self::Nothing
            | Self::PauseBroker(..)
            | Self::KillBear(_)
            | Self::InterruptBear(_)
            | Self::ReadOnly(_) => BTreeSet::new(),
        }
    }

    /// The instances whose data is gone with it.
    pub(super) fn ends(&self) -> BTreeSet<String> {
        if let Self::DeleteFolder(one) = self { [one.clone()].into() } else { BTreeSet::new() }
    }

    /// How a command may end because of it, besides as it would without it.
    pub(super) fn codes(&self) -> &'static [i32] {
        match self {
            Self::KillBear(_) => &[-9],
            // Before it listens for it, and where it need not, it just ends.
            Self::InterruptBear(_) => &[130, -2],
            Self::ReadOnly(_) => &[1, 6],
            Self::TakePort(_) => &[1, 3],
            _ => &[],
        }
    }

    /// What it is called in the table.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::KillBrokers(_) => "brokers killed",
            Self::PauseBroker(..) => "a broker stopped for up to 1.2 s",
            Self::KillBear(_) => "bear killed",
            Self::InterruptBear(_) => "bear interrupted",
            Self::ReadOnly(_) => "the state can't be written",
            Self::TakePort(_) => "a broker killed, its port taken",
            Self::TearJournal(_) => "a broker killed in the middle of a write",
            Self::DeleteFolder(_) => "a broker's folder deleted",
            Self::DeleteLock(_) => "a broker's lock file deleted",
        }
    }
}

fn moment(random: &mut Random) -> Moment {
    match random.below(2) {
        0 => Moment::After(Duration::from_millis(random.below(80))),
        _ => Moment::Lines(1 + index(random, 8)),
    }
}

/// The log of decisions holds it, so it says what was decided, not what came of it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
