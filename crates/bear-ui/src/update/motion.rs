//! Motion: moving the cursor, and scrolling.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::keys::is_ctrl;
use crate::model::{Model, Page};
use crate::view;

/// How many rows of the table fit on the screen.
pub(super) fn body_height(model: &Model) -> usize {
    view::table_height(model)
}

/// Moves, if that is a key that moves.
pub(super) fn moved(model: &mut Model, key: &KeyEvent) -> bool {
    let screen = isize::try_from(body_height(model).max(1)).unwrap_or(1);
    let by = match key.code {
        KeyCode::Up | KeyCode::Char('k') => -1,
        KeyCode::Down | KeyCode::Char('j') => 1,
        KeyCode::PageUp => -screen,
        KeyCode::PageDown | KeyCode::Char(' ') => screen,
        KeyCode::Char('b' | 'u') if is_ctrl(key, 'b') || is_ctrl(key, 'u') => -screen,
        KeyCode::Home | KeyCode::Char('g') => isize::MIN,
        KeyCode::End | KeyCode::Char('G') => isize::MAX,
        _ => return false,
    };
    step(model, by);
    true
}

/// Moves by so many lines, down where that is positive.
pub(super) fn step(model: &mut Model, by: isize) {
    let height = body_height(model);
    match model.page() {
        Page::Fleet => model.rows.step(by, height),
        Page::Files => {
            model.file = model.file.saturating_add_signed(by).min(model.files.len().saturating_sub(1));
        }
        Page::Log(_) => model.log.scroll(by, height),
        Page::Instance(_) | Page::Plan | Page::Run | Page::Messages => {
            let most = view::length(model).saturating_sub(height);
            model.scroll = model.scroll.min(most).saturating_add_signed(by).min(most);
        }
    }
}

/// Brings everything back onto a screen that has changed.
pub(super) fn settle(model: &mut Model) {
    step(model, 0);
}
