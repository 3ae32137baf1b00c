//! A check of plans: what must hold for every plan before anything of it is carried out.

use std::collections::HashMap;

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::NodeIndex;

use super::{Plan, Resource, Step, StepKind};
use crate::diff::{Change, Ground};

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

/// Checks that a plan can be carried out: it ends, no step is there twice, each has what it needs, the steps of one
/// resource come one after the other in their only sensible order, and a foundation is there for as long as anything
/// stands on it.
pub fn check(plan: &Plan) -> Result<(), PlanFault> {
    no_cycle(plan)?;
    let mut by_resource: HashMap<_, Vec<NodeIndex>> = HashMap::with_capacity(plan.changes.len());
    for index in plan.steps.node_indices() {
        let step = &plan.steps[index];
        complete(step)?;
        by_resource.entry(&step.resource).or_default().push(index);
    }
    for steps in by_resource.values_mut() {
        in_order(plan, steps)?;
    }
    if plan.foundations.is_empty() {
        return Ok(());
    }
    let first_of = |resource: &Resource| by_resource.get(resource).and_then(|steps| steps.first()).copied();
    plan.changes.iter().try_for_each(|change| grounded(plan, change, first_of))
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
    if step.region().is_some() {
        return match step.kind {
            StepKind::Create if step.foundation.is_none() => lacks("foundation"),
            _ => Ok(()),
        };
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

fn in_order(plan: &Plan, steps: &mut [NodeIndex]) -> Result<(), PlanFault> {
    steps.sort_by_key(|&step| place(plan.steps[step].kind));
    for pair in steps.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let (earlier, step) = (&plan.steps[before], &plan.steps[after]);
        if earlier.kind == step.kind {
            return Err(PlanFault::Twice(step.id()));
        }
        waits_for(plan, after, before)?;
    }
    Ok(())
}

/// The first step of an instance waits for what the instance shall stand on, and what it leaves is removed after that.
fn grounded(
    plan: &Plan,
    change: &Change,
    first_of: impl Fn(&Resource) -> Option<NodeIndex>,
) -> Result<(), PlanFault> {
    let Some(first) = first_of(&Resource::Instance(change.instance.clone())) else { return Ok(()) };
    let foundation = |region: &String, kind| {
        let step = first_of(&Resource::Foundation(region.clone()));
        step.filter(|&step| plan.steps[step].kind == kind)
    };
    let region = change.spec.as_ref().and_then(|spec| spec.region.as_ref());
    if let Some(laid) = region.and_then(|region| foundation(region, StepKind::Create)) {
        waits_for(plan, first, laid)?;
    }
    let Some(Ground::Region(left)) = &change.leaves else { return Ok(()) };
    match foundation(left, StepKind::Destroy) {
        Some(removed) => waits_for(plan, removed, first),
        None => Ok(()),
    }
}

fn waits_for(plan: &Plan, step: NodeIndex, before: NodeIndex) -> Result<(), PlanFault> {
    let incoming = plan.steps.neighbors_directed(step, Direction::Incoming);
    let outgoing = plan.steps.neighbors_directed(before, Direction::Outgoing);
    // Side by side, because on a foundation there may stand thousands; whichever list is shorter decides.
    if incoming.zip(outgoing).any(|(from, to)| from == before || to == step) {
        return Ok(());
    }
    Err(PlanFault::Unordered { step: plan.steps[step].id(), before: plan.steps[before].id() })
}
