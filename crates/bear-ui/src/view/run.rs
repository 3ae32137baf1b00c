//! The page of a run: how far it is, what runs, what waits, what failed and what to do about it.

use bear_core::event::{StepError, StepRef, Summary};
use bear_render::progress;
use bear_render::words::{count, duration, grouped};
use ratatui::text::{Line, Span};

use super::tone::{Tone, one_line, paint, wrap};
use crate::model::{Model, Run, Running, StepState, word};

/// How many steps that run are shown, those that take longest; of the others, their number.
const RUNNING_MAX: usize = 12;

/// How many failures are shown.
const FAILURES_MAX: usize = 100;

/// The longest bar.
const BAR_MAX: usize = 40;

pub(super) fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let Some(run) = &model.run else { return Vec::new() };
    let mut lines = vec![Line::default(), bar(model, run, width)];
    if let Some(notice) = run.notice.as_ref().filter(|_| !run.is_over()) {
        lines.push(Line::from(paint(model, Tone::Warn, format!(" {}", one_line(model, notice, width)))));
    }
    lines.push(Line::default());
    if let Some(summary) = &run.summary {
        lines.push(ended(model, run, summary));
    } else if run.is_over() {
        let text = " It broke off, and what it had begun is recorded; a goes on from what is there.";
        lines.extend(wrap(text, width).into_iter().map(|text| Line::from(paint(model, Tone::Bad, text))));
    } else {
        for running in run.running.iter().take(RUNNING_MAX) {
            lines.push(step(model, running, width));
        }
        let more = run.running.len().saturating_sub(RUNNING_MAX);
        if more > 0 {
            lines.push(Line::from(format!("   and {} more that run", grouped(more))));
        }
        lines.extend(waiting(model, run, width));
    }
    for (step, error) in run.failures.iter().take(FAILURES_MAX) {
        lines.extend(failure(model, step, error, width));
    }
    let more = run.failures.len().saturating_sub(FAILURES_MAX);
    if more > 0 {
        lines.push(Line::from(format!(" and {} more", count(more, "failure"))));
    }
    lines
}

fn bar(model: &Model, run: &Run, width: u16) -> Line<'static> {
    let time = duration(run.seconds(model.now));
    let text =
        format!(" {}  {}/{} steps  {time}", word(run.operation), grouped(run.ended()), grouped(run.steps));
    let room = usize::from(width).saturating_sub(text.chars().count() + 26).min(BAR_MAX);
    let mut spans = vec![Span::raw(text)];
    if room >= 8 {
        let done = (run.ended() * room).checked_div(run.steps).unwrap_or(room).min(room);
        let (full, empty) = if model.style.unicode { ("━", "─") } else { ("=", "-") };
        let tone = if run.failed > 0 { Tone::Bad } else { Tone::Good };
        spans.push(Span::raw("  "));
        spans.push(paint(model, tone, full.repeat(done)));
        spans.push(paint(model, Tone::Dim, empty.repeat(room - done)));
    }
    if run.failed > 0 {
        spans.push(paint(model, Tone::Bad, format!("  {} failed", grouped(run.failed))));
    }
    if run.stopping && !run.is_over() {
        spans.push(paint(model, Tone::Warn, "  stopping"));
    }
    if let Some(left) = run.left(model.now).map(|left| format!("  {left}"))
        && spans.iter().map(Span::width).sum::<usize>() + left.len() <= usize::from(width)
    {
        spans.push(Span::raw(left));
    }
    Line::from(spans)
}

fn name(step: &StepRef) -> String {
    step.instance.as_ref().map_or_else(|| "foundation".to_owned(), ToString::to_string)
}

fn step(model: &Model, running: &Running, width: u16) -> Line<'static> {
    let sign = if model.style.unicode { "»" } else { ">" };
    let took = duration(model.now.duration_since(running.since).as_secs_f64());
    let text = format!("{:8} {}  {took}", running.step.kind.as_str(), name(&running.step));
    let room = usize::from(width).saturating_sub(text.chars().count() + 6);
    let room = u16::try_from(room).unwrap_or(u16::MAX);
    let (detail, tone) = match &running.state {
        StepState::Runs { detail } => (detail.clone(), Tone::Dim),
        StepState::Waits { attempt, until, error } => {
            let wait = duration(until.duration_since(model.now).as_secs_f64());
            (format!("try {attempt} failed, again in {wait}: {error}"), Tone::Warn)
        }
    };
    Line::from(vec![
        paint(model, Tone::Hint, format!(" {sign} ")),
        Span::raw(text),
        paint(model, tone, format!("  {}", one_line(model, &detail, room))),
    ])
}

/// What waits, and for what.
fn waiting(model: &Model, run: &Run, width: u16) -> Vec<Line<'static>> {
    let waits = run.waits();
    if waits == 0 || run.stopping {
        return Vec::new();
    }
    let parts = progress::waiting(&run.waiting());
    let colon = if parts.is_empty() { "" } else { ": " };
    let verb = if waits == 1 { "waits" } else { "wait" };
    let text = format!("{} {verb}{colon}{parts}", count(waits, "step"));
    let lines = wrap(&text, width.saturating_sub(4)).into_iter();
    lines.map(|text| Line::from(paint(model, Tone::Dim, format!("   {text}")))).collect()
}

fn failure(model: &Model, step: &StepRef, error: &StepError, width: u16) -> Vec<Line<'static>> {
    let sign = if model.style.unicode { "✗" } else { "x" };
    let mut lines = vec![Line::default()];
    let room = width.saturating_sub(4);
    let what = format!("{} {}: {}", step.kind, name(step), error.message);
    for (at, text) in wrap(&what, room).into_iter().enumerate() {
        let sign = if at == 0 { sign } else { " " };
        lines.push(Line::from(paint(model, Tone::Bad, format!(" {sign} {text}"))));
    }
    for line in &error.last_lines {
        lines.push(Line::from(paint(model, Tone::Dim, format!("     {}", one_line(model, line, room)))));
    }
    if let Some(help) = &error.help {
        for text in wrap(&format!("help: {help}"), room) {
            lines.push(Line::from(paint(model, Tone::Hint, format!("   {text}"))));
        }
    }
    lines
}

fn ended(model: &Model, run: &Run, summary: &Summary) -> Line<'static> {
    let took = duration(summary.seconds);
    let (text, tone) = match summary {
        Summary { interrupted: true, .. } => {
            (format!(" Stopped after {took}: {} not begun.", count(run.skipped, "step")), Tone::Warn)
        }
        Summary { ok: false, .. } => {
            let left =
                if run.skipped > 0 { format!(", {} not begun", grouped(run.skipped)) } else { String::new() };
            (format!(" {} failed in {took}{left}.", count(run.failed, "step")), Tone::Bad)
        }
        Summary { .. } => (format!(" Done: {} in {took}.", count(run.succeeded, "step")), Tone::Good),
    };
    Line::from(paint(model, tone, text))
}
