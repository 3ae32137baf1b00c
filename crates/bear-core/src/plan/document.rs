//! The JSON document of a plan: `bear plan --json`.

use petgraph::Direction;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::{Plan, Resource, StepKind, Summary};
use crate::diff::{Action, Change, Reason};
use crate::name::{FleetName, InstanceName};

/// The version of the document.
const VERSION: u32 = 1;

/// A plan as a document of version 1. Fields are only ever added.
pub fn document(plan: &Plan) -> impl Serialize + '_ {
    Document {
        version: VERSION,
        fleet: &plan.fleet,
        changes: Changes(&plan.changes),
        steps: Steps(plan),
        summary: plan.summary(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    fleet: &'a FleetName,
    changes: Changes<'a>,
    steps: Steps<'a>,
    summary: Summary,
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
                resource: match &step.resource {
                    Resource::Foundation => "foundation".to_owned(),
                    Resource::Instance(name) => name.to_string(),
                },
                after: after.into_iter().map(|before| steps[before].id()).collect(),
            })?;
        }
        list.end()
    }
}
