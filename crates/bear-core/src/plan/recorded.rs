//! The plan that `bear plan` records and `bear apply` runs: single use, and exactly what was shown.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Plan, build};
use crate::diff::{Action, Change, Changes, FoundationChange, Ground, Reason};
use crate::fleet::Spec;
use crate::name::{FleetName, GroupName, InstanceName};

/// The version of the format.
const VERSION: u32 = 1;

/// A plan as it is recorded.
///
/// The changes are stored, with like specs once. The steps follow from them, the same for the same bear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedPlan {
    version: u32,
    /// The bear that made it; another may build other steps from the same changes.
    pub bear: String,
    /// Names this plan, so that it is used once.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The fleet file, relative to the project where that is possible.
    pub file: String,
    /// The SHA-256 of the fleet file, in hexadecimal.
    pub digest: String,
    fleet: FleetName,
    generation: u64,
    unchanged: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    foundations: Vec<FoundationChange>,
    specs: Vec<Arc<Spec>>,
    changes: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    instance: InstanceName,
    group: GroupName,
    action: Action,
    reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spec: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaves: Option<Ground>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    verify_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<String>,
}

/// Why a text is no plan that this bear can run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text is cut off or damaged.
    #[error("the recorded plan is damaged: {0}")]
    Damaged(#[source] serde_json::Error),
    /// It names a spec that is not there.
    #[error("the recorded plan is damaged: `{0}` refers to a spec that is not there")]
    Dangling(InstanceName),
    /// Another bear made it.
    #[error("the recorded plan was made by bear {0}")]
    OtherBear(String),
}

impl RecordedPlan {
    /// Records `plan`, which was built on top of `generation`.
    pub fn new(plan: &Plan, generation: u64, origin: Origin) -> Self {
        let mut specs: Vec<Arc<Spec>> = Vec::new();
        let mut changes = Vec::with_capacity(plan.changes.len());
        for change in &plan.changes {
            // Like instances share one allocation and stand together, so looking at the last is enough.
            let spec = change.spec.as_ref().map(|spec| {
                if !specs.last().is_some_and(|last| Arc::ptr_eq(last, spec)) {
                    specs.push(Arc::clone(spec));
                }
                specs.len() - 1
            });
            changes.push(Item {
                instance: change.instance.clone(),
                group: change.group.clone(),
                action: change.action,
                reasons: change.reasons.clone(),
                spec,
                generation: change.generation,
                leaves: change.leaves.clone(),
                verify_only: change.verify_only,
                configuration: change.configuration.clone(),
            });
        }
        Self {
            version: VERSION,
            bear: origin.bear,
            id: origin.id,
            at: origin.at,
            file: origin.file,
            digest: origin.digest,
            fleet: plan.fleet.clone(),
            generation,
            unchanged: plan.unchanged,
            foundations: plan.foundations.clone(),
            specs,
            changes,
        }
    }

    /// Reads a recorded plan that `bear`, this version, made.
    pub fn read(text: &[u8], bear: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Header {
            bear: String,
        }
        // Who made it is looked at first: another version may write other fields.
        let header = serde_json::from_slice::<Header>(text).map_err(PlanError::Damaged)?;
        if header.bear != bear {
            return Err(PlanError::OtherBear(header.bear));
        }
        serde_json::from_slice(text).map_err(PlanError::Damaged)
    }

    /// The text that [`Self::read`] reads.
    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("a plan has only string keys and finite numbers")
    }

    /// The fleet.
    pub fn fleet(&self) -> &FleetName {
        &self.fleet
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.foundations.is_empty()
    }

    /// The plan, built again exactly as it was.
    pub fn plan(&self) -> Result<Plan, PlanError> {
        let list = self.changes.iter().map(|item| self.change(item)).collect::<Result<_, _>>()?;
        let changes = Changes { list, foundations: self.foundations.clone(), unchanged: self.unchanged };
        Ok(build(self.fleet.clone(), changes, self.generation))
    }

    fn change(&self, item: &Item) -> Result<Change, PlanError> {
        let spec = match item.spec {
            Some(index) => {
                let spec = self.specs.get(index).ok_or_else(|| PlanError::Dangling(item.instance.clone()))?;
                Some(Arc::clone(spec))
            }
            None => None,
        };
        Ok(Change {
            instance: item.instance.clone(),
            group: item.group.clone(),
            action: item.action,
            reasons: item.reasons.clone(),
            spec,
            generation: item.generation,
            leaves: item.leaves.clone(),
            verify_only: item.verify_only,
            configuration: item.configuration.clone(),
        })
    }
}

/// Where a recorded plan comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The version of bear that made it.
    pub bear: String,
    /// Names the plan.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// The fleet file, relative to the project where that is possible.
    pub file: String,
    /// The SHA-256 of the fleet file, in hexadecimal.
    pub digest: String,
}
