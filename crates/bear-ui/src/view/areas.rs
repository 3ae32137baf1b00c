//! Areas: which part of the screen is for what. The view and the mouse go by the same ones.

use std::ops::Range;

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::dialogs;
use super::tone::{Tone, paint};
use crate::keys::{Action, Hint, possible};
use crate::model::{Model, Page};

/// The parts of the screen; one that has no room is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Areas {
    pub(crate) header: Rect,
    pub(crate) body: Rect,
    /// Where questions are put, so that what they are about stays in sight.
    pub(crate) question: Rect,
    pub(crate) note: Rect,
    pub(crate) hints: Rect,
}

/// The parts of the page of an instance, or of a log; one that is not shown is empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panes {
    pub(crate) text: Rect,
    /// The log, its heading included.
    pub(crate) log: Rect,
}

/// From how many columns on the log stands beside the page, and from how many lines on below it. Where there is room
/// for neither, there is one at a time.
const BESIDE_MIN: u16 = 150;
const BELOW_MIN: u16 = 20;

/// The lowest log below a page, its heading included.
const LOG_MIN: u16 = 6;

/// The widest page beside a log: its lines don't get longer.
const TEXT_MAX: u16 = 80;

impl Panes {
    pub(crate) fn of(model: &Model, body: Rect) -> Self {
        let nothing = Rect { height: 0, ..body };
        let both = matches!(model.page(), Page::Instance(_)) && model.has_log();
        match (model.scrolls_log(), both) {
            (_, true) if body.width >= BESIDE_MIN => {
                let [text, log] =
                    Layout::horizontal([Constraint::Length(TEXT_MAX), Constraint::Fill(1)]).areas(body);
                Self { text, log }
            }
            (_, true) if body.height >= BELOW_MIN => {
                let lines = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).saturating_add(1);
                let share = body.height / 3;
                let written = if model.log.failure.is_some() { share } else { lines(model.log.written()) };
                // What the page does not need is the log's, and what a short log does not need is the page's.
                let unneeded = body.height.saturating_sub(lines(super::text_length(model, body.width)));
                let log = written.clamp(LOG_MIN.min(share), share).max(unneeded);
                let [text, log] =
                    Layout::vertical([Constraint::Fill(1), Constraint::Length(log)]).areas(body);
                Self { text, log }
            }
            (true, _) => Self { text: nothing, log: body },
            (false, _) => Self { text: body, log: nothing },
        }
    }
}

impl Areas {
    pub(crate) fn of(model: &Model) -> Self {
        let (width, height) = model.size;
        let header = u16::from(height >= 4);
        let note = u16::from(height >= 6);
        let most = match (width, height) {
            (..60, 14..) => 3,
            (_, 12..) => 2,
            (_, 3..) => 1,
            _ => 0,
        };
        let hints = u16::try_from(hint_lines(model, width, most).count()).unwrap_or(0);
        let rest = height - header - note - hints.min(height);
        let question = dialogs::question_height(model, width).min(rest.saturating_sub(1));
        let mut top = 0;
        let mut take = |height: u16| {
            let area = Rect::new(0, top, width, height);
            top += height;
            area
        };
        Self {
            header: take(header),
            body: take(rest - question),
            question: take(question),
            note: take(note),
            hints: take(hints),
        }
    }
}

/// A line of hints, and at which columns each of them stands.
type HintLine = (Vec<(Range<u16>, Hint)>, Line<'static>);

/// The hints in at most so many lines. Where they don't fit, those before the last go first: that one leads to help.
pub(crate) fn hint_lines(model: &Model, width: u16, most: u16) -> impl Iterator<Item = HintLine> + use<> {
    let mut hints = possible(model);
    let mut lines = broken(&hints, width);
    while lines.len() > usize::from(most) && hints.len() > 1 {
        hints.remove(hints.len() - 2);
        lines = broken(&hints, width);
    }
    lines.truncate(usize::from(most));
    let lines = lines.into_iter().map(|places| {
        let spans = places.iter().flat_map(|(_, hint)| {
            let tone = if hint.action == Action::Stop { Tone::Bad } else { Tone::Hint };
            [
                Span::raw(" "),
                paint(model, tone, hint.shown),
                paint(model, Tone::Dim, format!(" {} ", hint.word)),
            ]
        });
        let line = Line::from(spans.collect::<Vec<_>>());
        (places, line)
    });
    lines.collect::<Vec<_>>().into_iter()
}

fn broken(hints: &[Hint], width: u16) -> Vec<Vec<(Range<u16>, Hint)>> {
    let mut lines: Vec<Vec<(Range<u16>, Hint)>> = Vec::new();
    let mut end = u16::MAX;
    for hint in hints {
        let length = hint.shown.chars().count() + hint.word.len() + 3;
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        if end.saturating_add(length) > width {
            lines.push(Vec::new());
            end = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push((end..end + length, *hint));
        }
        end += length;
    }
    lines
}
