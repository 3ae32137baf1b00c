//! What is certain about requests: whether one like it may have been made before, by an earlier run or an earlier try.

use std::collections::{HashMap, HashSet};

use bear_core::event::StepError;
use bear_core::name::InstanceName;
use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Phase, State};
use petgraph::graph::NodeIndex;

/// What is known of requests that were made already.
pub(super) struct Certainty {
    /// The highest generation that was given to a machine before this run.
    generation_before: u64,
    /// The instances whose end was begun before this run.
    going_before: HashSet<InstanceName>,
    /// The steps that failed in a way that may pass.
    tried: HashMap<NodeIndex, Tried>,
}

/// How often a step was tried in vain, and how that ended last.
struct Tried {
    times: u32,
    error: StepError,
    /// Whether it is certain that none of the tries changed anything.
    untouched: bool,
}

impl Certainty {
    /// What is known before a run that starts from `state`.
    pub(super) fn of(state: &State) -> Self {
        let going = state.instances.iter().filter(|(_, recorded)| recorded.phase == Phase::Destroying);
        Self {
            generation_before: state.generation,
            going_before: going.map(|(name, _)| name.clone()).collect(),
            tried: HashMap::new(),
        }
    }

    /// How often a step was tried in vain.
    pub(super) fn tries(&self, step: NodeIndex) -> u32 {
        self.tried.get(&step).map_or(0, |tried| tried.times)
    }

    /// Remembers another try that failed, and will be followed by one more.
    pub(super) fn tried(&mut self, step: NodeIndex, error: &StepError) {
        let untouched = self.nothing_came(step, error);
        let times = self.tries(step) + 1;
        self.tried.insert(step, Tried { times, error: error.clone(), untouched });
    }

    /// The error that each step had last that was tried in vain.
    pub(super) fn failures(&self) -> impl Iterator<Item = (NodeIndex, &StepError)> {
        self.tried.iter().map(|(&step, tried)| (step, &tried.error))
    }

    /// Whether neither this last try of a step that makes or destroys a machine nor any earlier one changed anything.
    pub(super) fn nothing_came_of_it(&self, index: NodeIndex, step: &Step, error: &StepError) -> bool {
        self.nothing_came(index, error) && self.is_first_request(step)
    }

    /// Whether an earlier request for the machine that a step makes may have had its effect.
    pub(super) fn may_be_there(&self, index: NodeIndex, step: &Step) -> bool {
        !self.is_first_request(step) || self.tried.get(&index).is_some_and(|tried| !tried.untouched)
    }

    fn nothing_came(&self, step: NodeIndex, error: &StepError) -> bool {
        error.untouched && self.tried.get(&step).is_none_or(|tried| tried.untouched)
    }

    /// Whether no earlier run asked for the same: to make this machine, or to destroy it.
    fn is_first_request(&self, step: &Step) -> bool {
        match step.kind {
            StepKind::Create => step.generation.is_some_and(|generation| generation > self.generation_before),
            StepKind::Destroy => step.instance().is_some_and(|name| !self.going_before.contains(name)),
            StepKind::Install | StepKind::Verify => false,
        }
    }
}
