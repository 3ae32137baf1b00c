//! Updating: what each message does to the model, and what it wants done outside.

mod actions;
mod dialogs;
mod motion;
mod mouse;
mod reading;
mod told;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::effect::Effect;
use crate::keys::{Key, is_ctrl, of_page};
use crate::message::Message;
use crate::model::{Dialog, Model};

/// Lets one message change the model. What comes back is to be done outside, in that order.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    // Of these there may be very many, and none of them turns to another page or log.
    let is_told_in_passing = matches!(message, Message::Line { .. } | Message::Happened(_));
    let mut effects = take(model, message);
    if !is_told_in_passing {
        effects.extend(reading::settle(model));
    }
    effects
}

fn take(model: &mut Model, message: Message) -> Vec<Effect> {
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
            let was = std::mem::replace(&mut model.size, (columns, rows));
            if was.0 != columns {
                told::lay_out(model);
            }
            motion::settle(model);
            Vec::new()
        }
        told => told::told(model, told),
    }
}

fn key_pressed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    // Whoever goes on with something else does not want a shell to take the screen away.
    if model.reaches.take().is_some() && key.code == KeyCode::Esc {
        return Vec::new();
    }
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
    model.refusal = None;
    if motion::moved(model, &key) {
        return Vec::new();
    }
    if key.code == KeyCode::Esc && dialogs::ends_search(model) {
        return Vec::new();
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return Vec::new();
    }
    match of_page(model).into_iter().find(|it| it.hint.key == key.code) {
        Some(Key { refused: None, hint, .. }) => actions::act(model, hint.action),
        Some(Key { refused: Some(why), .. }) => {
            model.refusal = Some((model.now, why));
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Lays something above the page.
fn open(model: &mut Model, dialog: Dialog) {
    model.dialog = Some(dialog);
    model.dialog_scroll = 0;
}
