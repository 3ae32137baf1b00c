//! The mouse: a click selects or presses a key at the bottom, the wheel scrolls.

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
        MouseEventKind::ScrollUp => motion::step(model, -WHEEL),
        MouseEventKind::ScrollDown => motion::step(model, WHEEL),
        MouseEventKind::Down(MouseButton::Left) => return clicked(model, at),
        _ => {}
    }
    Vec::new()
}

fn clicked(model: &mut Model, at: Position) -> Vec<Effect> {
    if let Some(hint) = view::hint_at(model, at) {
        return match hint.action {
            Action::Stop => actions::stop(model),
            _ => super::key_pressed(model, hint.key.into()),
        };
    }
    match model.dialog {
        Some(Dialog::Help | Dialog::Failed(_)) => {
            model.dialog = None;
            return Vec::new();
        }
        Some(_) => return Vec::new(),
        None => {}
    }
    let Some(line) = view::table_line_at(model, at) else { return Vec::new() };
    let height = motion::body_height(model);
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
        Page::Files if line < model.files.len() => {
            let is_selected = model.file == line;
            model.file = line;
            if is_selected {
                return actions::act(model, Action::Enter);
            }
        }
        _ => {}
    }
    Vec::new()
}
