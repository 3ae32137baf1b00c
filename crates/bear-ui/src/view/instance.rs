//! The page of one instance: how it is doing and what to do about it, its last proof, its history, its configuration.

use bear_core::check::CheckResult;
use bear_core::diff::{configuration, unified_diff};
use bear_core::event::Outcome;
use bear_core::health::Health;
use bear_render::facts::facts;
use bear_render::words::{millis, printable};
use ratatui::text::{Line, Span};

use super::fleet::{address, ago, broker, ports, state};
use super::tone::{Tone, paint, wrap};
use crate::data::{History, Instance, PastRun};
use crate::model::{Model, word};

/// The width of what a line is about.
const LABEL: usize = 16;

pub(super) fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let mut lines = vec![Line::from(paint(model, Tone::Strong, format!(" {}", instance.name)))];
    now(model, instance, width, &mut lines);
    let history = model.history.as_ref().filter(|(name, _)| *name == instance.name).map(|(_, it)| it);
    proof(model, instance, history, width, &mut lines);
    heading(model, "History", &mut lines);
    for run in history.iter().flat_map(|history| &history.runs) {
        lines.extend(past(model, run, width));
    }
    if let Some(recorded) = &instance.recorded {
        let text = format!("   {}  {}", time(recorded.since), recorded.phase);
        lines.push(Line::from(vec![Span::raw(text), paint(model, Tone::Dim, " since then")]));
    } else {
        let was_there = history.is_some_and(|history| !history.runs.is_empty());
        let text = if was_there { "   it is not there now" } else { "   no record of it is kept" };
        lines.push(Line::from(paint(model, Tone::Dim, text)));
    }
    heading(model, "Configuration", &mut lines);
    for fact in facts(&instance.spec) {
        let default = fact.default.map(|text| format!("{text} (default)"));
        let text = fact.given.into_iter().chain(default).collect::<Vec<_>>().join(", ");
        labelled(model, fact.label, &text, width, &mut lines);
    }
    differences(model, instance, width, &mut lines);
    lines
}

/// How the file wants the instance to be other than it was last asked to be.
fn differences(model: &Model, instance: &Instance, width: u16, lines: &mut Vec<Line<'static>>) {
    let Some(recorded) = &instance.recorded else { return };
    if !instance.wanted || recorded.spec == *instance.spec {
        return;
    }
    heading(model, "What the file changes; a applies it", lines);
    let difference = unified_diff(&configuration(&recorded.spec), &configuration(&instance.spec));
    // The names of the two sides are those of no file.
    for line in difference.lines().filter(|line| !line.starts_with("---") && !line.starts_with("+++")) {
        let tone = match line.as_bytes().first() {
            Some(b'+') => Tone::Good,
            Some(b'-') => Tone::Bad,
            Some(b'@') => Tone::Hint,
            _ => Tone::Dim,
        };
        let text = wrap(line, width.saturating_sub(4)).into_iter();
        lines.extend(text.map(|text| Line::from(paint(model, tone, format!("   {text}")))));
    }
}

/// What there is to do about how an instance is doing, if anything.
fn next(model: &Model, instance: &Instance) -> Option<&'static str> {
    if !model.is_free() {
        return None;
    }
    let health = model.pulses.get(&instance.name).map(|pulse| &pulse.health);
    match (&instance.recorded, instance.wanted) {
        (None, _) => Some("a makes it"),
        (Some(_), false) => Some("the fleet file does not want it: a destroys it"),
        (Some(recorded), true) if recorded.unfinished.is_some() => {
            Some("a looks what is there, and goes on from that")
        }
        (Some(_), true) => match health? {
            Health::Healthy => None,
            Health::Unverified { why: None } => Some("v proves it again"),
            Health::Unverified { why: Some(_) } => Some("a shows what it would put right, and asks"),
            Health::Unhealthy { .. } => Some("its log may tell why; v proves it again, check by check"),
            Health::Unreachable { .. } => Some("a looks what is missing, and makes that anew"),
        },
    }
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
    if let Some(next) = next(model, instance) {
        labelled(model, "what to do", next, width, lines);
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

/// The proof that goes on, else the last one.
fn proof(
    model: &Model,
    instance: &Instance,
    history: Option<&History>,
    width: u16,
    lines: &mut Vec<Line<'static>>,
) {
    if let Some(found) = model.run.as_ref().and_then(|run| run.checks(&instance.name)) {
        heading(model, "Proof that goes on", lines);
        checks(model, found, width, lines);
        return;
    }
    heading(model, "Last proof", lines);
    let Some(proof) = history.and_then(|history| history.proof.as_ref()) else {
        lines.push(Line::from(paint(model, Tone::Dim, "   no record of it is kept")));
        return;
    };
    if let Some(heading) = lines.last_mut() {
        heading.push_span(paint(model, Tone::Dim, format!("  {}", time(proof.at))));
    }
    checks(model, &proof.checks, width, lines);
}

fn checks(model: &Model, checks: &[CheckResult], width: u16, lines: &mut Vec<Line<'static>>) {
    for check in checks {
        let (verdict, tone) = if check.ok { ("ok", Tone::Good) } else { ("FAIL", Tone::Bad) };
        let room = usize::from(width).saturating_sub(18).clamp(12, 34);
        lines.push(Line::from(vec![
            paint(model, tone, format!("   {verdict:4}  ")),
            Span::raw(format!("{:room$}", check.name)),
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
    let when = Span::raw(format!("   {}  {:8} ", time(run.at), word(run.operation)));
    let outcome = paint(model, tone, outcome);
    let mut lines = if when.width() + outcome.width() > usize::from(width) {
        vec![Line::from(when), Line::from(vec![Span::raw("         "), outcome])]
    } else {
        vec![Line::from(vec![when, outcome])]
    };
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
