//! What a provider says right now, and how it corrects the state.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::name::InstanceName;
use crate::state::v1::{Machine, Phase, Record, State};

/// What a provider says of the instances of a fleet that the state knows.
pub type Observed = BTreeMap<InstanceName, Observation>;

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
        /// The machine.
        machine: Machine,
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

/// The records that bring a state up to date with what was observed: a machine whose making was in doubt is adopted.
pub fn adopt(state: &State, observed: &Observed, at: Timestamp) -> Vec<Record> {
    let in_doubt = state.instances.iter().filter(|(_, recorded)| recorded.phase == Phase::Creating);
    in_doubt
        .filter_map(|(name, _)| match observed.get(name)? {
            Observation::Present { machine, .. } => {
                Some(Record::Created { at, instance: name.clone(), machine: machine.clone() })
            }
            Observation::Absent | Observation::Unreachable { .. } => None,
        })
        .collect()
}
