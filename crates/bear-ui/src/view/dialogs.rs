//! Dialogs: forms, failures and help above the page, questions below it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::put;
use super::tone::{Tone, paint, wrap};
use crate::keys;
use crate::message::Question;
use crate::model::{Dialog, Field, Form, Model, PROVIDERS, Purpose};

/// The widest dialog.
const WIDTH_MAX: u16 = 90;

/// Borders for terminals that have ASCII alone.
const ASCII: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

pub(super) fn show(model: &Model, frame: &mut Frame<'_>, body: Rect, below: Rect) {
    let width = body.width.min(WIDTH_MAX).saturating_sub(4);
    match &model.dialog {
        None => {}
        Some(Dialog::Asked(question, typed)) => {
            Clear.render(below, frame.buffer_mut());
            put(frame, below, self::question(model, question, typed, below.width));
        }
        Some(Dialog::Form(form)) => above(model, frame, body, &form.title(), fields(model, form, width)),
        Some(Dialog::Failed(failure)) => {
            above(model, frame, body, "It did not work", super::failure(model, failure, width));
        }
        Some(Dialog::Help) => above(model, frame, body, "Keys", help(model, width)),
    }
}

/// A box in the middle of the page.
fn above(model: &Model, frame: &mut Frame<'_>, body: Rect, title: &str, lines: Vec<Line<'_>>) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(body.height);
    let width = body.width.min(WIDTH_MAX);
    let area =
        Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    Clear.render(area, frame.buffer_mut());
    if width < 6 || height < 3 {
        put(frame, area, lines);
        return;
    }
    let set = if model.style.unicode { border::ROUNDED } else { ASCII };
    let block = Block::bordered().border_set(set).title(format!(" {title} "));
    let inner = block.inner(area);
    block.render(area, frame.buffer_mut());
    put(frame, Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }, lines);
}

/// How many lines the question takes, if there is one.
pub(super) fn question_height(model: &Model, width: u16) -> u16 {
    match &model.dialog {
        Some(Dialog::Asked(asked, typed)) => {
            u16::try_from(question(model, asked, typed, width).len()).unwrap_or(u16::MAX)
        }
        _ => 0,
    }
}

fn question(model: &Model, question: &Question, typed: &str, width: u16) -> Vec<Line<'static>> {
    let line = if model.style.unicode { "─" } else { "-" };
    let mut lines = vec![Line::from(paint(model, Tone::Dim, line.repeat(usize::from(width))))];
    for text in wrap(question.text(), width.saturating_sub(2)) {
        lines.push(Line::from(paint(model, Tone::Strong, format!(" {text}"))));
    }
    lines.push(match question {
        Question::YesNo(_) => Line::from(vec![
            paint(model, Tone::Hint, " y"),
            Span::raw(" yes   "),
            paint(model, Tone::Hint, "n"),
            Span::raw(" no"),
        ]),
        Question::Typed { .. } => {
            Line::from(vec![paint(model, Tone::Hint, " > "), Span::raw(format!("{typed}{}", cursor(model)))])
        }
    });
    lines
}

fn cursor(model: &Model) -> &'static str {
    if model.style.unicode { "▏" } else { "_" }
}

fn fields(model: &Model, form: &Form, width: u16) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let intro = match &form.purpose {
        Purpose::Fleet if model.files.is_empty() => {
            "There is no fleet here yet. This writes fleets/NAME.yaml, a file to edit and to keep in git."
        }
        Purpose::Fleet => "This writes fleets/NAME.yaml.",
        Purpose::Member { .. } => "Adds it to the fleet file, shows the plan, and asks.",
        Purpose::Version { .. } => "Edits the fleet file, shows the plan, and asks.",
    };
    lines.extend(wrap(intro, width).into_iter().map(Line::from));
    lines.push(Line::default());
    for (at, field) in form.fields.iter().enumerate() {
        let is_here = at == form.at;
        let sign = if is_here { ">" } else { " " };
        match field {
            Field::Text { label, text } => {
                let cursor = if is_here { cursor(model) } else { "" };
                lines.push(Line::from(vec![
                    paint(model, Tone::Hint, format!("{sign} {label:9}")),
                    Span::raw(format!("{text}{cursor}")),
                ]));
            }
            Field::Provider(chosen) => {
                for (at, (kind, meaning)) in PROVIDERS.iter().enumerate() {
                    let label = if at == 0 { format!("{sign} provider ") } else { " ".repeat(11) };
                    let mark = if at == *chosen { "(x)" } else { "( )" };
                    lines.push(Line::from(vec![
                        paint(model, Tone::Hint, label),
                        Span::raw(format!("{mark} {:6}", kind.as_str())),
                        paint(model, Tone::Dim, format!(" {meaning}")),
                    ]));
                }
            }
        }
    }
    if let Some(error) = &form.error {
        lines.push(Line::default());
        lines.extend(wrap(error, width).into_iter().map(|text| Line::from(paint(model, Tone::Bad, text))));
    }
    lines
}

fn help(model: &Model, width: u16) -> Vec<Line<'static>> {
    let room = width.saturating_sub(16).max(8);
    let mut lines = Vec::new();
    for (keys, what) in keys::ALL {
        for (at, text) in wrap(what, room).into_iter().enumerate() {
            let keys = if at == 0 { keys } else { "" };
            lines.push(Line::from(vec![paint(model, Tone::Hint, format!("{keys:15} ")), Span::raw(text)]));
        }
    }
    lines
}
