//! A run as it goes: which steps run, what waits, what failed. It is fed by events and nothing else.

use std::collections::HashMap;

use bear_core::event::{Event, Operation, StepError, StepRef, Summary, What};
use bear_core::name::InstanceName;
use bear_core::plan::Plan;
use bear_core::step::StepKind;
use bear_render::words::millis;
use jiff::Timestamp;

/// What an instance is doing in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Waits,
    Runs(StepKind),
    TriesAgain(StepKind),
    Failed,
    Done,
}

/// A step that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) step: StepRef,
    pub(crate) since: Timestamp,
    pub(crate) state: StepState,
}

/// How far a step is that runs.
#[derive(Clone, Debug)]
pub(crate) enum StepState {
    Runs {
        /// The block that is put on the machine, or the check that ended last.
        detail: String,
    },
    /// It waits for its next try.
    Waits { attempt: u32, until: Timestamp, error: String },
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) operation: Operation,
    pub(crate) steps: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) began: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) stopping: bool,
    /// The steps that run, the longest first.
    pub(crate) running: Vec<Running>,
    /// How many steps of a kind are to begin yet; none for a run whose plan is not known.
    pub(crate) waiting: HashMap<StepKind, usize>,
    pub(crate) instances: HashMap<InstanceName, Doing>,
    pub(crate) failures: Vec<(StepRef, StepError)>,
    pub(crate) notice: Option<String>,
    pub(crate) summary: Option<Summary>,
}

impl Run {
    /// A run that begins; `plan` is what it carries out, where that was shown.
    pub(crate) fn new(event: &Event, operation: Operation, steps: usize, plan: Option<&Plan>) -> Self {
        let mut waiting = HashMap::new();
        let mut instances = HashMap::new();
        for step in plan.iter().flat_map(|plan| plan.steps.node_weights()) {
            *waiting.entry(step.kind).or_insert(0) += 1;
            if let Some(instance) = step.instance() {
                instances.insert(instance.clone(), Doing::Waits);
            }
        }
        Self {
            operation,
            steps,
            succeeded: 0,
            failed: 0,
            skipped: 0,
            began: event.at,
            at: event.at,
            stopping: false,
            running: Vec::new(),
            waiting,
            instances,
            failures: Vec::new(),
            notice: None,
            summary: None,
        }
    }

    /// How many steps are over, whichever way.
    pub(crate) fn ended(&self) -> usize {
        self.succeeded + self.failed + self.skipped
    }

    /// How many steps are neither over nor running.
    pub(crate) fn waits(&self) -> usize {
        self.steps.saturating_sub(self.ended() + self.running.len())
    }

    /// How long it took until `now`, in seconds.
    pub(crate) fn seconds(&self, now: Timestamp) -> f64 {
        let until = if self.summary.is_some() { self.at } else { now.max(self.at) };
        until.duration_since(self.began).as_secs_f64()
    }

    /// Takes one event into account.
    pub(crate) fn take(&mut self, event: &Event) {
        self.at = event.at;
        match &event.what {
            What::StepStarted { step } => self.begin(step, event.at),
            What::StepRetrying { step, attempt, error, wait_seconds } => {
                let wait = jiff::SignedDuration::try_from_secs_f64(*wait_seconds).unwrap_or_default();
                let until = event.at.checked_add(wait).unwrap_or(event.at);
                let state = StepState::Waits { attempt: *attempt, until, error: error.message.clone() };
                self.set(step, state);
                self.now(step, Doing::TriesAgain(step.kind));
            }
            What::Block { step, block } => self.set(step, StepState::Runs { detail: block.name.clone() }),
            What::CheckEnded { step, check } => {
                let verdict = if check.ok { millis(check.millis) } else { "failed".to_owned() };
                self.set(step, StepState::Runs { detail: format!("{} {verdict}", check.name) });
            }
            What::StepSucceeded { step, .. } => {
                self.succeeded += 1;
                self.end(step, Doing::Done);
            }
            What::StepFailed { step, error, .. } => {
                self.failed += 1;
                self.failures.push((step.clone(), error.clone()));
                self.end(step, Doing::Failed);
            }
            What::StepSkipped { step, .. } => {
                self.skipped += 1;
                self.count_down(step.kind);
            }
            What::Interrupting { .. } => self.stopping = true,
            What::Notice { text } => self.notice = Some(text.clone()),
            What::Summary(summary) => {
                self.running.clear();
                self.summary = Some(summary.clone());
            }
            What::RunStarted { .. } => {}
        }
    }

    fn begin(&mut self, step: &StepRef, at: Timestamp) {
        self.now(step, Doing::Runs(step.kind));
        // A step that is tried again is told of as begun again.
        if let Some(running) = self.running.iter_mut().find(|running| running.step.step == step.step) {
            running.state = StepState::Runs { detail: String::new() };
            return;
        }
        self.count_down(step.kind);
        let state = StepState::Runs { detail: String::new() };
        self.running.push(Running { step: step.clone(), since: at, state });
    }

    fn set(&mut self, step: &StepRef, state: StepState) {
        if let Some(running) = self.running.iter_mut().find(|running| running.step.step == step.step) {
            running.state = state;
        }
    }

    fn end(&mut self, step: &StepRef, doing: Doing) {
        self.running.retain(|running| running.step.step != step.step);
        self.now(step, doing);
    }

    fn now(&mut self, step: &StepRef, doing: Doing) {
        if let Some(instance) = &step.instance {
            self.instances.insert(instance.clone(), doing);
        }
    }

    fn count_down(&mut self, kind: StepKind) {
        if let Some(number) = self.waiting.get_mut(&kind) {
            *number = number.saturating_sub(1);
        }
    }
}
