//! The table of a fleet: its groups and instances, with how they are doing.

use std::fmt::Write;

use bear_core::health::{Health, Pulse};
use bear_core::step::StepKind;
use bear_render::words::{count, fit, grouped, millis};
use jiff::Timestamp;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::tone::{Tone, dots, paint};
use crate::data::{Group, Instance, Members};
use crate::model::{Doing, Model, Row, Tally};

/// The gap between two columns.
const GAP: usize = 2;

/// A column: its title, its width, and what stands in it.
struct Column {
    title: &'static str,
    width: usize,
    cell: fn(&Model, &Instance) -> String,
}

/// The columns after name and state, the most important first.
const COLUMNS: [Column; 6] = [
    Column { title: "address", width: 21, cell: |_, it| address(it) },
    Column { title: "broker", width: 16, cell: |_, it| broker(it) },
    Column { title: "latency", width: 7, cell: latency },
    Column { title: "checks", width: 6, cell: |_, it| checks(it) },
    Column { title: "since", width: 8, cell: since },
    Column { title: "ports", width: 38, cell: |_, it| ports(it) },
];

/// The width of the longest word for a state.
const STATE_WIDTH: usize = 11;

/// The table in so many lines: its titles, and the rows that are on the screen.
pub(crate) fn lines(model: &Model, width: u16, height: usize) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let name_width = name_width(model, width);
    let columns = columns(width, name_width);
    let titles = super::titles(model, height);
    let mut lines = Vec::with_capacity(height);
    if titles > 0 {
        lines.push(title(model, name_width, &columns));
    }
    let Some(fleet) = &model.fleet else { return lines };
    for (at, row) in model.rows.on_screen(height - titles) {
        let line = match row {
            Row::Group(index) => fleet.groups.get(index).map(|it| group(model, index, it, width)),
            Row::Instance(index) => {
                fleet.instances.get(index).map(|it| instance(model, it, name_width, &columns, width))
            }
        };
        let mut line = line.unwrap_or_default();
        let is_selected = at == model.rows.cursor();
        line.spans.insert(0, Span::raw(if is_selected { ">" } else { " " }));
        if is_selected {
            line.style = line.style.add_modifier(Modifier::REVERSED);
        }
        lines.push(line);
    }
    if model.rows.len() == 0 {
        let text = if model.rows.search.is_empty() {
            "   the fleet has no groups"
        } else {
            "   nothing is called that, or is doing so"
        };
        lines.push(Line::from(paint(model, Tone::Dim, text)));
    }
    lines
}

fn name_width(model: &Model, width: usize) -> usize {
    // Sign, name, state: they are there at any width.
    let most = width.saturating_sub(3 + GAP + STATE_WIDTH);
    model.rows.name_width.max("instance".len()).min(most)
}

fn columns(width: usize, name_width: usize) -> Vec<&'static Column> {
    let mut left = width.saturating_sub(3 + name_width + GAP + STATE_WIDTH);
    let mut columns = Vec::new();
    for column in &COLUMNS {
        let Some(rest) = left.checked_sub(GAP + column.width) else { break };
        left = rest;
        columns.push(column);
    }
    columns
}

fn title(model: &Model, name_width: usize, columns: &[&Column]) -> Line<'static> {
    let mut text = format!("   {:name_width$}  {:STATE_WIDTH$}", "instance", "state");
    for Column { title, width, .. } in columns {
        let _ = write!(text, "  {title:width$}");
    }
    Line::from(paint(model, Tone::Dim, text))
}

fn group(model: &Model, index: usize, group: &Group, width: usize) -> Line<'static> {
    let is_folded = model.rows.is_folded(&group.name) && model.rows.search.is_empty();
    let sign = match (is_folded, model.style.unicode) {
        (true, true) => "▸",
        (false, true) => "▾",
        (true, false) => ">",
        (false, false) => "v",
    };
    // Of a file that can't be read it is not known which groups are in it.
    let is_gone = group.members == Members::Gone && model.trouble.is_none();
    let gone = if is_gone { " (not in the file)" } else { "" };
    let tally = model.rows.groups.get(index).copied().unwrap_or_default();
    let mut spans = vec![paint(model, Tone::Strong, format!("{sign} {}{gone}", group.name)), Span::raw("  ")];
    let room = width.saturating_sub(1 + spans.iter().map(Span::width).sum::<usize>());
    spans.extend(self::tally(model, &tally, width >= 60, room));
    Line::from(spans)
}

fn instance(
    model: &Model,
    instance: &Instance,
    name_width: usize,
    columns: &[&Column],
    width: usize,
) -> Line<'static> {
    let (sign, word, tone) = state(model, instance);
    let name = fit(instance.name.as_str(), name_width, dots(model));
    let mut spans = vec![
        paint(model, tone, format!("{sign} ")),
        Span::raw(format!("{name:name_width$}  ")),
        paint(model, tone, format!("{word:STATE_WIDTH$}")),
    ];
    let mut used = 3 + name_width + GAP + STATE_WIDTH;
    for column in columns {
        let text = (column.cell)(model, instance);
        let text = fit(&text, column.width, dots(model));
        spans.push(Span::raw(format!("  {text:0$}", column.width)));
        used += GAP + column.width;
    }
    // Where there is room left, what is the matter.
    let room = width.saturating_sub(used + GAP);
    if room >= 20
        && instance.recorded.is_some()
        && let Some(why) = model.pulses.get(&instance.name).and_then(|pulse| pulse.health.why())
    {
        let room = u16::try_from(room).unwrap_or(u16::MAX);
        spans.push(paint(model, Tone::Warn, format!("  {}", super::tone::one_line(model, why, room))));
    }
    Line::from(spans)
}

