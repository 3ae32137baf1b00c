//! The plan: what would change, and why. Laid out when it is made, and for another width.

use bear_core::diff::{Action, Change, FoundationChange, Reason};
use bear_core::plan::Plan;
use bear_render::facts::facts;
use bear_render::words::{count, grouped, printable};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::tone::{Tone, wrap};
use crate::model::Style;

/// How many changes are shown with their details; of more, the names alone.
const DETAILED_MAX: usize = 50;

/// How far the details of a change are indented, and how wide what a line of them is about.
const INDENT: usize = 8;
const LABEL: usize = 15;

/// The plan as text for a screen of that width.
pub(crate) fn lines(plan: &Plan, style: Style, width: u16) -> Vec<Line<'static>> {
    let page = Page { style, width };
    let mut lines = vec![Line::default()];
    page.summary(plan, &mut lines);
    lines.push(Line::default());
    for change in &plan.foundations {
        page.foundation(change, &mut lines);
    }
    let mut told: Option<&Change> = None;
    for (at, change) in plan.changes.iter().enumerate() {
        let repeats = told.is_some_and(|told| alike(told, change));
        lines.push(page.change(change));
        if !repeats && at < DETAILED_MAX {
            page.details(change, &mut lines);
        }
        told = Some(change);
    }
    lines
}

/// Whether there is nothing more to say of a change than of the one before.
fn alike(one: &Change, other: &Change) -> bool {
    (one.action, &one.group, &one.reasons, one.verify_only)
        == (other.action, &other.group, &other.reasons, other.verify_only)
        && one.configuration == other.configuration
        && one.spec == other.spec
}

struct Page {
    style: Style,
    width: u16,
}

impl Page {
    fn paint(&self, tone: Tone, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), tone.style(self.style.colour))
    }

    fn arrow(&self) -> &'static str {
        if self.style.unicode { "→" } else { "->" }
    }

    /// The width that is left for text behind a margin.
    fn room(&self, margin: usize) -> u16 {
        self.width.saturating_sub(u16::try_from(margin + 1).unwrap_or(u16::MAX)).max(12)
    }

    fn summary(&self, plan: &Plan, lines: &mut Vec<Line<'static>>) {
        if plan.is_empty() {
            let rest = format!(" {} as the fleet file wants.", count(plan.unchanged, "instance"));
            lines.push(Line::from(vec![self.paint(Tone::Good, " No changes."), Span::raw(rest)]));
            return;
        }
        let summary = plan.summary();
        let parts = [
            (summary.create, "to create", Tone::Good),
            (summary.update, "to change", Tone::Warn),
            (summary.replace, "to replace", Tone::Bad),
            (summary.destroy, "to destroy", Tone::Bad),
            (summary.unchanged, "unchanged", Tone::Dim),
        ];
        let mut line = Line::from(self.paint(Tone::Strong, " Plan:"));
        for (number, what, tone) in parts.into_iter().filter(|(number, ..)| *number > 0) {
            let text = format!("{} {what}", grouped(number));
            let is_first = line.spans.len() == 1;
            if !is_first {
                line.push_span(Span::raw(","));
            }
            if !is_first && line.width() + 2 + text.len() > usize::from(self.width) {
                lines.push(std::mem::replace(&mut line, Line::from(Span::raw("      "))));
            }
            line.push_span(Span::raw(" "));
            line.push_span(self.paint(tone, text));
        }
        lines.push(line);
    }

    fn foundation(&self, change: &FoundationChange, lines: &mut Vec<Line<'static>>) {
        let (sign, _, tone) = sign(change.action);
        lines.push(Line::from(vec![
            self.paint(tone, format!(" {sign:>3} ")),
            Span::raw(format!("foundation {}", change.region)),
            self.paint(Tone::Dim, "  what the instances share at their provider"),
        ]));
        for reason in &change.reasons {
            lines.extend(self.reason(reason, change.action));
        }
    }

    fn change(&self, change: &Change) -> Line<'static> {
        let (sign, verb, tone) = sign(change.action);
        let verb = if change.verify_only { "prove again" } else { verb };
        Line::from(vec![
            self.paint(tone, format!(" {sign:>3} ")),
            Span::raw(change.instance.to_string()),
            self.paint(Tone::Dim, format!("  {verb}")),
        ])
    }

    fn details(&self, change: &Change, lines: &mut Vec<Line<'static>>) {
        for reason in &change.reasons {
            lines.extend(self.reason(reason, change.action));
        }
        for line in change.configuration.iter().flat_map(|text| text.lines()) {
            let tone = match line.as_bytes().first() {
                Some(b'+') => Tone::Good,
                Some(b'-') => Tone::Bad,
                Some(b'@') => Tone::Hint,
                _ => Tone::Dim,
            };
            for text in wrap(line, self.room(INDENT)) {
                lines.push(Line::from(self.paint(tone, format!("{:INDENT$}{text}", ""))));
            }
        }
        if let (Action::Create, Some(spec)) = (change.action, &change.spec) {
            for fact in facts(spec) {
                let default = fact.default.map(|text| format!("{text} (default)"));
                let text = fact.given.into_iter().chain(default).collect::<Vec<_>>().join(", ");
                let margin = INDENT + LABEL + 1;
                for (at, text) in wrap(&text, self.room(margin)).into_iter().enumerate() {
                    let label = if at == 0 { fact.label } else { "" };
                    let label = self.paint(Tone::Dim, format!("{:INDENT$}{label:LABEL$} ", ""));
                    lines.push(Line::from(vec![label, Span::raw(text)]));
                }
            }
        }
    }

    fn reason(&self, reason: &Reason, action: Action) -> Vec<Line<'static>> {
        // That something new is new is what its sign says.
        if action == Action::Create && reason.from.is_null() {
            return Vec::new();
        }
        let gone = if action == Action::Destroy { "gone" } else { "none" };
        let tone = if action == Action::Destroy { Tone::Bad } else { Tone::Good };
        let (from, to) = (value(&reason.from, "none"), value(&reason.to, gone));
        let line = Line::from(vec![
            Span::raw(format!("{:INDENT$}{}: ", "", reason.field)),
            self.paint(Tone::Bad, from.clone()),
            Span::raw(format!(" {} ", self.arrow())),
            self.paint(tone, to.clone()),
        ]);
        if line.width() <= usize::from(self.width) {
            return vec![line];
        }
        let mut lines = vec![Line::from(format!("{:INDENT$}{}:", "", reason.field))];
        let to = format!("{} {to}", self.arrow());
        for (text, tone) in [(from, Tone::Bad), (to, tone)] {
            let text = wrap(&text, self.room(INDENT + 2)).into_iter();
            lines.extend(text.map(|text| Line::from(self.paint(tone, format!("{:INDENT$}  {text}", "")))));
        }
        lines
    }
}

const fn sign(action: Action) -> (&'static str, &'static str, Tone) {
    match action {
        Action::Create => ("+", "create, install, verify", Tone::Good),
        Action::Update => ("~", "change in place", Tone::Warn),
        Action::Replace => ("-/+", "destroy, then make another", Tone::Bad),
        Action::Destroy => ("-", "destroy", Tone::Bad),
    }
}

fn value(value: &Value, none: &str) -> String {
    match value {
        Value::Null => none.to_owned(),
        Value::String(text) => printable(text).into_owned(),
        other => other.to_string(),
    }
}
