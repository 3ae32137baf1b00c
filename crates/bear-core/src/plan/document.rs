//! The JSON document of a plan: `bear plan --json`.

use petgraph::Direction;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::{Plan, StepKind, Summary};
use crate::diff::{Action, Change, FoundationChange, Reason};
use crate::name::{FleetName, InstanceName};

/// The version of the document.
const VERSION: u32 = 1;

/// A plan as a document of version 1. Fields are only ever added.
pub fn document(plan: &Plan) -> impl Serialize + '_ {
    Document {
        version: VERSION,
        fleet: &plan.fleet,
        foundations: Foundations(&plan.foundations),
        changes: Changes(&plan.changes),
        steps: Steps(plan),
        summary: plan.summary(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    fleet: &'a FleetName,
    foundations: Foundations<'a>,
    changes: Changes<'a>,
    steps: Steps<'a>,
    summary: Summary,
}

struct Foundations<'a>(&'a [FoundationChange]);

impl Serialize for Foundations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Item<'a> {
            region: &'a str,
            action: Action,
            reasons: &'a [Reason],
        }
        serializer.collect_seq(self.0.iter().map(|change| Item {
            region: &change.region,
            action: change.action,
            reasons: &change.reasons,
        }))
    }
}

struct Changes<'a>(&'a [Change]);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Item<'a> {
            instance: &'a InstanceName,
            action: Action,
            reasons: &'a [Reason],
            #[serde(skip_serializing_if = "Option::is_none")]
            configuration: Option<&'a str>,
        }
        serializer.collect_seq(self.0.iter().map(|change| Item {
            instance: &change.instance,
            action: change.action,
            reasons: &change.reasons,
            configuration: change.configuration.as_deref(),
        }))
    }
}

struct Steps<'a>(&'a Plan);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Item {
            id: String,
            kind: StepKind,
            resource: String,
            after: Vec<String>,
        }
        let steps = &self.0.steps;
        let mut list = serializer.serialize_seq(Some(steps.node_count()))?;
        for index in steps.node_indices() {
            let step = &steps[index];
            let mut after = steps.neighbors_directed(index, Direction::Incoming).collect::<Vec<_>>();
            after.sort_unstable();
            list.serialize_element(&Item {
                id: step.id(),
                kind: step.kind,
                resource: step.resource.to_string(),
                after: after.into_iter().map(|before| steps[before].id()).collect(),
            })?;
        }
        list.end()
    }
}
