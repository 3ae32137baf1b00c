//! Events: what happens during a run, in one linear stream. Every reporter is fed by these and nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::CheckResult;
use crate::name::InstanceName;
use crate::step::StepKind;

/// The version of the events' JSON. Fields are only ever added.
pub const VERSION: u32 = 1;

/// One thing that happened during a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// [`VERSION`].
    pub version: u32,
    /// Its place in the stream, from 1 without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// To make the fleet true.
    Apply,
    /// To take the fleet down.
    Destroy,
    /// To prove every broker again.
    Verify,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The run began.
    RunStarted {
        /// What it is for.
        operation: Operation,
        /// How many steps it has.
        steps: usize,
    },
    /// A step began.
    StepStarted {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
    },
    /// A step failed in a way that may pass, and will be tried again.
    StepRetrying {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// The try that failed, from 1.
        attempt: u32,
        /// Why it failed.
        error: StepError,
        /// How long until the next try, in seconds.
        wait_seconds: f64,
    },
    /// A block of what is put on a machine began, or came to its end.
    Block {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// How it goes.
        block: BlockReport,
    },
    /// A check of a broker came to an end.
    CheckEnded {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// What it found.
        check: CheckResult,
    },
    /// A step succeeded.
    StepSucceeded {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// How long it took.
        seconds: f64,
    },
    /// A step failed for good.
    StepFailed {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// How long it took.
        seconds: f64,
        /// Why it failed.
        error: StepError,
    },
    /// A step was not begun.
    StepSkipped {
        /// The step.
        #[serde(flatten)]
        step: StepRef,
        /// The step that failed before it; none if the run was interrupted or could not go on.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// The user asked to stop: no new step begins.
    Interrupting {
        /// How many steps still run.
        running: usize,
    },
    /// Something outside keeps the run waiting that is no error, such as a provider that wants fewer calls.
    Notice {
        /// What, and for how long where that is known.
        text: String,
    },
    /// The run ended. Always the last event.
    Summary(Summary),
}

/// One block of what is put on a machine: a thing that must be so, is found to be so or is made so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockReport {
    /// Its name, such as `docker.packages`.
    pub name: String,
    /// How far it is.
    pub state: BlockState,
    /// How long it took, in seconds; 0 for one that began.
    pub seconds: f64,
}

/// How far a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockState {
    /// It began.
    Started,
    /// It was so already.
    Ok,
    /// It was made so.
    Changed,
    /// It could not be made so.
    Failed,
}

/// A step as events name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRef {
    /// Its name within the plan.
    pub step: String,
    /// What it does.
    pub kind: StepKind,
    /// The instance; none for the foundation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceName>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Whether every step succeeded, and is recorded.
    pub ok: bool,
    /// How many steps succeeded.
    pub succeeded: usize,
    /// How many steps failed.
    pub failed: usize,
    /// How many steps were not begun.
    pub skipped: usize,
    /// Whether the user interrupted the run.
    pub interrupted: bool,
    /// How long the run took.
    pub seconds: f64,
    /// How it ended for each instance, in the order of the plan.
    pub instances: Vec<InstanceSummary>,
}

/// How a run ended for one instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceSummary {
    /// The instance.
    pub name: InstanceName,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StepError>,
    /// How long its steps took, one after the other.
    pub seconds: f64,
    /// What the checks of its broker found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckResult>,
}

/// How a run ended for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of its steps succeeded.
    Succeeded,
    /// One of its steps failed.
    Failed,
    /// Not all of its steps were begun.
    Skipped,
}

/// Why a step failed: what was attempted, what came of it, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepError {
    /// A stable code, such as `bear::local::port_taken`.
    pub code: &'static str,
    /// What was attempted and why it failed.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The last lines of what the command or the broker wrote; at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// Whether trying again may help.
    #[serde(skip)]
    pub transient: bool,
    /// Whether it is certain that nothing was changed, so that there is nothing to look up and nothing to undo.
    #[serde(skip)]
    pub untouched: bool,
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StepError {}

impl StepError {
    /// A failure that will not pass by itself.
    pub fn permanent(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            last_lines: Vec::new(),
            transient: false,
            untouched: false,
        }
    }

    /// A failure that may pass, so that trying again is worth it.
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self { transient: true, ..Self::permanent(code, message) }
    }

    /// Says that it is certain that nothing was changed.
    #[must_use]
    pub fn with_nothing_changed(self) -> Self {
        Self { untouched: true, ..self }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// All that it tells, line by line: its code and message, the last lines, and what to do next.
    pub fn told(&self) -> String {
        let lines = self.last_lines.iter().map(|line| format!("  | {line}\n")).collect::<String>();
        let help = self.help.iter().map(|help| format!("  help: {help}\n")).collect::<String>();
        format!("{}: {}\n{lines}{help}", self.code, self.message)
    }

    /// Adds the last of what the command or the broker wrote.
    #[must_use]
    pub fn with_last_lines(mut self, output: &str) -> Self {
        const LINES_MAX: usize = 20;
        let lines = output.lines().collect::<Vec<_>>();
        let from = lines.len().saturating_sub(LINES_MAX);
        self.last_lines = lines[from..].iter().map(|&line| line.to_owned()).collect();
        self
    }
}
