//! Draft: from a goal and what is known to a plan. Every command that plans takes this one way: adopt what was in doubt,
//! compare, leave out what was not asked for, then let the caller refuse, and build.

use std::borrow::Cow;
use std::collections::HashSet;

use jiff::Timestamp;

use crate::diff::{Change, Changes, Goal, diff};
use crate::name::FleetName;
use crate::observed::{Observed, adopt};
use crate::plan::{self, Plan, PlanFault};
use crate::state::v1::{Record, State};

/// What would change, for the caller to refuse, or to make a plan of.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// How what is wanted differs from what is known.
    pub changes: Changes,
    /// The records that bring the state up to date with what was observed.
    pub adoptions: Vec<Record>,
    /// What is recorded, brought up to date; none if the fleet was never applied.
    pub state: Option<Cow<'a, State>>,
}

/// A plan, and what has to be recorded before it runs.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What was in doubt and was found, and what is reached by other addresses than before.
    pub adoptions: Vec<Record>,
    /// The highest generation given to a machine before the plan.
    pub generation: u64,
}

impl<'a> Draft<'a> {
    /// Compares `goal` with what is recorded and observed, for the instances and groups that `only` names, or for all.
    pub fn new(
        goal: &Goal<'_>,
        state: Option<&'a State>,
        observed: &Observed,
        only: &[String],
        at: Timestamp,
    ) -> Self {
        let adoptions = state.map(|state| adopt(state, observed, at)).unwrap_or_default();
        let mut state = state.map(Cow::Borrowed);
        for record in &adoptions {
            if let Some(state) = &mut state {
                state.to_mut().apply(record);
            }
        }
        let mut changes = diff(goal, state.as_deref(), observed);
        if !only.is_empty() {
            let only = only.iter().map(String::as_str).collect::<HashSet<_>>();
            let named = |name: &str| only.contains(name);
            let keep = |change: &Change| named(change.instance.as_str()) || named(change.group.as_str());
            changes.keep_only(keep, state.as_deref());
        }
        Self { changes, adoptions, state }
    }

    /// Makes a plan of it.
    ///
    /// # Errors
    ///
    /// The plan can't be carried out. That is a fault of bear.
    pub fn into_plan(self, fleet: FleetName) -> Result<Planned, PlanFault> {
        let generation = self.state.map_or(0, |state| state.generation);
        let plan = plan::build(fleet, self.changes, generation);
        plan::check(&plan)?;
        Ok(Planned { plan, adoptions: self.adoptions, generation })
    }
}

impl Planned {
    /// What is recorded before the first step: that the run began at `at`, from which fleet file, and what it adopts.
    /// `used` is the id of the recorded plan that is used up.
    pub fn opening(&self, at: Timestamp, file: String, used: Option<String>) -> Vec<Record> {
        let began = Record::RunBegan { at, file, plan: used };
        std::iter::once(began).chain(self.adoptions.iter().cloned()).collect()
    }
}
