//! The story of a run: when each step began and ended, and what became of it, in seconds since the run began.

use std::collections::HashMap;

use bear_core::check::CheckResult;
use bear_core::event::Operation;
use bear_core::step::StepKind;
use jiff::Timestamp;

use super::critical;
use super::record::{BlockItem, BlockState, ChangeItem, Failure, FoundationItem, Record, StepItem, Told};

/// What happened in a run.
pub(super) struct Story<'r> {
    pub(super) fleet: &'r str,
    pub(super) file: &'r str,
    pub(super) bear: &'r str,
    pub(super) operation: Operation,
    pub(super) began: Option<Timestamp>,
    /// Until the last event, in seconds.
    pub(super) seconds: f64,
    pub(super) ending: Ending,
    pub(super) foundations: &'r [FoundationItem],
    pub(super) changes: &'r [ChangeItem],
    /// In the order of the plan.
    pub(super) steps: Vec<StepStory<'r>>,
    /// The steps that the end of the run waited for, one after the other; numbers of `steps`.
    pub(super) critical: Vec<usize>,
    pub(super) notices: Vec<(f64, &'r str)>,
}

/// How the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself.
    Whole,
    /// Because the user asked.
    Interrupted,
    /// Nobody knows: there is no last event.
    Unknown,
}

/// What happened to one step.
pub(super) struct StepStory<'r> {
    pub(super) kind: StepKind,
    /// The instance, or the foundation.
    pub(super) resource: &'r str,
    pub(super) group: Option<&'r str>,
    /// Numbers of the steps that had to succeed before.
    pub(super) after: Vec<usize>,
    pub(super) began: Option<f64>,
    pub(super) ended: Option<f64>,
    pub(super) outcome: Outcome<'r>,
    pub(super) retries: Vec<Retry<'r>>,
    pub(super) blocks: Vec<&'r BlockItem>,
    pub(super) checks: Vec<&'r CheckResult>,
}

/// What became of a step.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'r> {
    /// It was not begun.
    Waiting,
    /// It began, and no more is known.
    Running,
    Succeeded,
    Failed(&'r Failure),
    /// It was not begun, because of the step that is named, or of the end of the run.
    Skipped(Option<&'r str>),
}

/// A try that failed in a way that may pass.
pub(super) struct Retry<'r> {
    pub(super) attempt: u32,
    pub(super) at: f64,
    pub(super) message: &'r str,
    pub(super) wait: f64,
}

impl<'r> Story<'r> {
    pub(super) fn of(record: &'r Record) -> Self {
        let heading = &record.heading;
        let began = record.lines.first().map(|line| line.at);
        let mut story = Self {
            fleet: &heading.plan.fleet,
            file: &heading.file,
            bear: &heading.bear,
            operation: Operation::Apply,
            began,
            seconds: 0.0,
            ending: Ending::Unknown,
            foundations: &heading.plan.foundations,
            changes: &heading.plan.changes,
            steps: steps(record),
            critical: Vec::new(),
            notices: Vec::new(),
        };
        let ids = heading.plan.steps.iter().enumerate().map(|(number, step)| (step.id.as_str(), number));
        let ids = ids.collect::<HashMap<_, _>>();
        for line in &record.lines {
            let at = began.map_or(0.0, |began| line.at.duration_since(began).as_secs_f64().max(0.0));
            story.seconds = story.seconds.max(at);
            story.take(at, &line.what, &ids);
        }
        story.critical = critical::path(&story.steps);
        story
    }

    fn take(&mut self, at: f64, told: &'r Told, ids: &HashMap<&str, usize>) {
        match told {
            Told::RunStarted { operation } => self.operation = *operation,
            Told::Notice { text } => self.notices.push((at, text)),
            Told::Summary { interrupted } => {
                self.ending = if *interrupted { Ending::Interrupted } else { Ending::Whole };
            }
            Told::Interrupting {} | Told::More => {}
            Told::StepStarted { step }
            | Told::StepRetrying { step, .. }
            | Told::Block { step, .. }
            | Told::CheckEnded { step, .. }
            | Told::StepSucceeded { step, .. }
            | Told::StepFailed { step, .. }
            | Told::StepSkipped { step, .. } => {
                if let Some(&number) = ids.get(step.as_str()) {
                    self.steps[number].take(at, told);
                }
            }
        }
    }

    /// The steps that failed, in the order of the plan.
    pub(super) fn failed(&self) -> impl Iterator<Item = (&StepStory<'r>, &'r Failure)> {
        self.steps.iter().filter_map(|step| match step.outcome {
            Outcome::Failed(failure) => Some((step, failure)),
            _ => None,
        })
    }
}

fn steps(record: &Record) -> Vec<StepStory<'_>> {
    let plan = &record.heading.plan;
    let ids = plan.steps.iter().enumerate().map(|(number, step)| (step.id.as_str(), number));
    let ids = ids.collect::<HashMap<_, _>>();
    let step =
        |item: &'_ StepItem| item.after.iter().filter_map(|id| ids.get(id.as_str()).copied()).collect();
    let stories = plan.steps.iter().map(|item| StepStory {
        kind: item.kind,
        resource: &item.resource,
        group: record.heading.groups.get(&item.resource).map(String::as_str),
        after: step(item),
        began: None,
        ended: None,
        outcome: Outcome::Waiting,
        retries: Vec::new(),
        blocks: Vec::new(),
        checks: Vec::new(),
    });
    stories.collect()
}

impl<'r> StepStory<'r> {
    fn take(&mut self, at: f64, told: &'r Told) {
        match told {
            Told::StepStarted { .. } => {
                // A step that is tried again begins again; on the page it began once.
                self.began.get_or_insert(at);
                self.outcome = Outcome::Running;
            }
            Told::StepRetrying { attempt, error, wait_seconds, .. } => {
                self.checks.clear();
                let (attempt, message, wait) = (*attempt, error.message.as_str(), *wait_seconds);
                self.retries.push(Retry { attempt, at, message, wait });
            }
            Told::Block { block, .. } if block.state != BlockState::Started => self.blocks.push(block),
            Told::CheckEnded { check, .. } => self.checks.push(check),
            Told::StepSucceeded { .. } => self.end(at, Outcome::Succeeded),
            Told::StepFailed { error, .. } => self.end(at, Outcome::Failed(error)),
            Told::StepSkipped { because, .. } => self.outcome = Outcome::Skipped(because.as_deref()),
            _ => {}
        }
    }

    fn end(&mut self, at: f64, outcome: Outcome<'r>) {
        self.ended = Some(at);
        self.outcome = outcome;
    }
}
