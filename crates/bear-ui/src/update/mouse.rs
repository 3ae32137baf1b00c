//! The mouse: a click selects, presses a key at the bottom or fills in a field; the wheel scrolls what it is over.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{actions, motion};
use crate::effect::Effect;
use crate::keys::Action;
use crate::model::{Dialog, Model, Page};
use crate::view;

/// How many lines the wheel scrolls at once.
const WHEEL: isize = 3;

pub(super) fn used(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let at = Position::new(event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp => scrolled(model, at, -WHEEL),
        MouseEventKind::ScrollDown => scrolled(model, at, WHEEL),
        MouseEventKind::Down(MouseButton::Left) => return clicked(model, at),
        _ => {}
    }
    Vec::new()
}

fn scrolled(model: &mut Model, at: Position, by: isize) {
    match model.dialog {
        Some(Dialog::Form(_)) => {}
        None if matches!(model.page(), Page::Instance(_)) => {
            if view::is_in_log(model, at) {
                motion::step_log(model, by);
            } else {
                motion::step_text(model, by);
            }
        }
        _ => motion::step(model, by),
    }
}

fn clicked(model: &mut Model, at: Position) -> Vec<Effect> {
    model.reaches = None;
    if let Some(hint) = view::hint_at(model, at) {
        return match hint.action {
            Action::Stop => actions::stop(model),
            _ => super::key_pressed(model, hint.key.into()),
        };
    }
    match &mut model.dialog {
        Some(Dialog::Help | Dialog::Failed(_)) => model.dialog = None,
        Some(Dialog::Form(_)) => fill_in(model, at),
        Some(Dialog::Asked(..)) => {}
        None => return on_page(model, at),
    }
    Vec::new()
}

/// Goes to the field that was clicked on, and chooses what was.
fn fill_in(model: &mut Model, at: Position) {
    let Some(place) = view::field_at(model, at) else { return };
    if let Some(Dialog::Form(form)) = &mut model.dialog {
        form.choose(place);
    }
}

fn on_page(model: &mut Model, at: Position) -> Vec<Effect> {
    if let Page::Instance(_) = model.page() {
        model.in_log = view::is_in_log(model, at);
        return Vec::new();
    }
    let Some(line) = view::table_line_at(model, at) else { return Vec::new() };
    let height = view::table_height(model);
    match model.page() {
        Page::Fleet => {
            let row = model.rows.first(height) + line;
            let is_selected = model.rows.cursor() == row;
            if row < model.rows.len() {
                model.rows.select(row, height);
                if is_selected {
                    return actions::act(model, Action::Enter);
                }
            }
        }
        Page::Files => {
            let file = view::first_file(model, height) + line;
            let is_selected = model.file == file;
            if file < model.files.len() {
                model.file = file;
                if is_selected {
                    return actions::act(model, Action::Enter);
                }
            }
        }
        _ => {}
    }
    Vec::new()
}
