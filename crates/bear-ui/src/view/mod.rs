//! The view: how the model looks. Only what is on the screen is laid out, however large the fleet is.

mod areas;
mod dialogs;
mod fleet;
mod instance;
mod pages;
mod plan;
mod run;
mod tone;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use self::areas::{Areas, hint_lines};
use self::tone::{Tone, paint};
use crate::data::Failure;
use crate::keys::Hint;
use crate::model::{Dialog, Kind, Model, Page};

#[cfg(test)]
pub(crate) use self::fleet::lines as table_lines;
pub(crate) use self::plan::lines as plan_lines;

/// How long the last message stays at the bottom, in seconds.
const NOTE_SECONDS: i64 = 8;

/// Shows the model.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    let areas = Areas::of(model);
    let within = |area: Rect| area.intersection(whole);
    put(frame, within(areas.header), [header(model, areas.header.width)]);
    body(model, frame, within(areas.body));
    put(frame, within(areas.note), [note(model, areas.note.width)]);
    put(frame, within(areas.hints), hint_lines(model, areas.hints.width, areas.hints.height).map(|it| it.1));
    dialogs::show(model, frame, within(areas.body), within(areas.question));
}

/// Puts lines into an area, the first at its top, as far as there is room.
fn put<'l>(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'l>>) {
    for (row, line) in area.rows().zip(lines) {
        let style = line.style;
        frame.buffer_mut().set_style(row, style);
        frame.buffer_mut().set_line(row.x, row.y, &line, row.width);
    }
}

fn header(model: &Model, width: u16) -> Line<'static> {
    let mut spans = vec![paint(model, Tone::Strong, " bear")];
    let Some(fleet) = &model.fleet else { return Line::from(spans) };
    spans.push(Span::raw("  "));
    spans.push(paint(model, Tone::Strong, fleet.name.to_string()));
    if width >= 100 {
        spans.push(paint(model, Tone::Dim, format!("  {}  {}", fleet.provider.as_str(), fleet.file)));
    }
    spans.push(Span::raw("  "));
    spans.extend(fleet::tally(model, &model.rows.total, width >= 60));
    Line::from(spans)
}

fn body(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = (area.width, usize::from(area.height));
    match model.page() {
        Page::Fleet if model.fleet.is_some() => {
            put(frame, area, fleet::lines(model, width, height));
        }
        Page::Log(_) => put(frame, area, model.log.on_screen(height).map(|line| pages::log_line(line))),
        Page::Files => put(frame, area, pages::files(model, height)),
        _ => put(frame, area, on_screen(model, width, height)),
    }
}

/// The lines of a page of text that are on the screen.
fn on_screen(model: &Model, width: u16, height: usize) -> Vec<Line<'_>> {
    if *model.page() == Page::Plan {
        let scroll = model.scroll.min(model.plan_lines.len().saturating_sub(height));
        return model.plan_lines.iter().skip(scroll).take(height).cloned().collect();
    }
    let lines = text(model, width);
    let scroll = model.scroll.min(lines.len().saturating_sub(height));
    lines.into_iter().skip(scroll).take(height).collect()
}

fn text(model: &Model, width: u16) -> Vec<Line<'_>> {
    match model.page() {
        Page::Instance(_) => instance::lines(model, width),
        Page::Run => run::lines(model, width),
        Page::Messages => pages::messages(model, width),
        Page::Fleet => pages::empty(model, width),
        Page::Plan | Page::Files | Page::Log(_) => Vec::new(),
    }
}

/// How many lines the page of text has that is shown.
pub(crate) fn length(model: &Model) -> usize {
    match model.page() {
        Page::Plan => model.plan_lines.len(),
        _ => text(model, model.size.0).len(),
    }
}

/// How many lines of the page fit on the screen; of the table, without its titles.
pub(crate) fn table_height(model: &Model) -> usize {
    let height = usize::from(Areas::of(model).body.height);
    height.saturating_sub(titles(model, height))
}

/// How many lines the titles of the table take.
fn titles(model: &Model, height: usize) -> usize {
    usize::from(*model.page() == Page::Fleet && height > 3)
}

/// The key whose hint is at a place.
pub(crate) fn hint_at(model: &Model, at: Position) -> Option<Hint> {
    let area = Areas::of(model).hints;
    let row = area.contains(at).then(|| usize::from(at.y - area.y))?;
    let (places, _) = hint_lines(model, area.width, area.height).nth(row)?;
    places.into_iter().find(|(columns, _)| columns.contains(&(at.x - area.x))).map(|(_, hint)| hint)
}

/// Which line of the table is at a place.
pub(crate) fn table_line_at(model: &Model, at: Position) -> Option<usize> {
    let body = Areas::of(model).body;
    let line = body.contains(at).then(|| usize::from(at.y - body.y))?;
    line.checked_sub(titles(model, usize::from(body.height)))
}

/// What there is to say at the bottom: the search, what goes on, or what was said last.
fn note(model: &Model, width: u16) -> Line<'static> {
    let cut = |text: &str| tone::one_line(model, text, width.saturating_sub(2));
    if model.searches {
        let cursor = if model.style.unicode { "▏" } else { "_" };
        return Line::from(vec![
            paint(model, Tone::Hint, " search: "),
            Span::raw(format!("{}{cursor}", model.rows.search)),
        ]);
    }
    let is_recent = |note: &&crate::model::Note| model.now.duration_since(note.at).as_secs() < NOTE_SECONDS;
    if let Some(note) = model.notes.back().filter(is_recent) {
        let tone = match note.kind {
            Kind::Note => Tone::Plain,
            Kind::Warning => Tone::Warn,
            Kind::Failure => Tone::Bad,
        };
        return Line::from(paint(model, tone, format!(" {}", cut(&note.text))));
    }
    let is_asked = matches!(model.dialog, Some(Dialog::Asked(..)));
    if let Some(job) = model.job.filter(|_| !is_asked && !model.is_running()) {
        return Line::from(paint(model, Tone::Hint, format!(" {job}{}", tone::dots(model))));
    }
    if !model.rows.search.is_empty() {
        let text = format!(" search: {}, Esc ends it", model.rows.search);
        return Line::from(paint(model, Tone::Hint, text));
    }
    if let Some(trouble) = model.trouble.as_ref().filter(|_| model.fleet.is_some()) {
        return Line::from(paint(model, Tone::Bad, format!(" {}", cut(&trouble.what))));
    }
    let why = model.instance().and_then(|it| Some((it, model.pulses.get(&it.name)?.health.why()?)));
    match why {
        Some((it, why)) if matches!(model.page(), Page::Fleet) => {
            Line::from(paint(model, Tone::Warn, format!(" {}", cut(&format!("{}: {why}", it.name)))))
        }
        _ => Line::default(),
    }
}

/// What was told on the way to a question, in lines that fit.
pub(crate) fn told_lines(text: &str, width: u16) -> impl Iterator<Item = Line<'static>> {
    tone::wrap(text, width.saturating_sub(2)).into_iter().map(|line| Line::from(format!(" {line}")))
}

/// A failure: what, why, and what to do next.
fn failure(model: &Model, failure: &Failure, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for text in tone::wrap(&failure.what, width) {
        lines.push(Line::from(paint(model, Tone::Bad, text)));
    }
    for why in &failure.why {
        lines.extend(tone::wrap(why, width).into_iter().map(Line::from));
    }
    if let Some(help) = &failure.help {
        lines.push(Line::default());
        for text in tone::wrap(&format!("help: {help}"), width) {
            lines.push(Line::from(paint(model, Tone::Hint, text)));
        }
    }
    lines
}
