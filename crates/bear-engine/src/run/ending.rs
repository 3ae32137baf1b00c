//! What became of a step, and what is recorded of it.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::{Record, State};
use jiff::Timestamp;
use petgraph::graph::NodeIndex;

use super::perform::Learned;

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
    /// The record of it; none for the foundation, nor for a step that will be tried again.
    pub(super) fn record(&self, step: &Step, state: &State, at: Timestamp) -> Option<Record> {
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
            Self::Succeeded { learned, .. } => Some(match learned {
                Learned::Created(machine) => Record::Created { at, instance, machine: machine.clone() },
                Learned::Installed(installed) => {
                    Record::Installed { at, instance, installed: installed.clone() }
                }
                Learned::Verified { checks } => Record::Verified { at, instance, checks: *checks },
                Learned::Destroyed => Record::Destroyed { at, instance },
            }),
        }
    }
}
