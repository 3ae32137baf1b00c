//! What became of a step, and what is recorded of it.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Record, State};
use jiff::Timestamp;
use petgraph::graph::NodeIndex;

use super::perform::Learned;
use crate::adapter::Done;

/// What became of a step.
pub(super) enum Ending {
    Succeeded {
        learned: Learned,
        took: Duration,
    },
    Postponed {
        attempt: u32,
        error: StepError,
        wait: Duration,
    },
    Failed {
        error: StepError,
        took: Duration,
        skipped: Vec<NodeIndex>,
        /// It was to make or to destroy a machine, and it is certain that it changed nothing.
        nothing_came_of_it: bool,
    },
}

impl Ending {
    /// The record of it; none for a step that will be tried again.
    pub(super) fn record(&self, step: &Step, state: &State, at: Timestamp) -> Option<Record> {
        if let Some(region) = step.region() {
            return self.record_of_foundation(region.to_owned(), at);
        }
        let instance = step.instance()?.clone();
        match self {
            Self::Postponed { .. } => None,
            // There is nothing to look up and nothing to destroy, so a mistake in an address costs no more than to
            // correct it.
            Self::Failed { nothing_came_of_it: true, .. } if step.kind == StepKind::Create => {
                Some(Record::Destroyed { at, instance })
            }
            // A machine whose end was asked for in vain is there, with all that is on it.
            Self::Failed { nothing_came_of_it: true, error, .. } => {
                match state.instances.get(&instance).and_then(|recorded| recorded.machine.clone()) {
                    Some(machine) => Some(Record::Created { at, instance, machine }),
                    None => {
                        Some(Record::Failed { at, instance, step: step.kind, error: error.message.clone() })
                    }
                }
            }
            Self::Failed { error, .. } => {
                Some(Record::Failed { at, instance, step: step.kind, error: error.message.clone() })
            }
            Self::Succeeded { learned, .. } => match learned {
                Learned::Created(machine) => Some(Record::Created { at, instance, machine: machine.clone() }),
                Learned::Installed(done) => {
                    let Done { installed, machine } = done.as_ref().clone();
                    Some(Record::Installed { at, instance, installed, machine })
                }
                Learned::Verified { checks } => Some(Record::Verified { at, instance, checks: *checks }),
                Learned::Destroyed => Some(Record::Destroyed { at, instance }),
                Learned::Laid | Learned::Removed => None,
            },
        }
    }

    /// One that failed stays where it began: nobody knows how much of it is there.
    fn record_of_foundation(&self, region: String, at: Timestamp) -> Option<Record> {
        match self {
            Self::Succeeded { learned: Learned::Laid, .. } => Some(Record::FoundationLaid { at, region }),
            Self::Succeeded { learned: Learned::Removed, .. } => Some(Record::FoundationGone { at, region }),
            Self::Succeeded { .. } | Self::Postponed { .. } | Self::Failed { .. } => None,
        }
    }
}
