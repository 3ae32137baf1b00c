//! The smaller pages: the messages, and where no fleet is shown.

use ratatui::text::Line;

use super::tone::{Tone, paint, wrap};
use crate::model::{Dialog, Kind, Model};

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
        // The form for a new one says so itself.
        None if matches!(model.dialog, Some(Dialog::Form(_))) => Vec::new(),
        None if model.loaded => {
            let text = "There is no fleet here yet. A fleet is a file in fleets/ that says which instances there shall be; n writes one.";
            wrap(text, width.saturating_sub(2))
                .into_iter()
                .map(|text| Line::from(format!(" {text}")))
                .collect()
        }
        None => vec![Line::from(" looking what there is")],
    }
}
