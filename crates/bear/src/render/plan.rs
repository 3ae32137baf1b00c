//! The plan as people read it: a line for each instance with its steps, why, and what it shall be.

use std::fmt::Write;
use std::sync::Arc;

use bear_core::diff::{Action, Change, FoundationChange, Reason};
use bear_core::fleet::Spec;
use bear_core::name::GroupName;
use bear_core::plan::{Plan, Step, StepKind};
use bear_render::facts::{Fact, facts};
use serde_json::Value;

use super::look::{Look, Tone};
use super::words::{count, grouped, printable};

/// The most like changes that a terminal shows one by one.
const UNFOLDED_MAX: usize = 10;

/// Where the details of a change begin.
const INDENT: &str = "        ";

/// The plan as text. On a terminal many like changes are folded into one line, unless `verbose`.
pub(crate) fn plan(plan: &Plan, look: Look, verbose: bool) -> String {
    if plan.is_empty() {
        return nothing_to_do(plan, look);
    }
    let mut page = Page {
        out: String::with_capacity(plan.changes.len() * 64),
        look,
        fold: look.width.is_some() && !verbose,
        told: None,
    };
    page.line(format_args!("Fleet {}\n", look.paint(Tone::Strong, &plan.fleet)));
    let (last, first) = plan.foundations.iter().partition::<Vec<_>, _>(|it| it.action == Action::Destroy);
    for change in first {
        page.foundation(change);
    }
    let mut steps = plan.steps.node_weights().filter(|step| step.instance().is_some()).peekable();
    for run in plan.changes.chunk_by(alike) {
        // The plan holds the steps of a change together, and the changes in this order.
        let kinds = run.iter().fold(Vec::new(), |_, change| {
            let of_change = |step: &&Step| step.instance() == Some(&change.instance);
            std::iter::from_fn(|| steps.next_if(of_change)).map(|step| step.kind).collect()
        });
        page.run(run, &kinds);
    }
    for change in last {
        page.foundation(change);
    }
    page.out.push('\n');
    page.out.push_str(&summary(plan, look));
    page.out
}

fn nothing_to_do(plan: &Plan, look: Look) -> String {
    let headline = look.paint(Tone::Good, "No changes.");
    match plan.unchanged {
        0 => headline.to_string(),
        1 => format!("{headline} 1 instance is as fleet {} wants it.", plan.fleet),
        some => format!("{headline} {} are as fleet {} wants them.", count(some, "instance"), plan.fleet),
    }
}

/// Whether two changes differ in the instance only, so that what there is to say of both is said once.
fn alike(a: &Change, b: &Change) -> bool {
    let same_spec = match (&a.spec, &b.spec) {
        // Like instances share one allocation, which spares most comparisons.
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        (a, b) => a.is_none() && b.is_none(),
    };
    a.action == b.action
        && a.verify_only == b.verify_only
        && a.group == b.group
        && same_spec
        && a.reasons == b.reasons
        && a.configuration == b.configuration
}

/// The sign of an action, and the tone that it is shown in.
const fn sign(action: Action) -> (&'static str, Tone) {
    match action {
        Action::Create => ("+", Tone::Good),
        Action::Update => ("~", Tone::Warn),
        Action::Replace => ("-/+", Tone::Bad),
        Action::Destroy => ("-", Tone::Bad),
    }
}

struct Page<'p> {
    out: String,
    look: Look,
    fold: bool,
    /// The group and the facts that were told last: of the next instance of that group, only what differs is told.
    told: Option<(&'p GroupName, Vec<Fact>)>,
}

