//! From changes to the graph of steps.

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};

use super::{Plan, Resource, Step, StepKind};
use crate::diff::{Action, Change, Changes, FoundationChange, Ground};
use crate::fleet::Endpoint;
use crate::name::FleetName;

/// Builds the plan that makes `changes` go away.
///
/// `generation` is the highest one given to a machine of this fleet so far. Linear in the number of changes.
pub fn build(fleet: FleetName, changes: Changes, generation: u64) -> Plan {
    let mut builder = Builder {
        steps: DiGraph::new(),
        generation,
        foundations: HashMap::new(),
        left_hosts: HashMap::new(),
        left_regions: HashMap::new(),
    };
    builder.steps.reserve_exact_nodes(changes.list.len() * 3 + changes.foundations.len());
    builder.steps.reserve_exact_edges(changes.list.len() * 3);
    let (lay, remove) = changes.foundations.iter().partition::<Vec<_>, _>(|it| it.foundation.is_some());
    for change in lay {
        builder.lay(change);
    }
    for change in &changes.list {
        builder.add(change);
    }
    builder.wait_for_hosts();
    for change in remove {
        builder.remove(change);
    }
    Plan {
        fleet,
        changes: changes.list,
        foundations: changes.foundations,
        unchanged: changes.unchanged,
        steps: builder.steps,
    }
}

struct Builder {
    steps: DiGraph<Step, ()>,
    generation: u64,
    /// The steps that make foundations what they shall be, by region.
    foundations: HashMap<String, NodeIndex>,
    /// The steps that free a host.
    left_hosts: HashMap<Endpoint, Vec<NodeIndex>>,
    /// The steps after which one machine less stands on a foundation, by region.
    left_regions: HashMap<String, Vec<NodeIndex>>,
}

impl Builder {
    fn lay(&mut self, change: &FoundationChange) {
        let step = self.steps.add_node(Step {
            kind: StepKind::Create,
            resource: Resource::Foundation(change.region.clone()),
            group: None,
            spec: None,
            generation: None,
            foundation: change.foundation.as_ref().map(Arc::clone),
        });
        self.foundations.insert(change.region.clone(), step);
    }

    /// What machines stand on goes after the last of them.
    fn remove(&mut self, change: &FoundationChange) {
        let step = self.steps.add_node(Step {
            kind: StepKind::Destroy,
            resource: Resource::Foundation(change.region.clone()),
            group: None,
            spec: None,
            generation: None,
            foundation: None,
        });
        for destroy in self.left_regions.remove(&change.region).unwrap_or_default() {
            self.steps.add_edge(destroy, step, ());
        }
    }

    fn add(&mut self, change: &Change) {
        let kinds: &[StepKind] = match change.action {
            Action::Create => &[StepKind::Create, StepKind::Install, StepKind::Verify],
            Action::Update if change.verify_only => &[StepKind::Verify],
            Action::Update => &[StepKind::Install, StepKind::Verify],
            Action::Replace => &[StepKind::Destroy, StepKind::Create, StepKind::Install, StepKind::Verify],
            Action::Destroy => &[StepKind::Destroy],
        };
        // Whatever is done to an instance waits for what it shall stand on. So does the end of a machine that another
        // one follows: nothing goes before what comes instead has a place.
        let region = change.spec.as_ref().and_then(|spec| spec.region.as_ref());
        let mut previous = region.and_then(|region| self.foundations.get(region)).copied();
        for &kind in kinds {
            let step = self.step(change, kind);
            if let Some(before) = previous {
                self.steps.add_edge(before, step, ());
            }
            if kind == StepKind::Destroy {
                self.leave(change, step);
            }
            previous = Some(step);
        }
    }

    fn leave(&mut self, change: &Change, step: NodeIndex) {
        match &change.leaves {
            Some(Ground::Host(host)) => self.left_hosts.entry(host.endpoint()).or_default().push(step),
            Some(Ground::Region(region)) => self.left_regions.entry(region.clone()).or_default().push(step),
            None => {}
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
            foundation: None,
        })
    }

    /// A host carries one instance: whoever comes waits for whoever leaves. Those who leave wait for nobody who comes,
    /// so even two that change places don't wait for each other.
    fn wait_for_hosts(&mut self) {
        if self.left_hosts.is_empty() {
            return;
        }
        for create in self.steps.node_indices() {
            let step = &self.steps[create];
            let host = step
                .spec
                .as_ref()
                .filter(|_| step.kind == StepKind::Create)
                .and_then(|spec| spec.host.as_ref());
            let Some(left) = host.and_then(|host| self.left_hosts.get(&host.endpoint())) else { continue };
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
