//! A run as it goes: which steps run, what waits, what failed. It is fed by events and nothing else.

use std::collections::HashMap;

use bear_core::check::CheckResult;
use bear_core::event::{Event, Operation, StepError, StepRef, Summary, What};
use bear_core::name::InstanceName;
use bear_core::plan::Plan;
use bear_core::progress::{Progress, Waiting};
use bear_core::step::StepKind;
use bear_render::progress;
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
    /// What waits for what, and how long it may take still.
    progress: Progress,
    pub(crate) instances: HashMap<InstanceName, Doing>,
    /// What the checks of the brokers found that are being proven.
    checks: HashMap<InstanceName, Vec<CheckResult>>,
    pub(crate) failures: Vec<(StepRef, StepError)>,
    pub(crate) notice: Option<String>,
    pub(crate) summary: Option<Summary>,
    /// Whether it ended without a summary: bear itself could not go on.
    broke_off: bool,
}

impl Run {
    /// A run that begins; `plan` is what it carries out, where that was shown.
    pub(crate) fn new(
        event: &Event,
        (operation, steps): (Operation, usize),
        plan: Option<&Plan>,
        progress: Progress,
    ) -> Self {
        let planned = plan.into_iter().flat_map(|plan| plan.steps.node_weights());
        let instances = planned.filter_map(|step| Some((step.instance()?.clone(), Doing::Waits))).collect();
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
            progress,
            instances,
            checks: HashMap::new(),
            failures: Vec::new(),
            notice: None,
            summary: None,
            broke_off: false,
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

    /// What the checks of an instance found so far, while it is being proven.
    pub(crate) fn checks(&self, instance: &InstanceName) -> Option<&[CheckResult]> {
        self.checks.get(instance).map(Vec::as_slice)
    }

    /// The steps that have not begun, by what they do and what they wait for. Once it is to stop none begins any more.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        if self.stopping { Vec::new() } else { self.progress.waiting() }
    }

    /// How long it may take still, in words, where that is long and can be told.
    pub(crate) fn left(&self, now: Timestamp) -> Option<String> {
        let goes_on = self.summary.is_none() && !self.stopping;
        progress::left(&self.progress, self.seconds(now)).filter(|_| goes_on)
    }

    /// How long it took until `now`, in seconds.
    pub(crate) fn seconds(&self, now: Timestamp) -> f64 {
        let until = if self.is_over() { self.at } else { now.max(self.at) };
        until.duration_since(self.began).as_secs_f64()
    }

    /// Whether nothing of it goes on any more.
    pub(crate) fn is_over(&self) -> bool {
        self.summary.is_some() || self.broke_off
    }

    /// Nothing more comes of it, whether or not it has told so.
    pub(crate) fn close(&mut self) {
        if self.summary.is_none() {
            self.broke_off = true;
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.running.clear();
        self.checks.clear();
    }

    /// Takes one event into account.
    pub(crate) fn take(&mut self, event: &Event) {
        self.at = event.at;
        self.progress.take(event);
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
                if let Some(instance) = &step.instance {
                    self.checks.entry(instance.clone()).or_default().push(check.clone());
                }
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
            What::StepSkipped { .. } => self.skipped += 1,
            What::Interrupting { .. } => self.stopping = true,
            What::Notice { text } => self.notice = Some(text.clone()),
            What::Summary(summary) => {
                self.clear();
                self.summary = Some(summary.clone());
            }
            What::RunStarted { .. } => {}
        }
    }

    fn begin(&mut self, step: &StepRef, at: Timestamp) {
        if let Some(instance) = step.instance.as_ref().filter(|_| step.kind == StepKind::Verify) {
            self.checks.insert(instance.clone(), Vec::new());
        }
        self.now(step, Doing::Runs(step.kind));
        // A step that is tried again is told of as begun again.
        if let Some(running) = self.running.iter_mut().find(|running| running.step.step == step.step) {
            running.state = StepState::Runs { detail: String::new() };
            return;
        }
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
}
