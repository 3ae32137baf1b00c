//! Diff: how what the fleet wants differs from what is recorded and observed, instance by instance, with the reasons.

mod fields;
mod foundation;
mod instance;
mod toll;

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::fields::Differences;
use self::instance::{Known, compare, surplus};
use crate::fleet::{Foundation, Host, Instance, Spec};
use crate::name::{GroupName, InstanceName};
use crate::observed::Observed;
use crate::state::v1::State;

pub use self::fields::{configuration, unified_diff};
pub use self::foundation::FoundationChange;
pub use self::toll::{Toll, doomed, moved, protected};

/// The reason of a replacement that the user asked for.
const ASKED_FOR: &str = "asked for";

/// What is to be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Make its machine, install its broker, prove it.
    Create,
    /// Install its broker anew on the machine that it has, and prove it; or only prove it.
    Update,
    /// Destroy its machine, then make another.
    Replace,
    /// Destroy its machine.
    Destroy,
}

/// Why an instance changes: one field, and what it is and shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The field: a path in the fleet file such as `machine.type`, or `instance`, `machine`, `broker`, `verified`.
    pub field: String,
    /// What it is.
    pub from: Value,
    /// What it shall be.
    pub to: Value,
}

/// One difference between the fleet and the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The instance.
    pub instance: InstanceName,
    /// Its group.
    pub group: GroupName,
    /// What is to be done.
    pub action: Action,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// What it shall be; none if it is to be destroyed.
    pub spec: Option<Arc<Spec>>,
    /// The generation under which its machine was asked for, if it is asked for again because nobody has seen it yet.
    /// None if the next machine is a new one.
    pub generation: Option<u64>,
    /// What its machine stands on, where it goes: that is free once it is gone.
    pub leaves: Option<Ground>,
    /// Whether everything is as it shall be, but not proven.
    pub verify_only: bool,
    /// The difference of the rendered configuration, as a unified diff; only for updates and replacements.
    pub configuration: Option<String>,
}

impl Change {
    /// Whether the user asked for this replacement.
    pub fn is_asked_for(&self) -> bool {
        self.action == Action::Replace && self.reasons.iter().any(|reason| reason.from == ASKED_FOR)
    }
}

/// What a machine stands on, and somebody else may want or remove once it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    /// A host, which carries one instance at a time.
    Host(Host),
    /// The foundation of a region.
    Region(String),
}

impl Ground {
    /// What the machine of an instance stands on; none if nobody else has to do with it.
    fn of(spec: &Spec) -> Option<Self> {
        let region = || spec.region.clone().map(Self::Region);
        spec.host.clone().map(Self::Host).or_else(region)
    }
}

/// How a fleet's instances differ from the state, and how many do not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The differences: first the wanted instances in the order of the fleet file, then those no longer wanted.
    pub list: Vec<Change>,
    /// Those of what instances share: first what is wanted, then what no longer is.
    pub foundations: Vec<FoundationChange>,
    /// How many instances are as they shall be.
    pub unchanged: usize,
}

/// What is wanted; by default nothing at all, which is to destroy the fleet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Goal<'a> {
    /// The instances, in the order of the fleet file.
    pub instances: &'a [Instance],
    /// What they share at their provider, where they share something. Without instances it is not wanted either.
    pub foundation: Option<&'a Foundation>,
    /// The instances that get another machine because the user asked for it.
    pub replace: &'a [InstanceName],
}

/// Compares what is wanted with what is recorded and observed.
///
/// What was not observed is taken to be as recorded.
pub fn diff(goal: &Goal<'_>, state: Option<&State>, observed: &Observed) -> Changes {
    let foundation = goal.foundation.filter(|_| !goal.instances.is_empty());
    let mut changes =
        Changes { foundations: foundation::changes(foundation, state, observed), ..Changes::default() };
    let mut differences = Differences::default();
    let replace = goal.replace.iter().collect::<HashSet<_>>();
    for instance in goal.instances {
        let known = Known {
            recorded: state.and_then(|state| state.instances.get(&instance.name)),
            observation: observed.instances.get(&instance.name),
            replace: replace.contains(&instance.name),
        };
        match compare(instance, known, &mut differences) {
            Some(change) => changes.list.push(change),
            None => changes.unchanged += 1,
        }
    }
    let kept = goal.instances.iter().map(|instance| &instance.name).collect::<HashSet<_>>();
    let recorded = state.iter().flat_map(|state| &state.instances);
    let no_longer = recorded.filter(|(name, _)| !kept.contains(name));
    changes.list.extend(no_longer.map(|(name, recorded)| surplus(name, recorded)));
    changes
}

fn reason(field: impl Into<String>, from: impl Into<Value>, to: impl Into<Value>) -> Reason {
    Reason { field: field.into(), from: from.into(), to: to.into() }
}
