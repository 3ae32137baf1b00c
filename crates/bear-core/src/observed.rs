//! What a provider says right now, and how it corrects the state.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::name::InstanceName;
use crate::state::v1::{Machine, Phase, Record, Recorded, State};

/// What a provider says of a fleet that the state knows. What is left out was not observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The instances.
    pub instances: BTreeMap<InstanceName, Observation>,
    /// What the machines of each region share.
    pub foundations: BTreeMap<String, FoundationSeen>,
    /// Machines that are marked as the fleet's, and that the state does not know.
    pub strays: Vec<Stray>,
}

impl Observed {
    /// Nothing was observed.
    pub fn new() -> Self {
        Self::default()
    }

    /// What two providers say, each of its own.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.instances.extend(other.instances);
        self.foundations.extend(other.foundations);
        self.strays.extend(other.strays);
        self
    }
}

/// What is said of instances alone, by a provider that knows of nothing else.
impl FromIterator<(InstanceName, Observation)> for Observed {
    fn from_iter<I: IntoIterator<Item = (InstanceName, Observation)>>(instances: I) -> Self {
        Self { instances: instances.into_iter().collect(), ..Self::default() }
    }
}

/// What a provider says of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// It has no machine.
    Absent,
    /// Its machine can't be looked at; it is taken to be as recorded, and has to be proven again.
    Unreachable {
        /// Why.
        why: String,
    },
    /// It has a machine.
    Present {
        /// The machine. An address that it has not just now, such as that of a stopped one, is as it was recorded.
        machine: Machine,
        /// What about the machine is not as bear left it, and can be put right on it.
        changed: Vec<Drift>,
        /// What its broker is doing.
        broker: BrokerSeen,
    },
}

/// What a provider says of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerSeen {
    /// It runs.
    Running,
    /// It does not run, or was never installed.
    Stopped {
        /// What is known about the reason, such as `process 4711 is gone`.
        why: String,
    },
    /// It runs, and somebody changed it by hand.
    Changed {
        /// What is not as bear left it; never empty.
        what: Vec<Drift>,
    },
    /// The provider does not know.
    Unknown,
}

/// What a provider says of what the machines of a region share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundationSeen {
    /// It is as it was recorded.
    AsRecorded,
    /// Somebody changed it by hand.
    Changed {
        /// What is not as bear left it, such as `rules`; never empty.
        what: Vec<Drift>,
    },
    /// It is not there.
    Absent,
}

/// One thing that is not as bear left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What, such as `image` or `configuration`.
    pub what: String,
    /// How it is.
    pub is: String,
    /// How bear left it.
    pub was: String,
}

/// A machine that is marked as the fleet's, and that the state does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The provider's name for it.
    pub id: String,
    /// The instance that it says it belongs to, where that is a name.
    pub instance: Option<InstanceName>,
    /// Why it is taken for the fleet's, and for none that is known.
    pub why: String,
}

/// The records that bring a state up to date with what was observed: a machine whose making was in doubt is adopted,
/// and one that is reached by other addresses than before is followed.
pub fn adopt(state: &State, observed: &Observed, at: Timestamp) -> Vec<Record> {
    let seen = state.instances.iter().filter_map(|(name, recorded)| match observed.instances.get(name)? {
        Observation::Present { machine, .. } => Some((name, recorded, machine)),
        Observation::Absent | Observation::Unreachable { .. } => None,
    });
    seen.filter_map(|(name, recorded, machine)| adopt_one(name, recorded, machine, at)).collect()
}

fn adopt_one(name: &InstanceName, recorded: &Recorded, seen: &Machine, at: Timestamp) -> Option<Record> {
    let instance = name.clone();
    if recorded.phase == Phase::Creating {
        return Some(Record::Created { at, instance, machine: seen.clone() });
    }
    let known = recorded.machine.as_ref().filter(|known| known.id == seen.id)?;
    let moved = Machine {
        address: seen.address.clone(),
        private_address: seen.private_address.clone(),
        ..known.clone()
    };
    (moved != *known).then_some(Record::Moved { at, instance, machine: moved })
}
