//! A check of plans: what must hold for every plan before anything of it is carried out.

use std::collections::HashMap;

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::NodeIndex;

use super::{Plan, Step, StepKind};

/// What is wrong with a plan. Each is a fault of bear, never of the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// Steps that wait for each other.
    #[error("these steps wait for each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// Two steps with one name.
    #[error("the step {0} is there twice")]
    Twice(String),
    /// A step that lacks what it needs.
    #[error("the step {step} has no {what}")]
    Incomplete {
        /// The step.
        step: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A step that does not wait for the one that must come before.
    #[error("the step {step} does not wait for {before}")]
    Unordered {
        /// The step.
        step: String,
        /// The step that must come before.
        before: String,
    },
}

/// Checks that a plan can be carried out: it ends, no step is there twice, each has what it needs, and the steps of
/// one resource come one after the other in their only sensible order.
pub fn check(plan: &Plan) -> Result<(), PlanFault> {
    no_cycle(plan)?;
    let mut by_resource: HashMap<_, Vec<NodeIndex>> = HashMap::with_capacity(plan.changes.len());
    for index in plan.steps.node_indices() {
        let step = &plan.steps[index];
        complete(step)?;
        by_resource.entry(&step.resource).or_default().push(index);
    }
    by_resource.into_values().try_for_each(|steps| in_order(plan, steps))
}

fn no_cycle(plan: &Plan) -> Result<(), PlanFault> {
    // Steps are mostly added after those they wait for; then no cycle is possible and the search can be spared.
    if plan.steps.raw_edges().iter().all(|edge| edge.source() < edge.target()) {
        return Ok(());
    }
    let waits_for_itself = |step| plan.steps.contains_edge(step, step);
    let cycle = tarjan_scc(&plan.steps).into_iter().find(|part| part.len() > 1 || waits_for_itself(part[0]));
    match cycle {
        Some(cycle) => Err(PlanFault::Cycle(cycle.into_iter().map(|step| plan.steps[step].id()).collect())),
        None => Ok(()),
    }
}

fn complete(step: &Step) -> Result<(), PlanFault> {
    let lacks = |what| Err(PlanFault::Incomplete { step: step.id(), what });
    if step.instance().is_none() {
        return Ok(());
    }
    match step.kind {
        StepKind::Create if step.generation.is_none() => lacks("generation"),
        StepKind::Create if step.group.is_none() => lacks("group"),
        StepKind::Create | StepKind::Install | StepKind::Verify if step.spec.is_none() => lacks("spec"),
        _ => Ok(()),
    }
}

/// The place of a kind in the life of a resource within one plan: an old machine goes before a new one comes.
fn place(kind: StepKind) -> usize {
    match kind {
        StepKind::Destroy => 0,
        StepKind::Create => 1,
        StepKind::Install => 2,
        StepKind::Verify => 3,
    }
}

fn in_order(plan: &Plan, mut steps: Vec<NodeIndex>) -> Result<(), PlanFault> {
    steps.sort_by_key(|&step| place(plan.steps[step].kind));
    for pair in steps.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let (earlier, step) = (&plan.steps[before], &plan.steps[after]);
        if earlier.kind == step.kind {
            return Err(PlanFault::Twice(step.id()));
        }
        if !plan.steps.neighbors_directed(after, Direction::Incoming).any(|waited_for| waited_for == before) {
            return Err(PlanFault::Unordered { step: step.id(), before: earlier.id() });
        }
    }
    Ok(())
}
