//! Updating: what each message does to the model, and what it wants done outside.

mod actions;
mod dialogs;
mod motion;
mod mouse;
mod told;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::effect::Effect;
use crate::keys::{is_ctrl, possible};
use crate::message::Message;
use crate::model::{Dialog, Model};

/// Lets one message change the model. What comes back is to be done outside, in that order.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Message::Key(key) => key_pressed(model, key),
        Message::Mouse(event) => mouse::used(model, event),
        Message::Pasted(text) => {
            // As if it were typed, and its line ends were not.
            let letters = text.chars().filter(|c| !c.is_control()).take(1_000);
            letters.for_each(|c| dialogs::typed(model, c));
            Vec::new()
        }
        Message::Resized(columns, rows) => {
            model.size = (columns, rows);
            motion::settle(model);
            Vec::new()
        }
        told => told::told(model, told),
    }
}

fn key_pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if is_ctrl(&key, 'c') {
        return actions::stop(model);
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        // Terminals send the same for Alt and a letter as for Esc and then the letter, and Alt means nothing here.
        let letter = KeyEvent { modifiers: key.modifiers - KeyModifiers::ALT, ..key };
        let mut effects = key_pressed(model, KeyCode::Esc.into());
        effects.extend(key_pressed(model, letter));
        return effects;
    }
    if model.dialog.is_some() {
        return dialogs::key(model, key);
    }
    if model.searches {
        return dialogs::search(model, key);
    }
    if motion::moved(model, &key) {
        return Vec::new();
    }
    if key.code == KeyCode::Esc && !model.rows.search.is_empty() && model.pages.len() == 1 {
        dialogs::search_for(model, String::new());
        return Vec::new();
    }
    let is_plain = !key.modifiers.contains(KeyModifiers::CONTROL);
    let hint = possible(model).into_iter().find(|hint| is_plain && hint.key == key.code);
    match hint {
        Some(hint) => actions::act(model, hint.action),
        None => Vec::new(),
    }
}

/// Lays something above the page.
fn open(model: &mut Model, dialog: Dialog) {
    model.dialog = Some(dialog);
}
