//! Motion: moving the cursor, and scrolling.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use crate::keys::is_ctrl;
use crate::model::{Dialog, Model, Page};
use crate::view;

/// How many columns a log moves sideways at once.
const ASIDE: isize = 20;

/// Moves, if that is a key that moves.
pub(super) fn moved(model: &mut Model, key: &KeyEvent) -> bool {
    let screen = isize::try_from(screen(model).max(1)).unwrap_or(1);
    let by = match key.code {
        KeyCode::Up | KeyCode::Char('k') => -1,
        KeyCode::Down | KeyCode::Char('j') => 1,
        KeyCode::PageUp => -screen,
        KeyCode::PageDown | KeyCode::Char(' ') => screen,
        KeyCode::Char('b' | 'u') if is_ctrl(key, 'b') || is_ctrl(key, 'u') => -screen,
        KeyCode::Home | KeyCode::Char('g') => isize::MIN,
        KeyCode::End | KeyCode::Char('G') => isize::MAX,
        KeyCode::Left | KeyCode::Right if model.scrolls_log() => {
            let by = if key.code == KeyCode::Left { -ASIDE } else { ASIDE };
            model.log.shift(by, view::log_width(model));
            return true;
        }
        _ => return false,
    };
    step(model, by);
    true
}

/// How many lines of what moves fit on the screen.
fn screen(model: &Model) -> usize {
    match model.page() {
        _ if has_box(model) => view::box_height(model),
        Page::Fleet | Page::Files => view::table_height(model),
        _ if model.scrolls_log() => view::log_height(model),
        _ => view::text_height(model),
    }
}

/// Whether a box lies above the page that is there to be read.
fn has_box(model: &Model) -> bool {
    matches!(model.dialog, Some(Dialog::Help | Dialog::Failed(_)))
}

/// Moves by so many lines, down where that is positive: the box above the page, what the keys are for on it, or the
/// page.
pub(super) fn step(model: &mut Model, by: isize) {
    if has_box(model) {
        let most = view::box_length(model).saturating_sub(view::box_height(model));
        model.dialog_scroll = moved_by(model.dialog_scroll, by, most);
        return;
    }
    match model.page() {
        Page::Fleet if model.fleet.is_some() => model.rows.step(by, view::table_height(model)),
        Page::Files => model.file = moved_by(model.file, by, model.files.len().saturating_sub(1)),
        _ if model.scrolls_log() => step_log(model, by),
        _ => step_text(model, by),
    }
}

/// Scrolls the text of the page.
pub(super) fn step_text(model: &mut Model, by: isize) {
    let most = view::length(model).saturating_sub(view::text_height(model));
    model.scroll = moved_by(model.scroll, by, most);
}

/// Scrolls the log.
pub(super) fn step_log(model: &mut Model, by: isize) {
    model.log.scroll(by, view::log_height(model));
}

fn moved_by(at: usize, by: isize, most: usize) -> usize {
    at.min(most).saturating_add_signed(by).min(most)
}

/// Brings everything back onto a screen that has changed.
pub(super) fn settle(model: &mut Model) {
    step(model, 0);
    match model.page() {
        Page::Instance(_) => {
            step_text(model, 0);
            step_log(model, 0);
        }
        Page::Fleet | Page::Files => {}
        _ => step_text(model, 0),
    }
}
