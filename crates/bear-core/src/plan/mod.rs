//! The plan: the immutable graph of steps that makes a list of changes true.
//!
//! A plan is complete: nothing is left to decide while it runs but order and time. The same changes give the same
//! plan, byte for byte, so what is recorded are the changes, and the steps are built from them again.

mod build;
mod check;
mod document;
mod graph;
mod recorded;

use std::fmt;
use std::sync::Arc;

use petgraph::graph::DiGraph;
use serde::Serialize;

pub use crate::step::StepKind;
pub use build::build;
pub use check::{PlanFault, check};
pub use document::document;
pub use graph::{dot, mermaid};
pub use recorded::{Origin, PlanError, RecordedPlan};

use crate::diff::{Action, Change, FoundationChange};
use crate::fleet::{Foundation, Spec};
use crate::name::{FleetName, GroupName, InstanceName};

/// What a step works on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// What the instances of a fleet share in a region of their provider.
    Foundation(String),
    /// One instance.
    Instance(InstanceName),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foundation(region) => f.pad(&format!("foundation:{region}")),
            Self::Instance(name) => f.pad(name.as_str()),
        }
    }
}

/// One node of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// What it works on.
    pub resource: Resource,
    /// Its group; none for a foundation.
    pub group: Option<GroupName>,
    /// What the instance shall be; none for a step that destroys.
    pub spec: Option<Arc<Spec>>,
    /// Which machine of this name is made; only for a step that creates.
    pub generation: Option<u64>,
    /// What the foundation shall be; only for a step that makes it so.
    pub foundation: Option<Arc<Foundation>>,
}

impl Step {
    /// The name of the step within its plan, such as `create/demo-broker-1` or `destroy/foundation:eu-west-3`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.resource)
    }

    /// The instance it works on; none for a foundation.
    pub fn instance(&self) -> Option<&InstanceName> {
        match &self.resource {
            Resource::Foundation(_) => None,
            Resource::Instance(name) => Some(name),
        }
    }

    /// The region whose foundation it works on; none for an instance.
    pub fn region(&self) -> Option<&str> {
        match &self.resource {
            Resource::Foundation(region) => Some(region),
            Resource::Instance(_) => None,
        }
    }
}

/// The immutable graph of steps. An edge leads from a step to one that may start only after it succeeded.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The fleet.
    pub fleet: FleetName,
    /// The differences that the plan makes go away.
    pub changes: Vec<Change>,
    /// Those of what instances share.
    pub foundations: Vec<FoundationChange>,
    /// How many instances are as they shall be.
    pub unchanged: usize,
    /// The steps.
    pub steps: DiGraph<Step, ()>,
}

/// How many instances a plan creates, updates, replaces, destroys and leaves alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Created.
    pub create: usize,
    /// Updated in place.
    pub update: usize,
    /// Destroyed and made anew.
    pub replace: usize,
    /// Destroyed.
    pub destroy: usize,
    /// Left alone.
    pub unchanged: usize,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.foundations.is_empty()
    }

    /// The figures of the plan.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { unchanged: self.unchanged, ..Summary::default() };
        for change in &self.changes {
            *match change.action {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Replace => &mut summary.replace,
                Action::Destroy => &mut summary.destroy,
            } += 1;
        }
        summary
    }
}
