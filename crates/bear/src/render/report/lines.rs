//! Status lines: the words, times and counts that tell of each event, lined up as in nextest.

use std::collections::HashMap;
use std::fmt::{Display, Write};

use bear_core::check::CheckResult;
use bear_core::event::{BlockReport, BlockState, Event, Operation, StepError, StepRef, Summary, What};

use super::failure::{Failure, alike, failures};
use super::tally::Tally;
use super::{Detail, Manner};
use crate::render::look::Tone;
use crate::render::words::{count, duration, grouped, millis, printable};

/// The most steps that a terminal is told of one by one; the board counts the rest.
const TOLD_MAX: usize = 60;

/// Where the text of a status line begins that belongs to the line above.
const INDENT: &str = "           ";

/// Turns events into lines.
pub(super) struct Lines {
    manner: Manner,
    /// Whether the lines stand above a live board, which shows what runs and counts what is done.
    live: bool,
    tally: Tally,
    /// What the checks of the steps that run have found so far, by step.
    checks: HashMap<String, Vec<CheckResult>>,
    failures: Vec<Failure>,
}

impl Lines {
    pub(super) fn new(manner: Manner, live: bool) -> Self {
        Self { manner, live, tally: Tally::new(), checks: HashMap::new(), failures: Vec::new() }
    }

    /// How far the run has come.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// The lines that tell of an event, each with its line end; empty where there is nothing to tell.
    pub(super) fn tell(&mut self, event: &Event) -> String {
        self.tally.take(event);
        let text = match &event.what {
            What::RunStarted { steps, .. } => {
                self.line(self.tally.command(), Tone::Strong, count(*steps, "step"))
            }
            What::StepStarted { step } => self.line("start", Tone::Dim, title(step)),
            What::StepRetrying { step, attempt, error, wait_seconds } => {
                self.retrying(step, *attempt, error, *wait_seconds)
            }
            What::Block { step, block } => self.block(step, block),
            What::CheckEnded { step, check } => self.check(step, check),
            What::StepSucceeded { step, seconds } => self.succeeded(step, *seconds),
            What::StepFailed { step, seconds, error } => self.failed(step, *seconds, error),
            What::StepSkipped { step, because } => self.skipped(step, because.as_deref()),
            What::Interrupting { running } => self.interrupting(*running),
            What::Notice { text } => self.line("waiting", Tone::Warn, printable(text)),
            What::Summary(summary) => return self.closing(summary),
        };
        if self.is_told(&event.what) { text } else { String::new() }
    }

    fn is_told(&self, what: &What) -> bool {
        if self.manner.detail != Detail::Normal {
            return self.manner.detail == Detail::Verbose;
        }
        match what {
            What::CheckEnded { .. } | What::Block { .. } => false,
            What::StepStarted { .. } => !self.live,
            What::StepSucceeded { .. } | What::StepSkipped { .. } => {
                !self.live || self.tally.steps <= TOLD_MAX
            }
            _ => true,
        }
    }

    /// What still runs, so many seconds after the run began.
    pub(super) fn still(&self, elapsed: f64, running: &str) -> String {
        self.line_at(elapsed, "running", Tone::Dim, running)
    }

    fn line(&self, word: &str, tone: Tone, text: impl Display) -> String {
        self.line_at(self.tally.elapsed, word, tone, text)
    }

    /// One status line: a word, the time since the run began, how many steps are over, and a text.
    fn line_at(&self, elapsed: f64, word: &str, tone: Tone, text: impl Display) -> String {
        let steps = self.tally.steps;
        let digits = steps.to_string().len();
        let look = self.manner.look;
        format!(
            "{} {} {text}\n",
            look.paint(tone, format_args!("{word:>9}")),
            look.paint(
                Tone::Dim,
                format_args!("[{:>6}] ({:>digits$}/{steps})", duration(elapsed), self.tally.ended())
            ),
        )
    }

    fn retrying(&self, step: &StepRef, attempt: u32, error: &StepError, wait: f64) -> String {
        let error = printable(&error.message);
        let text = format!("{}  try {attempt} failed: {error}; again in {}", title(step), duration(wait));
        self.line("retry", Tone::Warn, text)
    }

