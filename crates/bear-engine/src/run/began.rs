//! What is recorded before a step has its effect.

use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Record, State};
use jiff::Timestamp;

/// The record that a step is about to have its effect; none for the foundation.
pub(super) fn record(step: &Step, state: &State, at: Timestamp) -> Option<Record> {
    let instance = step.instance()?.clone();
    let spec = || step.spec.as_deref().cloned();
    Some(match step.kind {
        StepKind::Create => {
            let generation = step.generation?;
            Record::CreateBegan {
                at,
                token: state.token(&instance, generation),
                instance,
                group: step.group.clone()?,
                spec: spec()?,
                generation,
            }
        }
        StepKind::Install => Record::InstallBegan { at, instance, spec: spec()? },
        StepKind::Verify => Record::VerifyBegan { at, instance },
        StepKind::Destroy => Record::DestroyBegan { at, instance },
    })
}
