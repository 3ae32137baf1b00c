//! Dialogs: forms, failures and help in a box above the page, questions below it.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::areas::Areas;
use super::tone::{Tone, one_line, paint, wrap};
use super::{help, put};
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

/// A field of a form by its number, and the number of a value where it has several.
type Place = (usize, Option<usize>);

pub(super) fn show(model: &Model, frame: &mut Frame<'_>, body: Rect, below: Rect) {
    match &model.dialog {
        None => {}
        Some(Dialog::Asked(question, typed)) => {
            Clear.render(below, frame.buffer_mut());
            let mut lines = self::question(model, question, typed, below.width);
            // Where there is no room for all of it, there is for where the answer goes.
            let surplus = lines.len().saturating_sub(usize::from(below.height));
            let last = lines.len().saturating_sub(1);
            lines.drain(last.saturating_sub(surplus)..last);
            put(frame, below, lines);
        }
        Some(dialog) => {
            let title = title(dialog);
            let lines = content(model, dialog, body.width);
            above(model, frame, body, &title, lines);
        }
    }
}

fn title(dialog: &Dialog) -> String {
    match dialog {
        Dialog::Form(form) => form.title(),
        Dialog::Failed(_) => "It did not work".to_owned(),
        Dialog::Help => "Keys of this page".to_owned(),
        Dialog::Asked(..) => String::new(),
    }
}

/// What stands in the box above a page of that width.
fn content(model: &Model, dialog: &Dialog, width: u16) -> Vec<Line<'static>> {
    let width = width.min(WIDTH_MAX).saturating_sub(4);
    match dialog {
        Dialog::Form(form) => fields(model, form, width).into_iter().map(|(_, line)| line).collect(),
        Dialog::Failed(failure) => super::failure(model, failure, width),
        Dialog::Help => help::lines(model, width),
        Dialog::Asked(..) => Vec::new(),
    }
}

/// The box for so many lines in the middle of the page, and the part of it that is inside its border.
fn places(body: Rect, lines: usize) -> (Rect, Rect) {
    let height = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2).min(body.height);
    let width = body.width.min(WIDTH_MAX);
    let area =
        Rect { x: body.x + (body.width - width) / 2, y: body.y + (body.height - height) / 2, width, height };
    if width < 6 || height < 3 {
        return (area, area);
    }
    (area, Rect { x: area.x + 2, y: area.y + 1, width: width - 4, height: height - 2 })
}

fn above(model: &Model, frame: &mut Frame<'_>, body: Rect, title: &str, lines: Vec<Line<'_>>) {
    let (area, inner) = places(body, lines.len());
    Clear.render(area, frame.buffer_mut());
    let first = first(model, inner.height, lines.len());
    if area != inner {
        let set = if model.style.unicode { border::ROUNDED } else { ASCII };
        let mut block = Block::bordered().border_set(set).title(format!(" {title} "));
        let last = (first + usize::from(inner.height)).min(lines.len());
        if last - first < lines.len() {
            let part = format!(" {}-{last} of {} ", first + 1, lines.len());
            block = block.title_bottom(Line::from(part).right_aligned());
        }
        block.render(area, frame.buffer_mut());
    }
    put(frame, inner, lines.into_iter().skip(first));
}

/// The first line of the box that is on the screen. A form shows the field that is filled in.
fn first(model: &Model, height: u16, lines: usize) -> usize {
    let most = lines.saturating_sub(usize::from(height));
    match &model.dialog {
        Some(Dialog::Form(form)) => {
            let fields = fields(model, form, model.size.0.min(WIDTH_MAX).saturating_sub(4));
            let is_here = |(place, _): &(Option<Place>, _)| place.is_some_and(|(at, _)| at == form.at);
            let last = fields.iter().rposition(is_here).unwrap_or(0);
            (last + 1).saturating_sub(usize::from(height)).min(most)
        }
        _ => model.dialog_scroll.min(most),
    }
}

/// How many lines the box above the page has.
pub(crate) fn box_length(model: &Model) -> usize {
    model.dialog.as_ref().map_or(0, |dialog| content(model, dialog, model.size.0).len())
}

/// How many of them fit on the screen.
pub(crate) fn box_height(model: &Model) -> usize {
    usize::from(places(Areas::of(model).body, box_length(model)).1.height)
}

/// The field of the form at a place, and which of its values.
pub(crate) fn field_at(model: &Model, at: Position) -> Option<Place> {
    let Some(Dialog::Form(form)) = &model.dialog else { return None };
    let fields = fields(model, form, model.size.0.min(WIDTH_MAX).saturating_sub(4));
    let (_, inner) = places(Areas::of(model).body, fields.len());
    let row = inner.contains(at).then(|| usize::from(at.y - inner.y))?;
    fields.get(first(model, inner.height, fields.len()) + row)?.0
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

/// The lines of a form, and which field each belongs to.
fn fields(model: &Model, form: &Form, width: u16) -> Vec<(Option<Place>, Line<'static>)> {
    let mut lines = Vec::new();
    let intro = match &form.purpose {
        Purpose::Fleet if model.files.is_empty() => {
            "There is no fleet here yet. This writes fleets/NAME.yaml, a file to edit and to keep in git."
        }
        Purpose::Fleet => "This writes fleets/NAME.yaml.",
        Purpose::Member { .. } => "Adds it to the fleet file, shows the plan, and asks.",
        Purpose::Version { .. } => "Edits the fleet file, shows the plan, and asks.",
    };
    lines.extend(wrap(intro, width).into_iter().map(|text| (None, Line::from(text))));
    lines.push((None, Line::default()));
    for (at, field) in form.fields.iter().enumerate() {
        let is_here = at == form.at;
        let sign = if is_here { ">" } else { " " };
        match field {
            Field::Text { label, text } => {
                let cursor = if is_here { cursor(model) } else { "" };
                // Of a text that is too long for the line, the end is where somebody types.
                let room = usize::from(width).saturating_sub(11 + cursor.chars().count());
                let shown = text.chars().count().saturating_sub(room);
                let text = text.chars().skip(shown).collect::<String>();
                let line = Line::from(vec![
                    paint(model, Tone::Hint, format!("{sign} {label:9}")),
                    Span::raw(format!("{text}{cursor}")),
                ]);
                lines.push((Some((at, None)), line));
            }
            Field::Provider(chosen) => {
                for (value, (kind, meaning)) in PROVIDERS.iter().enumerate() {
                    let label = if value == 0 { format!("{sign} provider ") } else { " ".repeat(11) };
                    let mark = if value == *chosen { "(x)" } else { "( )" };
                    let line = Line::from(vec![
                        paint(model, Tone::Hint, label),
                        Span::raw(format!("{mark} {:6}", kind.as_str())),
                        paint(
                            model,
                            Tone::Dim,
                            format!(" {}", one_line(model, meaning, width.saturating_sub(22))),
                        ),
                    ]);
                    lines.push((Some((at, Some(value))), line));
                }
            }
        }
    }
    if let Some(error) = &form.error {
        // It belongs to the field with the cursor, so that it is seen with it.
        let place = Some((form.at, None));
        lines.push((place, Line::default()));
        let error = wrap(error, width).into_iter();
        lines.extend(error.map(|text| (place, Line::from(paint(model, Tone::Bad, text)))));
    }
    lines
}
