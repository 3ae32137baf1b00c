//! Failures in full: what was attempted on which instance, what came of it, what to do, and how to try just that again.

use std::borrow::Cow;
use std::fmt::Write;

use bear_core::check::CheckResult;
use bear_core::event::{StepError, StepRef};

use super::{Detail, Manner};
use crate::render::look::Tone;
use crate::render::words::{duration, grouped, printable, shell};

/// The most failures that are told in full. More of them mostly have one cause, and the first shows it.
const TOLD_MAX: usize = 10;

/// The most instances that a suggested command names. For more of them it is the whole fleet's.
const NAMED_MAX: usize = 3;

/// A step that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) step: StepRef,
    pub(super) seconds: f64,
    pub(super) error: StepError,
    /// The checks that failed, if that is why.
    pub(super) checks: Vec<CheckResult>,
}

/// Every failure of a run that `command` started. Each block and the end are set apart by an empty line.
pub(super) fn failures(failures: &[Failure], command: &str, manner: &Manner) -> String {
    let groups = of_one_cause(failures);
    let told = if manner.detail == Detail::Verbose { groups.len() } else { groups.len().min(TOLD_MAX) };
    let (told, rest) = groups.split_at(told);
    let mut text = String::new();
    for (first, others) in told {
        let _ = write!(text, "\n{}", block(first, others, command, manner));
    }
    if !rest.is_empty() {
        let number = rest.iter().map(|(_, others)| 1 + others.len()).sum();
        let remark = format!("{} more failed; `--verbose` tells of them all", grouped(number));
        let _ = writeln!(text, "\n{}", manner.look.paint(Tone::Dim, remark));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Failures that differ in the instance only are told once: the first, and the others.
fn of_one_cause(failures: &[Failure]) -> Vec<(&Failure, Vec<&Failure>)> {
    let mut groups: Vec<(&Failure, Vec<&Failure>)> = Vec::new();
    for failure in failures {
        match groups.iter_mut().find(|(first, _)| first.has_cause_of(failure)) {
            Some((_, others)) => others.push(failure),
            None => groups.push((failure, Vec::new())),
        }
    }
    groups
}

impl Failure {
    fn has_cause_of(&self, other: &Self) -> bool {
        let said = |failure: &Self| {
            let checks = failure.checks.iter().map(|check| (check.name, check.detail.clone()));
            checks.collect::<Vec<_>>()
        };
        self.step.kind == other.step.kind
            && self.step.instance.is_some() == other.step.instance.is_some()
            && self.error == other.error
            && said(self) == said(other)
    }
}

/// The details of checks, each once: those that failed for one reason are told together.
pub(super) fn alike<'c>(checks: impl Iterator<Item = &'c CheckResult>) -> Vec<(String, Cow<'c, str>)> {
    let mut groups: Vec<(&str, usize, &str)> = Vec::new();
    for check in checks {
        let detail = check.detail.as_deref().unwrap_or_default();
        match groups.last_mut() {
            Some((_, more, last)) if *last == detail => *more += 1,
            _ => groups.push((check.name.as_str(), 0, detail)),
        }
    }
    let named = groups.into_iter().map(|(first, more, detail)| match more {
        0 => (first.to_owned(), printable(detail)),
        more => (format!("{first} and {more} more"), printable(detail)),
    });
    named.collect()
}

fn block(failure: &Failure, others: &[&Failure], command: &str, manner: &Manner) -> String {
    let Failure { step, seconds, error, checks } = failure;
    let look = manner.look;
    let target = step.instance.as_ref().map_or("the foundation", |instance| instance.as_str());
    let target = match others.len() {
        0 => target.to_owned(),
        more => format!("{target} and {} more", grouped(more)),
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} could not {} {target}: {}",
        look.paint(Tone::Bad, "error:"),
        step.kind,
        printable(&error.message)
    );
    let code = format!("{}, after {}", error.code, duration(*seconds));
    let _ = writeln!(text, "  {}", look.paint(Tone::Dim, code));
    // The message tells of the first check that failed.
    let untold = checks.iter().filter(|check| !error.message.contains(check.name.as_str()));
    for (names, detail) in alike(untold) {
        let _ = writeln!(text, "  {}: {detail}", look.paint(Tone::Bad, names));
    }
    for line in &error.last_lines {
        let _ = writeln!(text, "  {} {}", look.paint(Tone::Dim, "|"), printable(line));
    }
    if let Some(help) = &error.help {
        let _ = writeln!(text, "  {} {}", look.paint(Tone::Hint, "help:"), printable(help));
    }
    let named = std::iter::once(failure).chain(others.iter().copied());
    let named = named.filter_map(|failure| failure.step.instance.as_ref());
    let only = match others.len() {
        ..NAMED_MAX => named.map(|instance| format!(" --only {instance}")).collect(),
        _ => String::new(),
    };
    let retry = format!("bear {command} {}{only}", shell(&manner.fleet));
    let _ = writeln!(text, "  {} {}", look.paint(Tone::Hint, "retry:"), look.paint(Tone::Hint, retry));
    text
}