    fn block(&self, step: &StepRef, block: &BlockReport) -> String {
        let (word, tone) = match block.state {
            BlockState::Started => return String::new(),
            BlockState::Ok => ("as wanted", Tone::Dim),
            BlockState::Changed => ("changed", Tone::Good),
            BlockState::Failed => ("FAILED", Tone::Bad),
        };
        self.line(word, tone, format!("{}  {}  {}", title(step), block.name, duration(block.seconds)))
    }

    fn check(&mut self, step: &StepRef, check: &CheckResult) -> String {
        // The results of steps that passed are forgotten with the step, so this holds those that run only.
        self.checks.entry(step.step.clone()).or_default().push(check.clone());
        let text = format!("{}  {}  {}", title(step), check.name, millis(check.millis));
        match (check.ok, &check.detail) {
            (true, _) => self.line("passed", Tone::Good, text),
            (false, None) => self.line("FAILED", Tone::Bad, text),
            (false, Some(detail)) => self.line("FAILED", Tone::Bad, format!("{text}  {}", printable(detail))),
        }
    }

    fn succeeded(&mut self, step: &StepRef, seconds: f64) -> String {
        let checks = self.checks.remove(&step.step).unwrap_or_default();
        let passed = if checks.is_empty() { String::new() } else { format!("  {}", passed(&checks)) };
        self.line("ok", Tone::Good, format!("{}  {}{passed}", title(step), duration(seconds)))
    }

    fn failed(&mut self, step: &StepRef, seconds: f64, error: &StepError) -> String {
        let checks = self.checks.remove(&step.step).unwrap_or_default();
        let bad = checks.iter().filter(|check| !check.ok).cloned().collect::<Vec<_>>();
        let what = if bad.is_empty() { printable(&error.message).into_owned() } else { passed(&checks) };
        let text = format!("{}  {}  {what}", title(step), duration(seconds));
        let mut lines = self.line("FAILED", Tone::Bad, text);
        let alike = alike(bad.iter());
        let width = alike.iter().map(|(names, _)| names.len()).max().unwrap_or(0);
        for (names, detail) in &alike {
            let _ = writeln!(lines, "{INDENT}{:width$}  {detail}", self.manner.look.paint(Tone::Bad, names));
        }
        self.failures.push(Failure { step: step.clone(), seconds, error: error.clone(), checks: bad });
        lines
    }

    fn skipped(&self, step: &StepRef, because: Option<&str>) -> String {
        let because = match because {
            Some(failed) => format!("{failed} failed"),
            None => "the run ended before it".to_owned(),
        };
        self.line("skipped", Tone::Warn, format!("{}  {because}", title(step)))
    }

    fn interrupting(&self, running: usize) -> String {
        let steps = count(running, "running step");
        let text = format!("waiting for {steps}, no other begins; Ctrl-C again stops at once");
        self.line("stopping", Tone::Warn, text)
    }

    /// The failures in full, then how the run ended.
    fn closing(&self, summary: &Summary) -> String {
        let mut text = failures(&self.failures, self.tally.command(), &self.manner);
        if self.manner.detail == Detail::Quiet {
            return text;
        }
        let (word, tone) = match summary {
            Summary { interrupted: true, .. } => ("stopped", Tone::Warn),
            Summary { ok: true, .. } => ("done", Tone::Good),
            Summary { .. } => ("FAILED", Tone::Bad),
        };
        let mut sum = format!("{} succeeded", count(summary.succeeded, "step"));
        for (number, what) in [(summary.failed, "failed"), (summary.skipped, "skipped")] {
            if number > 0 {
                let _ = write!(sum, ", {} {what}", grouped(number));
            }
        }
        text.push_str(&self.line(word, tone, sum));
        if self.tally.operation != Operation::Destroy {
            // A table follows.
            text.push('\n');
        }
        text
    }
}

/// A step as status lines name it.
fn title(step: &StepRef) -> String {
    match &step.instance {
        Some(instance) => format!("{:<7} {instance}", step.kind),
        None => format!("{:<7} foundation", step.kind),
    }
}

fn passed(checks: &[CheckResult]) -> String {
    let passed = checks.iter().filter(|check| check.ok).count();
    format!("{passed} of {} passed", count(checks.len(), "check"))
}

#[cfg(test)]
mod tests;
