//! The view: how the model looks. Only what is on the screen is laid out, however large the fleet is.

mod areas;
mod bottom;
mod dialogs;
mod files;
mod fleet;
mod help;
mod instance;
mod log;
mod pages;
mod plan;
mod run;
mod tone;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use self::areas::{Areas, Panes, hint_lines};
use self::tone::{Tone, paint};
use crate::data::Failure;
use crate::keys::Hint;
use crate::model::{Model, Page};

pub(crate) use self::dialogs::{box_height, box_length, field_at};
pub(crate) use self::files::first as first_file;
#[cfg(test)]
pub(crate) use self::fleet::lines as table_lines;
pub(crate) use self::plan::lines as plan_lines;

/// Shows the model.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    let areas = Areas::of(model);
    let within = |area: Rect| area.intersection(whole);
    put(frame, within(areas.header), [header(model, areas.header.width)]);
    body(model, frame, within(areas.body));
    bottom::show(model, frame, within(areas.note));
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
    let room = usize::from(width).saturating_sub(spans.iter().map(Span::width).sum());
    spans.extend(fleet::tally(model, &model.rows.total, width >= 60, room));
    Line::from(spans)
}

fn body(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = (area.width, usize::from(area.height));
    match model.page() {
        Page::Fleet if model.fleet.is_some() => {
            put(frame, area, fleet::lines(model, width, height));
        }
        Page::Files => put(frame, area, files::lines(model, width, height)),
        _ => {
            let Panes { text, log } = Panes::of(model, area);
            put(frame, text, on_screen(model, text.width, usize::from(text.height)));
            if !log.is_empty() {
                put(frame, log, log::lines(model, log));
            }
        }
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
    text_length(model, panes(model).text.width)
}

/// The same for a width.
fn text_length(model: &Model, width: u16) -> usize {
    match model.page() {
        Page::Plan => model.plan_lines.len(),
        _ => text(model, width).len(),
    }
}

fn panes(model: &Model) -> Panes {
    Panes::of(model, Areas::of(model).body)
}

/// How many lines of the page of text fit on the screen.
pub(crate) fn text_height(model: &Model) -> usize {
    usize::from(panes(model).text.height)
}

/// How many lines of the log fit on the screen.
pub(crate) fn log_height(model: &Model) -> usize {
    log::height(model, panes(model).log)
}

/// How many columns of the log fit on the screen.
pub(crate) fn log_width(model: &Model) -> usize {
    usize::from(panes(model).log.width).saturating_sub(1)
}

/// Whether a place is in the log.
pub(crate) fn is_in_log(model: &Model, at: Position) -> bool {
    panes(model).log.contains(at)
}

/// How many rows of the table fit on the screen, without its titles.
pub(crate) fn table_height(model: &Model) -> usize {
    let height = usize::from(Areas::of(model).body.height);
    height.saturating_sub(titles(model, height))
}

/// How many lines the titles of the table take.
fn titles(model: &Model, height: usize) -> usize {
    usize::from(matches!(model.page(), Page::Fleet | Page::Files) && height > 3)
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
