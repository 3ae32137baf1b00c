//! The record of a run: its plan, and every event, a line of JSON each.
//!
//! It is written while the run goes on, so it may end anywhere; what is there is told.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bear_core::check::CheckResult;
use bear_core::event::{Event, Operation};
use bear_core::plan::{self, Plan};
use bear_core::progress::Pace;
use bear_core::step::StepKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the record. Fields are only ever added.
const VERSION: u32 = 1;

/// The first line of the record of a run, with its line end. The lines after it are its events, as `--json` prints them.
pub fn heading(plan: &Plan, bear: &str, file: &str) -> String {
    let groups = plan.steps.node_weights().filter_map(|step| Some((step.instance()?, step.group.as_ref()?)));
    let heading = serde_json::json!({
        "version": VERSION,
        "type": "run",
        "bear": bear,
        "file": file,
        "groups": groups.collect::<BTreeMap<_, _>>(),
        "plan": plan::document(plan),
    });
    format!("{heading}\n")
}

/// An event as a line of the record, with its line end.
pub fn line(event: &Event) -> String {
    let mut line = serde_json::to_string(event).expect("an event has only string keys");
    line.push('\n');
    line
}

/// What is known of a run.
#[derive(Clone, Debug)]
pub struct Record {
    pub(super) heading: Heading,
    pub(super) lines: Vec<Line>,
}

/// Why a record can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// A newer bear wrote it.
    Newer {
        /// The version that it says it has.
        version: u32,
    },
    /// A line is not what the record of a run has there.
    Line {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        cause: String,
    },
    /// There is nothing in it.
    Empty,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { version } => {
                write!(f, "it has version {version}, and this bear knows versions up to {VERSION}")
            }
            Self::Line { number, cause } => write!(f, "line {number} is damaged: {cause}"),
            Self::Empty => f.write_str("it is empty"),
        }
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// Reads the record of a run. A last line that was never finished is left out.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines().enumerate();
        let Some((_, first)) = lines.next() else { return Err(RecordError::Empty) };
        let damaged =
            |number, error: serde_json::Error| RecordError::Line { number, cause: error.to_string() };
        let Versioned { version } = serde_json::from_str(first).map_err(|error| damaged(1, error))?;
        if version > VERSION {
            return Err(RecordError::Newer { version });
        }
        let heading = serde_json::from_str(first).map_err(|error| damaged(1, error))?;
        let lines =
            lines.map(|(index, line)| serde_json::from_str(line).map_err(|error| damaged(index + 1, error)));
        Ok(Self { heading, lines: lines.collect::<Result<_, _>>()? })
    }

    /// How long the steps took that succeeded.
    pub fn pace(&self) -> Pace {
        let steps =
            self.heading.plan.steps.iter().map(|step| (step.id.as_str(), step)).collect::<HashMap<_, _>>();
        let mut pace = Pace::default();
        for line in &self.lines {
            if let Told::StepSucceeded { step, seconds } = &line.what
                && let Some(step) = steps.get(step.as_str())
            {
                pace.note(step.kind, step.resource.starts_with("foundation"), *seconds);
            }
        }
        pace
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Heading {
    pub(super) bear: String,
    pub(super) file: String,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, String>,
    pub(super) plan: PlanDocument,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PlanDocument {
    pub(super) fleet: String,
    #[serde(default)]
    pub(super) foundations: Vec<FoundationItem>,
    pub(super) changes: Vec<ChangeItem>,
    pub(super) steps: Vec<StepItem>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct FoundationItem {
    pub(super) region: String,
    pub(super) action: String,
    pub(super) reasons: Vec<ReasonItem>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChangeItem {
    pub(super) instance: String,
    pub(super) action: String,
    pub(super) reasons: Vec<ReasonItem>,
    pub(super) configuration: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct ReasonItem {
    pub(super) field: String,
    pub(super) from: Value,
    pub(super) to: Value,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StepItem {
    pub(super) id: String,
    pub(super) kind: StepKind,
    pub(super) resource: String,
    pub(super) after: Vec<String>,
}

/// One event.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    pub(super) at: Timestamp,
    #[serde(flatten)]
    pub(super) what: Told,
}

/// What an event tells of, as far as the page does.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Told {
    RunStarted {
        operation: Operation,
    },
    StepStarted {
        step: String,
    },
    StepRetrying {
        step: String,
        attempt: u32,
        error: Failure,
        wait_seconds: f64,
    },
    Block {
        step: String,
        block: BlockItem,
    },
    CheckEnded {
        step: String,
        check: CheckResult,
    },
    StepSucceeded {
        step: String,
        seconds: f64,
    },
    StepFailed {
        step: String,
        error: Failure,
    },
    StepSkipped {
        step: String,
        because: Option<String>,
    },
    Interrupting {},
    Notice {
        text: String,
    },
    Summary {
        interrupted: bool,
    },
    /// What a newer bear tells besides.
    #[serde(other)]
    More,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BlockItem {
    pub(super) name: String,
    pub(super) state: BlockState,
    pub(super) seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BlockState {
    Started,
    Ok,
    Changed,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
    #[serde(default)]
    pub(super) last_lines: Vec<String>,
}
