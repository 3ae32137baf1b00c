//! The log that is followed: a heading, the lines, and why there are no more of them.

use bear_render::words::count;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::tone::{Tone, paint, shown};
use crate::model::{Model, Page};

/// How many lines of an area the log itself has.
pub(super) fn height(model: &Model, area: Rect) -> usize {
    usize::from(area.height).saturating_sub(1 + failure(model, area).len())
}

/// The log in an area: its heading, its lines, and below them why there are no more.
pub(super) fn lines(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let mut lines = vec![heading(model, area.width)];
    for line in model.log.on_screen(height(model, area)) {
        let line = shown(line);
        let text = line.chars().skip(model.log.left).collect::<String>();
        lines.push(Line::from(vec![Span::raw(" "), Span::raw(text)]));
    }
    lines.extend(failure(model, area));
    lines
}

fn heading(model: &Model, width: u16) -> Line<'static> {
    let name = match model.page() {
        Page::Log(name) => format!("Log of {name}"),
        _ => "Log".to_owned(),
    };
    let log = &model.log;
    let lines = if log.search().is_empty() { "line" } else { "found line" };
    let (status, tone) = match (log.above, log.len(), log.ended) {
        _ if log.of().is_none() => ("there is none: no broker is installed".to_owned(), Tone::Warn),
        (0, 0, _) if !log.search().is_empty() => ("no line has that text".to_owned(), Tone::Warn),
        (0, 0, None) if log.failure.is_none() => ("waits for the first line".to_owned(), Tone::Dim),
        (0, _, None) if log.failure.is_none() => ("follows what is written".to_owned(), Tone::Dim),
        (0, ..) if log.failure.is_some() => ("can't be read; bear tries again".to_owned(), Tone::Bad),
        (0, ..) => ("ended; bear looks for more".to_owned(), Tone::Warn),
        (above, ..) => (format!("{} below, End follows", count(above, lines)), Tone::Warn),
    };
    // Beside or below a page it is told which of the two the keys are for.
    let is_chosen = model.in_log && matches!(model.page(), Page::Instance(_));
    let aside = if log.left > 0 { format!("  from column {}", log.left + 1) } else { String::new() };
    let mut line = Line::from(vec![
        paint(model, Tone::Hint, if is_chosen { ">" } else { " " }),
        paint(model, Tone::Strong, name),
        paint(model, Tone::Warn, aside),
        paint(model, tone, format!("  {status}  ")),
    ]);
    let rule = if model.style.unicode { "─" } else { "-" };
    let room = usize::from(width).saturating_sub(line.width() + 1);
    line.push_span(paint(model, Tone::Dim, rule.repeat(room)));
    line
}

/// Why the log can't be read, in at most half of the area.
fn failure(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let Some(failure) = &model.log.failure else { return Vec::new() };
    let mut lines = super::failure(model, failure, area.width.saturating_sub(2));
    lines.truncate(usize::from(area.height) / 2);
    for line in &mut lines {
        line.spans.insert(0, Span::raw(" "));
    }
    lines
}
