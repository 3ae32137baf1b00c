//! Reading what a script says, as it comes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bear_core::event::StepError;

use crate::cause::Cause;
use crate::render::Nonce;
use crate::report::{BlockEnd, Report};

/// The longest line that is kept whole, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How many lines that are no reports are kept: the newest.
const LOG_LINES_MAX: usize = 200;
/// The code of a failure for which no script gave a reason.
const FAILED: &str = "bear::recipe::failed";
/// How many last lines of a failing block are kept.
const LAST_LINES_MAX: usize = 20;

/// What a script said so far. Bytes go in as they arrive, reports come out as their lines are complete.
#[derive(Clone, Debug)]
pub struct Transcript {
    nonce: Nonce,
    partial: Vec<u8>,
    /// The rest of a line that was too long is dropped.
    overlong: bool,
    log: VecDeque<String>,
    facts: BTreeMap<String, String>,
    ended: Vec<Ended>,
    running: Option<String>,
    why: Option<(Cause, String)>,
    last_lines: VecDeque<String>,
    finished: Option<bool>,
}

/// A block that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its name.
    pub block: String,
    /// What came of it.
    pub end: BlockEnd,
    /// How long it took.
    pub took: Duration,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every block is so.
    Done {
        /// How many blocks were not so before.
        changed: usize,
    },
    /// A block failed, or the script could not begin.
    Failed(Failure),
    /// No end marker came: the connection was lost, or the host stopped. What runs on the host may still go on.
    Cut {
        /// The block that was running.
        block: Option<String>,
    },
}

/// Why a script failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The block; none if the script ended before its first one.
    pub block: Option<String>,
    /// The exit status of the command that failed.
    pub status: u8,
    /// The reason, if the script knew one, and its particulars.
    pub why: Option<(Cause, String)>,
    /// The last lines that the block wrote.
    pub last_lines: Vec<String>,
}

impl Failure {
    /// The error as a run tells of it. `host` says where it was.
    pub fn error(&self, host: &str) -> StepError {
        let block = self.block.as_deref().unwrap_or("the script");
        let (code, reason) = match &self.why {
            Some((cause, text)) => (cause.code(), text.clone()),
            None => (FAILED, format!("a command ended with status {}", self.status)),
        };
        let message = format!("{block} failed on {host}: {reason}");
        let error = match &self.why {
            Some((cause, _)) if cause.may_pass() => StepError::transient(code, message),
            Some(_) | None => StepError::permanent(code, message),
        };
        let help =
            self.why.as_ref().map_or("its last lines say what was attempted", |(cause, _)| cause.help());
        error.with_help(help).with_last_lines(&self.last_lines.join("\n"))
    }
}

impl Transcript {
    /// Nothing said yet.
    pub fn new(nonce: Nonce) -> Self {
        Self {
            nonce,
            partial: Vec::new(),
            overlong: false,
            log: VecDeque::new(),
            facts: BTreeMap::new(),
            ended: Vec::new(),
            running: None,
            why: None,
            last_lines: VecDeque::new(),
            finished: None,
        }
    }

    /// Takes what arrived, and returns the reports that it completes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Report> {
        let mut reports = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, complete) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let room = LINE_BYTES_MAX.saturating_sub(self.partial.len());
            self.overlong |= text.len() > room;
            self.partial.extend_from_slice(&text[..text.len().min(room)]);
            if complete {
                reports.extend(self.take_line());
            }
        }
        reports
    }

    /// How the script ended, now that nothing more comes.
    pub fn outcome(&self) -> Outcome {
        let count =
            |wanted: fn(&BlockEnd) -> bool| self.ended.iter().filter(|ended| wanted(&ended.end)).count();
        match self.finished {
            Some(true) => Outcome::Done { changed: count(|end| *end == BlockEnd::Changed) },
            Some(false) => Outcome::Failed(self.failure()),
            None => Outcome::Cut { block: self.running.clone() },
        }
    }

    /// Whether the end marker came.
    pub fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    /// The blocks that came to their end, in order.
    pub fn ended(&self) -> &[Ended] {
        &self.ended
    }

    /// What was learned about the host, by name.
    pub fn facts(&self) -> &BTreeMap<String, String> {
        &self.facts
    }

    /// The last lines that the running or failed block told of, at most 20.
    pub fn last_lines(&self) -> impl Iterator<Item = &str> {
        self.last_lines.iter().map(String::as_str)
    }

    /// The newest lines that were no reports.
    pub fn log(&self) -> impl Iterator<Item = &str> {
        self.log.iter().map(String::as_str)
    }

    fn take_line(&mut self) -> Option<Report> {
        let line = String::from_utf8_lossy(&self.partial).into_owned();
        let overlong = std::mem::take(&mut self.overlong);
        self.partial.clear();
        let report = Report::parse(&self.nonce, &line).filter(|_| !overlong && self.finished.is_none());
        if let Some(report) = &report {
            self.note(report);
        } else if !line.is_empty() {
            keep(&mut self.log, line, LOG_LINES_MAX);
        }
        report
    }

    fn note(&mut self, report: &Report) {
        match report {
            Report::Begun { .. } => {}
            Report::Started { block } => {
                self.running = Some(block.clone());
                self.why = None;
                self.last_lines.clear();
            }
            Report::Ended { block, end, took } => {
                self.running = None;
                self.ended.push(Ended { block: block.clone(), end: *end, took: *took });
            }
            Report::Fact { name, value } => {
                self.facts.insert(name.clone(), value.clone());
            }
            // The first reason is the cause; what follows from it may have reasons of its own.
            Report::Why { cause, text } => {
                self.why.get_or_insert_with(|| (*cause, text.clone()));
            }
            Report::Last { line, .. } => keep(&mut self.last_lines, line.clone(), LAST_LINES_MAX),
            Report::Finished { ok } => self.finished = Some(*ok),
        }
    }

    fn failure(&self) -> Failure {
        let failed = self.ended.last().and_then(|ended| match ended.end {
            BlockEnd::Failed { status } => Some((ended.block.clone(), status)),
            BlockEnd::Ok | BlockEnd::Changed => None,
        });
        Failure {
            status: failed.as_ref().map_or(1, |(_, status)| *status),
            block: failed.map(|(block, _)| block),
            why: self.why.clone(),
            last_lines: self.last_lines.iter().cloned().collect(),
        }
    }
}

fn keep(lines: &mut VecDeque<String>, line: String, max: usize) {
    if lines.len() == max {
        lines.pop_front();
    }
    lines.push_back(line);
}
