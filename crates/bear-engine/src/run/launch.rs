//! Launches: like machines that are asked for together, and which steps go into one call.

use std::collections::HashMap;
use std::sync::Arc;

use bear_core::fleet::Spec;
use bear_core::plan::{Plan, Step, StepKind};
use bear_core::state::v1::State;
use petgraph::graph::NodeIndex;

/// Gives each machine that is about to be asked for the launch that asks for it.
pub(super) struct Launches<'a> {
    state: &'a State,
    /// The most machines of one launch.
    most: usize,
    last: Option<Launch<'a>>,
}

struct Launch<'a> {
    spec: &'a Arc<Spec>,
    name: String,
    machines: usize,
}

impl<'a> Launches<'a> {
    pub(super) fn new(state: &'a State, most: usize) -> Self {
        Self { state, most, last: None }
    }

    /// The launch of the machine that a step makes. Like steps have to come one after the other.
    ///
    /// A machine that was asked for before keeps its launch: whatever became of that is found by it.
    pub(super) fn of(&mut self, step: &'a Step, token: &str) -> Option<String> {
        let recorded = step.instance().and_then(|name| self.state.instances.get(name));
        if let Some(asked) = recorded.filter(|recorded| Some(recorded.generation) == step.generation) {
            return asked.launch.clone();
        }
        let spec = step.spec.as_ref()?;
        match &mut self.last {
            Some(last)
                if last.machines < self.most && (Arc::ptr_eq(last.spec, spec) || last.spec == spec) =>
            {
                last.machines += 1;
                Some(last.name.clone())
            }
            _ => {
                let name = token.to_owned();
                self.last = Some(Launch { spec, name: name.clone(), machines: 1 });
                Some(name)
            }
        }
    }
}

/// Which steps go into one call, at most `most`: machines that a provider makes or destroys together. A launch is in one
/// call whole.
pub(super) fn calls(begun: &[NodeIndex], plan: &Plan, state: &State, most: usize) -> Vec<Vec<NodeIndex>> {
    let launch = |step: &Step| match step.kind {
        StepKind::Create => state.instances.get(step.instance()?)?.launch.as_deref(),
        _ => None,
    };
    // What is asked for again may stand between those of one launch.
    let mut places = HashMap::new();
    let mut launches: Vec<Vec<NodeIndex>> = Vec::new();
    for &step in begun {
        let next = launches.len();
        let place = launch(&plan.steps[step]).map_or(next, |launch| *places.entry(launch).or_insert(next));
        match launches.get_mut(place) {
            Some(launch) => launch.push(step),
            None => launches.push(vec![step]),
        }
    }
    let mut calls: Vec<Vec<NodeIndex>> = Vec::new();
    for launch in launches.iter().flat_map(|launch| launch.chunks(most.max(1))) {
        let joins = |call: &&mut Vec<NodeIndex>| {
            let (first, step) = (&plan.steps[call[0]], &plan.steps[launch[0]]);
            let together = matches!(step.kind, StepKind::Create | StepKind::Destroy);
            let alike = first.kind == step.kind && first.instance().is_some() && step.instance().is_some();
            together && alike && call.len() + launch.len() <= most
        };
        match calls.last_mut().filter(joins) {
            Some(call) => call.extend(launch),
            None => calls.push(launch.to_vec()),
        }
    }
    calls
}
