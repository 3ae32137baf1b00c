//! The tally: how far a run has come.

use bear_core::event::{Event, Operation, What};
use jiff::Timestamp;

/// How far a run has come, as of the last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) operation: Operation,
    /// How many steps there are.
    pub(super) steps: usize,
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    /// How long the run took until now, in seconds.
    pub(super) elapsed: f64,
    began: Timestamp,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            operation: Operation::Apply,
            steps: 0,
            succeeded: 0,
            failed: 0,
            skipped: 0,
            elapsed: 0.0,
            began: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes one event into account.
    pub(super) fn take(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted { operation, steps } => {
                *self = Self { operation: *operation, steps: *steps, began: event.at, ..Self::new() };
            }
            What::StepSucceeded { .. } => self.succeeded += 1,
            What::StepFailed { .. } => self.failed += 1,
            What::StepSkipped { .. } => self.skipped += 1,
            _ => {}
        }
        self.elapsed = event.at.duration_since(self.began).as_secs_f64();
    }

    /// How many steps are over, whichever way.
    pub(super) fn ended(&self) -> usize {
        self.succeeded + self.failed + self.skipped
    }

    /// The command that runs this kind of run.
    pub(super) fn command(&self) -> &'static str {
        match self.operation {
            Operation::Apply => "apply",
            Operation::Destroy => "destroy",
            Operation::Verify => "verify",
        }
    }
}
