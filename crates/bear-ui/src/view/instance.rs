//! The page of one instance: how it is doing, its last proof, its history, what it shall be.

use bear_core::event::Outcome;
use bear_render::facts::facts;
use bear_render::words::{millis, printable};
use ratatui::text::{Line, Span};

use super::fleet::{address, ago, broker, ports, state};
use super::tone::{Tone, paint, wrap};
use crate::data::{Instance, PastRun, Proof};
use crate::model::{Model, word};

/// The width of what a line is about.
const LABEL: usize = 16;

pub(super) fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let mut lines = vec![Line::from(paint(model, Tone::Strong, format!(" {}", instance.name)))];
    now(model, instance, width, &mut lines);
    let history = model.history.as_ref().filter(|(name, _)| *name == instance.name).map(|(_, it)| it);
    heading(model, "Last proof", &mut lines);
    match history.and_then(|history| history.proof.as_ref()) {
        Some(proof) => checks(model, proof, width, &mut lines),
        None => lines.push(Line::from(paint(model, Tone::Dim, "   no record of it is kept"))),
    }
    heading(model, "History", &mut lines);
    for run in history.iter().flat_map(|history| &history.runs) {
        lines.extend(past(model, run, width));
    }
    if let Some(recorded) = &instance.recorded {
        let text = format!("   {}  {}", time(recorded.since), recorded.phase);
        lines.push(Line::from(vec![Span::raw(text), paint(model, Tone::Dim, " since then")]));
    } else {
        lines.push(Line::from(paint(model, Tone::Dim, "   it was never made")));
    }
    heading(model, "What it shall be", &mut lines);
    for fact in facts(&instance.spec) {
        let default = fact.default.map(|text| format!("{text} (default)"));
        let text = fact.given.into_iter().chain(default).collect::<Vec<_>>().join(", ");
        labelled(model, fact.label, &text, width, &mut lines);
    }
    lines
}

fn heading(model: &Model, text: &'static str, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::default());
    lines.push(Line::from(paint(model, Tone::Strong, format!(" {text}"))));
}

fn labelled(model: &Model, label: &str, text: &str, width: u16, lines: &mut Vec<Line<'static>>) {
    let room = width.saturating_sub(u16::try_from(LABEL + 3).unwrap_or(u16::MAX)).max(10);
    for (at, part) in wrap(text, room).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        let label = paint(model, Tone::Dim, format!("   {label:LABEL$}"));
        lines.push(Line::from(vec![label, Span::raw(part)]));
    }
}

fn now(model: &Model, instance: &Instance, width: u16, lines: &mut Vec<Line<'static>>) {
    let (sign, word, tone) = state(model, instance);
    lines.push(Line::from(vec![
        paint(model, Tone::Dim, format!("   {:LABEL$}", "state")),
        paint(model, tone, format!("{sign} {word}")),
    ]));
    let pulse = model.pulses.get(&instance.name);
    if let Some(why) = pulse.and_then(|pulse| pulse.health.why()) {
        labelled(model, "because", why, width, lines);
    }
    let Some(recorded) = &instance.recorded else { return };
    let latency = pulse.and_then(|pulse| pulse.took).map(|took| millis(took.as_secs_f64() * 1_000.0));
    let unfinished = recorded.unfinished.as_ref().map(|unfinished| match &unfinished.error {
        Some(error) => format!("{}: {error}", unfinished.step),
        None => format!("{}: its end was not seen", unfinished.step),
    });
    let told = [
        ("address", Some(address(instance))),
        ("broker", Some(broker(instance))),
        ("ports", Some(ports(instance))),
        ("latency", latency),
        ("checks", recorded.checks.map(|checks| format!("{checks} passed"))),
        ("phase", Some(format!("{}, {}", recorded.phase, ago(model.now, recorded.since)))),
        ("machine", recorded.machine.as_ref().map(|machine| machine.id.clone())),
        ("unfinished", unfinished),
    ];
    for (label, text) in told {
        labelled(model, label, &text.unwrap_or_default(), width, lines);
    }
}

fn checks(model: &Model, proof: &Proof, width: u16, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(paint(model, Tone::Dim, format!("   {}", time(proof.at)))));
    for check in &proof.checks {
        let (verdict, tone) = if check.ok { ("ok", Tone::Good) } else { ("FAIL", Tone::Bad) };
        lines.push(Line::from(vec![
            paint(model, tone, format!("   {verdict:4}  ")),
            Span::raw(format!("{:34}", check.name)),
            paint(model, Tone::Dim, format!(" {:>7}", millis(check.millis))),
        ]));
        if let Some(detail) = &check.detail {
            for text in wrap(detail, width.saturating_sub(9)) {
                lines.push(Line::from(paint(model, Tone::Bad, format!("         {text}"))));
            }
        }
    }
}

fn past(model: &Model, run: &PastRun, width: u16) -> Vec<Line<'static>> {
    let (outcome, tone) = match run.outcome {
        Some(Outcome::Succeeded) => ("succeeded", Tone::Good),
        Some(Outcome::Failed) => ("failed", Tone::Bad),
        Some(Outcome::Skipped) => ("not all of it begun", Tone::Warn),
        None => ("did not come to its end", Tone::Warn),
    };
    let mut lines = vec![Line::from(vec![
        Span::raw(format!("   {}  {:8} ", time(run.at), word(run.operation))),
        paint(model, tone, outcome),
    ])];
    if let Some(error) = &run.error {
        for text in wrap(&printable(error), width.saturating_sub(9)) {
            lines.push(Line::from(paint(model, Tone::Bad, format!("         {text}"))));
        }
    }
    lines
}

fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
