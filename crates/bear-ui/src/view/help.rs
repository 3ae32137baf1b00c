//! The page of help: every key of the page that it was asked for on, and why one does nothing now.

use ratatui::text::Line;

use super::tone::{Tone, paint, wrap};
use crate::keys::{Action, of_page};
use crate::model::{Model, Page};

/// The width of the names of keys.
const NAMES: usize = 12;

/// Keys and what they do.
type Meaning = (&'static str, &'static str);

pub(super) fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for key in of_page(model) {
        let name = if key.hint.action == Action::Stop { "Ctrl-C" } else { key.hint.shown };
        said(model, name, key.meaning, Tone::Plain, width, &mut lines);
        if let Some(why) = key.refused {
            said(model, "", &format!("not now: {why}"), Tone::Dim, width, &mut lines);
        }
    }
    if !model.is_running() {
        said(model, "Ctrl-C", "quit", Tone::Plain, width, &mut lines);
    }
    lines.push(Line::default());
    let pointing = [("click", clicks(model)), ("wheel", "scrolls what it is over")];
    for (name, meaning) in motions(model).iter().chain(&pointing) {
        said(model, name, meaning, Tone::Plain, width, &mut lines);
    }
    lines
}

/// The keys that move on the page that is shown.
fn motions(model: &Model) -> Vec<Meaning> {
    let (up_down, left_right) =
        if model.style.unicode { ("↑ ↓ j k", "← →") } else { ("Up Down j k", "Left Right") };
    let mut motions = vec![
        (up_down, "one line up or down"),
        ("PgUp PgDn", "one screen up or down; also Ctrl-B and Space"),
        ("Home End g G", "to the first line, to the last"),
    ];
    if model.has_log() && matches!(model.page(), Page::Log(_) | Page::Instance(_)) {
        motions.push((left_right, "the log sideways"));
    }
    motions
}

fn clicks(model: &Model) -> &'static str {
    match model.page() {
        Page::Fleet | Page::Files => "selects a line, a second time: Enter; presses a key at the bottom",
        Page::Instance(_) => "chooses what the keys scroll; presses a key at the bottom",
        _ => "presses a key at the bottom",
    }
}

fn said(model: &Model, name: &str, text: &str, tone: Tone, width: u16, lines: &mut Vec<Line<'static>>) {
    let margin = u16::try_from(NAMES + 1).unwrap_or(u16::MAX);
    for (at, text) in wrap(text, width.saturating_sub(margin).max(8)).into_iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let name = paint(model, Tone::Hint, format!("{name:NAMES$} "));
        lines.push(Line::from(vec![name, paint(model, tone, text)]));
    }
}
