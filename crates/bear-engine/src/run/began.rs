//! What is recorded before a step has its effect.

use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Record, State};
use jiff::Timestamp;

use super::launch::Launches;

/// The record that a step is about to have its effect; none for a step that lacks what it needs.
pub(super) fn record<'a>(
    step: &'a Step,
    state: &State,
    launches: &mut Launches<'a>,
    at: Timestamp,
) -> Option<Record> {
    if let Some(region) = step.region() {
        return match step.kind {
            StepKind::Create => {
                Some(Record::FoundationBegan { at, foundation: step.foundation.as_deref()?.clone() })
            }
            StepKind::Destroy => Some(Record::FoundationGoing { at, region: region.to_owned() }),
            StepKind::Install | StepKind::Verify => None,
        };
    }
    let instance = step.instance()?.clone();
    let spec = || step.spec.as_deref().cloned();
    Some(match step.kind {
        StepKind::Create => {
            let generation = step.generation?;
            let token = state.token(&instance, generation);
            Record::CreateBegan {
                at,
                instance,
                group: step.group.clone()?,
                spec: spec()?,
                generation,
                launch: launches.of(step, &token),
                token,
            }
        }
        StepKind::Install => Record::InstallBegan { at, instance, spec: spec()? },
        StepKind::Verify => Record::VerifyBegan { at, instance },
        StepKind::Destroy => Record::DestroyBegan { at, instance },
    })
}
