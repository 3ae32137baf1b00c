//! From changes to the graph of steps.

use std::collections::HashMap;

use petgraph::graph::{DiGraph, NodeIndex};

use super::{Plan, Resource, Step, StepKind};
use crate::diff::{Action, Change, Changes};
use crate::fleet::Endpoint;
use crate::fleet::model::ProviderKind;
use crate::name::FleetName;

/// Builds the plan that makes `changes` go away.
///
/// `generation` is the highest one given to a machine of this fleet so far. Linear in the number of changes.
pub fn build(fleet: FleetName, changes: Changes, generation: u64) -> Plan {
    let mut builder = Builder { steps: DiGraph::new(), generation, foundation: None, left: HashMap::new() };
    builder.steps.reserve_exact_nodes(changes.list.len() * 3);
    builder.steps.reserve_exact_edges(changes.list.len() * 2);
    let needs_foundation = changes.list.iter().any(|change| {
        matches!(change.action, Action::Create | Action::Replace)
            && change.spec.as_ref().is_some_and(|spec| spec.provider == ProviderKind::Aws)
    });
    if needs_foundation {
        let step = Step {
            kind: StepKind::Create,
            resource: Resource::Foundation,
            group: None,
            spec: None,
            generation: None,
        };
        builder.foundation = Some(builder.steps.add_node(step));
    }
    for change in &changes.list {
        builder.add(change);
    }
    builder.wait_for_hosts();
    Plan { fleet, changes: changes.list, unchanged: changes.unchanged, steps: builder.steps }
}

struct Builder {
    steps: DiGraph<Step, ()>,
    generation: u64,
    foundation: Option<NodeIndex>,
    /// The steps that free a host.
    left: HashMap<Endpoint, Vec<NodeIndex>>,
}

impl Builder {
    fn add(&mut self, change: &Change) {
        let kinds: &[StepKind] = match change.action {
            Action::Create => &[StepKind::Create, StepKind::Install, StepKind::Verify],
            Action::Update if change.verify_only => &[StepKind::Verify],
            Action::Update => &[StepKind::Install, StepKind::Verify],
            Action::Replace => &[StepKind::Destroy, StepKind::Create, StepKind::Install, StepKind::Verify],
            Action::Destroy => &[StepKind::Destroy],
        };
        // Before an old machine goes, what the new one stands on must be there.
        let makes_machine = kinds.contains(&StepKind::Create);
        let mut previous = self.foundation.filter(|_| makes_machine);
        for &kind in kinds {
            let step = self.step(change, kind);
            if let Some(before) = previous {
                self.steps.add_edge(before, step, ());
            }
            if let (StepKind::Destroy, Some(host)) = (kind, &change.leaves) {
                self.left.entry(host.endpoint()).or_default().push(step);
            }
            previous = Some(step);
        }
    }

    fn step(&mut self, change: &Change, kind: StepKind) -> NodeIndex {
        let generation = (kind == StepKind::Create).then(|| change.generation.unwrap_or_else(|| self.next()));
        self.steps.add_node(Step {
            kind,
            resource: Resource::Instance(change.instance.clone()),
            group: Some(change.group.clone()),
            spec: if kind == StepKind::Destroy { None } else { change.spec.clone() },
            generation,
        })
    }

    /// A host carries one instance: whoever comes waits for whoever leaves. Those who leave wait for nobody who comes,
    /// so even two that change places don't wait for each other.
    fn wait_for_hosts(&mut self) {
        if self.left.is_empty() {
            return;
        }
        for create in self.steps.node_indices() {
            let step = &self.steps[create];
            let host = step
                .spec
                .as_ref()
                .filter(|_| step.kind == StepKind::Create)
                .and_then(|spec| spec.host.as_ref());
            let Some(left) = host.and_then(|host| self.left.get(&host.endpoint())) else { continue };
            for &destroy in left {
                // Its own destroy comes before it already.
                if self.steps[destroy].resource != self.steps[create].resource {
                    self.steps.add_edge(destroy, create, ());
                }
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }
}