/// How an instance is doing: a sign, a word, and the tone of both. The word alone says it all.
pub(super) fn state(model: &Model, instance: &Instance) -> (&'static str, &'static str, Tone) {
    let sign = |unicode, ascii| if model.style.unicode { unicode } else { ascii };
    match model.doing(&instance.name) {
        Some(Doing::Waits) => return (sign("·", "."), "waiting", Tone::Dim),
        Some(Doing::Runs(kind)) => return (sign("»", ">"), doing(kind), Tone::Hint),
        Some(Doing::TriesAgain(_)) => return (sign("»", ">"), "retrying", Tone::Warn),
        Some(Doing::Failed) => return (sign("✗", "x"), "failed", Tone::Bad),
        Some(Doing::Done) | None => {}
    }
    if instance.recorded.is_none() {
        return ("+", "not made", Tone::Dim);
    }
    if !instance.wanted {
        return ("-", "not wanted", Tone::Warn);
    }
    match model.pulses.get(&instance.name).map(|pulse| &pulse.health) {
        Some(Health::Healthy) => (sign("●", "*"), "healthy", Tone::Good),
        Some(Health::Unverified { .. }) => (sign("◐", "~"), "unverified", Tone::Warn),
        Some(Health::Unhealthy { .. }) => (sign("▲", "!"), "unhealthy", Tone::Bad),
        Some(Health::Unreachable { .. }) => (sign("✗", "x"), "unreachable", Tone::Bad),
        None => (sign("·", "."), "looking", Tone::Dim),
    }
}

const fn doing(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Create => "creating",
        StepKind::Install => "installing",
        StepKind::Verify => "proving",
        StepKind::Destroy => "destroying",
    }
}

/// How many instances there are, and how they are doing: what needs somebody first, since the end may have no room.
pub(super) fn tally(model: &Model, tally: &Tally, long: bool, room: usize) -> Vec<Span<'static>> {
    let all = if long { count(tally.all, "instance") } else { grouped(tally.all) };
    let mut left = room.saturating_sub(all.len());
    let mut spans = vec![Span::raw(all)];
    let parts = [
        (tally.unreachable, "unreachable", Tone::Bad),
        (tally.unhealthy, "unhealthy", Tone::Bad),
        (tally.unverified, "unverified", Tone::Warn),
        (tally.surplus, "not wanted", Tone::Warn),
        (tally.missing, "not made", Tone::Dim),
        (tally.healthy, "healthy", Tone::Good),
    ];
    for (number, word, tone) in parts.into_iter().filter(|(number, ..)| *number > 0) {
        let text = format!("  {} {word}", grouped(number));
        let Some(rest) = left.checked_sub(text.len()) else {
            if left >= dots(model).len() {
                spans.push(paint(model, Tone::Dim, dots(model)));
            }
            break;
        };
        left = rest;
        spans.push(paint(model, tone, text));
    }
    spans
}

pub(super) fn address(instance: &Instance) -> String {
    let Some(recorded) = &instance.recorded else { return String::new() };
    let Some(machine) = &recorded.machine else { return String::new() };
    match recorded.installed.as_ref().and_then(|installed| installed.ports.mqtt.or(installed.ports.mqtts)) {
        Some(port) => format!("{}:{port}", machine.address),
        None => machine.address.clone(),
    }
}

pub(super) fn broker(instance: &Instance) -> String {
    let name = instance.spec.broker.as_str();
    let installed = instance.recorded.as_ref().and_then(|recorded| recorded.installed.as_ref());
    match installed {
        Some(installed) => format!("{name} {}", installed.version),
        None => name.to_owned(),
    }
}

fn latency(model: &Model, instance: &Instance) -> String {
    let recorded = instance.recorded.as_ref();
    let took = recorded.and_then(|_| model.pulses.get(&instance.name)).and_then(|pulse: &Pulse| pulse.took);
    took.map_or_else(String::new, |took| millis(took.as_secs_f64() * 1_000.0))
}

fn checks(instance: &Instance) -> String {
    let checks = instance.recorded.as_ref().and_then(|recorded| recorded.checks);
    checks.map_or_else(String::new, |checks| format!("{checks} ok"))
}

fn since(model: &Model, instance: &Instance) -> String {
    instance.recorded.as_ref().map_or_else(String::new, |recorded| ago(model.now, recorded.since))
}

pub(super) fn ports(instance: &Instance) -> String {
    let installed = instance.recorded.as_ref().and_then(|recorded| recorded.installed.as_ref());
    let ports = installed.into_iter().flat_map(|installed| installed.ports.iter());
    ports.map(|(listener, port)| format!("{listener} {port}")).collect::<Vec<_>>().join(", ")
}

/// How long ago something was, in its largest unit.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}