impl<'p> Page<'p> {
    fn line(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.out, "{line}");
    }

    fn foundation(&mut self, change: &FoundationChange) {
        let (sign, tone) = sign(change.action);
        let look = self.look;
        let verb = match change.action {
            Action::Create => "create",
            Action::Update | Action::Replace => "update",
            Action::Destroy => "destroy",
        };
        self.line(format_args!(
            "  {:>3} foundation {}  {}",
            look.paint(tone, sign),
            change.region,
            look.paint(Tone::Dim, format_args!("{verb}: what the instances share at their provider")),
        ));
        for reason in &change.reasons {
            self.reason(reason, change.action);
        }
    }

    /// A run of changes that differ in the instance only.
    fn run(&mut self, run: &'p [Change], kinds: &[StepKind]) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return;
        };
        let (sign, tone) = sign(first.action);
        let sign = format!("  {:>3}", self.look.paint(tone, sign));
        let arrow = format!(" {} ", self.look.arrow());
        let steps = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(&arrow);
        let steps = self.look.paint(Tone::Dim, steps).to_string();
        if self.fold && run.len() > UNFOLDED_MAX {
            let dots = self.look.ellipsis();
            let number = count(run.len(), "instance");
            self.line(format_args!(
                "{sign} {} {dots} {}  {steps}  ({number})",
                first.instance, last.instance
            ));
        } else {
            let width = run.iter().map(|change| change.instance.as_str().len()).max().unwrap_or(0);
            for change in run {
                self.line(format_args!("{sign} {:width$}  {steps}", change.instance));
            }
        }
        self.details(first);
    }

    /// What all changes of a run have in common.
    fn details(&mut self, change: &'p Change) {
        for reason in &change.reasons {
            self.reason(reason, change.action);
        }
        if let Some(configuration) = &change.configuration {
            self.configuration(configuration);
        }
        if let (Action::Create, Some(spec)) = (change.action, &change.spec) {
            self.facts(&change.group, spec);
        }
    }

    fn reason(&mut self, reason: &Reason, action: Action) {
        // That something new is new is what its sign says.
        if action == Action::Create && reason.from.is_null() {
            return;
        }
        let look = self.look;
        let from = look.paint(Tone::Bad, value(&reason.from, "none"));
        let to = match action {
            Action::Destroy => look.paint(Tone::Bad, value(&reason.to, "gone")),
            _ => look.paint(Tone::Good, value(&reason.to, "none")),
        };
        self.line(format_args!("{INDENT}{}: {from} {} {to}", reason.field, look.arrow()));
    }

    /// A unified diff of what the instance was and shall be.
    fn configuration(&mut self, diff: &str) {
        for line in diff.lines() {
            let tone = match line.as_bytes().first() {
                Some(b'+') => Tone::Good,
                Some(b'-') => Tone::Bad,
                Some(b'@') => Tone::Hint,
                _ => Tone::Dim,
            };
            self.line(format_args!("{INDENT}{}", self.look.paint(tone, printable(line))));
        }
    }

    fn facts(&mut self, group: &'p GroupName, spec: &Spec) {
        let facts = facts(spec);
        let known = match self.told.take() {
            Some((told, facts)) if told == group => facts,
            _ => Vec::new(),
        };
        let width = facts.iter().map(|fact| fact.label.len()).max().unwrap_or(0);
        for fact in facts.iter().filter(|fact| !known.contains(fact)) {
            let given = fact.given.as_deref().map(|text| printable(text).into_owned());
            let default = fact.default.as_deref().map(|text| format!("{} (default)", printable(text)));
            let default = default.map(|text| self.look.paint(Tone::Dim, text).to_string());
            let text = given.into_iter().chain(default).collect::<Vec<_>>().join(", ");
            self.line(format_args!("{INDENT}{:width$}  {text}", fact.label));
        }
        self.told = Some((group, facts));
    }
}

/// A value as people write it: texts without quotes, nothing as `none`.
fn value(value: &Value, none: &'static str) -> String {
    match value {
        Value::Null => none.to_owned(),
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    }
}

/// One line that sums the plan up: `Plan: 3 to create, 0 to change, …`.
fn summary(plan: &Plan, look: Look) -> String {
    let summary = plan.summary();
    let parts = [
        (summary.create, "to create", sign(Action::Create).1),
        (summary.update, "to change", sign(Action::Update).1),
        (summary.replace, "to replace", sign(Action::Replace).1),
        (summary.destroy, "to destroy", sign(Action::Destroy).1),
        (summary.unchanged, "unchanged", Tone::Plain),
    ];
    let parts = parts.map(|(number, what, tone)| {
        let tone = if number == 0 { Tone::Dim } else { tone };
        look.paint(tone, format!("{} {what}", grouped(number))).to_string()
    });
    format!("{} {}.", look.paint(Tone::Strong, "Plan:"), parts.join(", "))
}

#[cfg(test)]
mod tests;
