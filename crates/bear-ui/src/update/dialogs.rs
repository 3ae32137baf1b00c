//! Dialogs: what keys do while something lies above the page, or while a search is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::actions::{begin, is_yes_or_no};
use super::motion;
use crate::effect::Effect;
use crate::keys::is_ctrl;
use crate::model::{Dialog, Field, Form, Model, Page};

pub(super) fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match &mut model.dialog {
        Some(Dialog::Form(form)) => {
            if key.code == KeyCode::Esc {
                model.dialog = None;
            } else if fill_in(form, &key) {
                return submit(model);
            }
            Vec::new()
        }
        Some(Dialog::Asked(question, typed)) => {
            if is_yes_or_no(question) {
                return match key.code {
                    KeyCode::Char('y' | 'Y') => answer(model, "y".to_owned()),
                    KeyCode::Char('n' | 'N') | KeyCode::Esc | KeyCode::Enter => answer(model, String::new()),
                    _ => {
                        // The plan that it is about can be read to its end.
                        motion::moved(model, &key);
                        Vec::new()
                    }
                };
            }
            match key.code {
                KeyCode::Enter => {
                    let typed = typed.clone();
                    return answer(model, typed);
                }
                KeyCode::Esc => return answer(model, String::new()),
                KeyCode::Backspace => drop(typed.pop()),
                KeyCode::Char(c) if plain(&key) => self::typed(model, c),
                KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                    motion::moved(model, &key);
                }
                _ => {}
            }
            Vec::new()
        }
        Some(Dialog::Help | Dialog::Failed(_)) => {
            if !motion::moved(model, &key) {
                model.dialog = None;
            }
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Takes a key; whether the form is filled in.
fn fill_in(form: &mut Form, key: &KeyEvent) -> bool {
    match key.code {
        KeyCode::Enter if form.is_last() => return true,
        KeyCode::Enter | KeyCode::Tab | KeyCode::Down => form.next(),
        KeyCode::BackTab | KeyCode::Up => form.previous(),
        KeyCode::Left => form.turn(crate::model::PROVIDERS.len() - 1),
        KeyCode::Right => form.turn(1),
        KeyCode::Backspace => form.rub_out(false),
        KeyCode::Char('u') if is_ctrl(key, 'u') => form.rub_out(true),
        KeyCode::Char(c) if plain(key) => form.add(c),
        _ => {}
    }
    false
}

fn plain(key: &KeyEvent) -> bool {
    !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}

fn submit(model: &mut Model) -> Vec<Effect> {
    let file = model.fleet.as_ref().map(|fleet| fleet.file.clone()).unwrap_or_default();
    let Some(Dialog::Form(form)) = &mut model.dialog else { return Vec::new() };
    match form.done(&file) {
        Err(error) => {
            form.error = Some(error);
            form.at = form.fields.iter().position(|field| matches!(field, Field::Text { .. })).unwrap_or(0);
            Vec::new()
        }
        Ok(effect) => {
            model.dialog = None;
            if matches!(effect, Effect::Edit { .. }) {
                begin(model, "planning");
            }
            vec![effect]
        }
    }
}

/// Gives the answer to what was asked.
pub(super) fn answer(model: &mut Model, answer: String) -> Vec<Effect> {
    model.dialog = None;
    if answer.is_empty() {
        model.pages.retain(|page| *page != Page::Plan);
        model.scroll = 0;
    }
    vec![Effect::Answer(answer)]
}

/// Takes one letter where letters are taken.
pub(super) fn typed(model: &mut Model, c: char) {
    let search = format!("{}{c}", model.search());
    match &mut model.dialog {
        Some(Dialog::Form(form)) => form.add(c),
        Some(Dialog::Asked(question, typed)) if !is_yes_or_no(question) && typed.len() < 100 => typed.push(c),
        None if model.searches && search.len() <= 100 => search_for(model, search),
        _ => {}
    }
}

/// Takes a key while a search is typed.
pub(super) fn search(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => {
            model.searches = false;
            search_for(model, String::new());
        }
        KeyCode::Enter => model.searches = false,
        KeyCode::Backspace => {
            let mut search = model.search().to_owned();
            search.pop();
            search_for(model, search);
        }
        KeyCode::Char(c) if plain(&key) && !c.is_control() => typed(model, c),
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => drop(motion::moved(model, &key)),
        _ => {}
    }
    Vec::new()
}

/// Ends the search on the page that is shown; whether there was one.
pub(super) fn ends_search(model: &mut Model) -> bool {
    let is_there =
        !model.search().is_empty() && matches!(model.page(), Page::Fleet | Page::Instance(_) | Page::Log(_));
    if is_there {
        search_for(model, String::new());
    }
    is_there
}

pub(super) fn search_for(model: &mut Model, search: String) {
    if matches!(model.page(), Page::Instance(_) | Page::Log(_)) {
        model.log.search_for(search);
        return;
    }
    model.rows.search = search;
    if let Some(fleet) = &model.fleet {
        let was = model.rows.name(fleet).map(str::to_owned);
        model.rows.arrange(fleet, &model.pulses, was.as_deref());
        motion::settle(model);
    }
}
