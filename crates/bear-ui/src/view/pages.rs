//! The smaller pages: the fleets to choose from, the log, the messages, and a fleet that can't be shown.

use bear_render::words::printable;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::tone::{Tone, paint, wrap};
use crate::model::{Kind, Model};

/// The fleets to choose from, as many as fit.
pub(super) fn files(model: &Model, height: usize) -> Vec<Line<'static>> {
    let first = (model.file + 1).saturating_sub(height);
    let files = model.files.iter().enumerate().skip(first).take(height);
    let lines = files.map(|(at, file)| {
        let line = Line::from(format!("   {}", printable(file)));
        if at == model.file { line.style(Modifier::REVERSED) } else { line }
    });
    lines.collect()
}

pub(super) fn log_line(line: &str) -> Line<'_> {
    Line::from(vec![Span::raw(" "), Span::raw(printable(line))])
}

/// Whatever was told, newest first.
pub(super) fn messages(model: &Model, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for note in model.notes.iter().rev() {
        let tone = match note.kind {
            Kind::Note => Tone::Plain,
            Kind::Warning => Tone::Warn,
            Kind::Failure => Tone::Bad,
        };
        let at = note.at.strftime("%H:%M:%SZ").to_string();
        for (line, text) in wrap(&note.text, width.saturating_sub(13)).into_iter().enumerate() {
            let at = if line == 0 { at.as_str() } else { "" };
            lines.push(Line::from(vec![
                paint(model, Tone::Dim, format!(" {at:9}  ")),
                paint(model, tone, text),
            ]));
        }
    }
    lines
}

/// Where no fleet is shown: why not.
pub(super) fn empty(model: &Model, width: u16) -> Vec<Line<'static>> {
    match &model.trouble {
        Some(trouble) => super::failure(model, trouble, width.saturating_sub(1)),
        None if model.loaded => Vec::new(),
        None => vec![Line::from(" looking what there is")],
    }
}
