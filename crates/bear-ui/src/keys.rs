//! Keys: what is possible now, by which key, and what it is called on the screen. The hints at the bottom, a click on
//! one of them and the key itself all go by this one list.

use bear_core::fleet::model::ProviderKind;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::data::{Instance, Members};
use crate::message::Question;
use crate::model::{Dialog, Model, Page, Row};

/// What can be done by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Enter,
    Back,
    New,
    Remove,
    Upgrade,
    Verify,
    VerifyAll,
    Open,
    Ssh,
    Log,
    Plan,
    Apply,
    Destroy,
    Run,
    Messages,
    Search,
    Fleets,
    Stop,
    Help,
    Quit,
    /// What the key does is for the dialog to say.
    Dialog,
}

/// A key that does something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) key: KeyCode,
    /// The key as it is shown.
    pub(crate) shown: &'static str,
    /// What it does, in a word.
    pub(crate) word: &'static str,
    pub(crate) action: Action,
}

const fn hint(key: char, shown: &'static str, word: &'static str, action: Action) -> Hint {
    Hint { key: KeyCode::Char(key), shown, word, action }
}

const HELP: Hint = hint('?', "?", "help", Action::Help);
const QUIT: Hint = hint('q', "q", "quit", Action::Quit);
const BACK: Hint = Hint { key: KeyCode::Esc, shown: "Esc", word: "back", action: Action::Back };
const STOP: Hint = Hint { key: KeyCode::Null, shown: "^C", word: "stop", action: Action::Stop };

/// What is possible now, in the order in which it is shown.
pub(crate) fn possible(model: &Model) -> Vec<Hint> {
    let mut hints = Vec::new();
    if let Some(dialog) = &model.dialog {
        return in_dialog(dialog);
    }
    if model.searches {
        return vec![key(KeyCode::Enter, "Enter", "keep"), key(KeyCode::Esc, "Esc", "no search")];
    }
    if model.is_running() {
        hints.push(STOP);
    }
    match model.page() {
        Page::Fleet => on_fleet(model, &mut hints),
        Page::Instance(_) => of_selected(model, &mut hints),
        Page::Files => {
            hints.extend([
                Hint { key: KeyCode::Enter, shown: "Enter", word: "choose", action: Action::Enter },
                hint('n', "n", "new fleet", Action::New),
            ]);
        }
        Page::Plan if model.is_free() && model.has_changes() => {
            hints.push(hint('a', "a", "apply", Action::Apply));
        }
        Page::Plan | Page::Run | Page::Log(_) | Page::Messages => {}
    }
    if model.pages.len() > 1 {
        hints.push(BACK);
    } else {
        hints.push(QUIT);
    }
    hints.push(HELP);
    hints
}

const fn key(key: KeyCode, shown: &'static str, word: &'static str) -> Hint {
    Hint { key, shown, word, action: Action::Dialog }
}

fn in_dialog(dialog: &Dialog) -> Vec<Hint> {
    match dialog {
        Dialog::Form(_) => vec![
            key(KeyCode::Enter, "Enter", "next"),
            key(KeyCode::Tab, "Tab", "other field"),
            key(KeyCode::Esc, "Esc", "cancel"),
        ],
        Dialog::Asked(Question::YesNo(_), _) => {
            vec![key(KeyCode::Char('y'), "y", "yes"), key(KeyCode::Char('n'), "n", "no")]
        }
        Dialog::Asked(Question::Typed { .. }, _) => {
            vec![key(KeyCode::Enter, "Enter", "go ahead"), key(KeyCode::Esc, "Esc", "no")]
        }
        Dialog::Failed(_) | Dialog::Help => vec![key(KeyCode::Esc, "Esc", "close")],
    }
}

fn on_fleet(model: &Model, hints: &mut Vec<Hint>) {
    if model.fleet.is_none() {
        if model.loaded {
            hints.push(hint('n', "n", "new fleet", Action::New));
        }
        return;
    }
    let enter = |word| Hint { key: KeyCode::Enter, shown: "Enter", word, action: Action::Enter };
    match model.rows.selected() {
        Some(Row::Instance(_)) => hints.push(enter("look at it")),
        Some(Row::Group(_)) => hints.push(enter("fold")),
        None => {}
    }
    if model.is_free() {
        hints.push(hint('p', "p", "plan", Action::Plan));
        hints.push(hint('a', "a", "apply", Action::Apply));
    }
    of_selected(model, hints);
    if model.is_free() && model.is_deployed() {
        hints.push(hint('V', "V", "verify all", Action::VerifyAll));
        hints.push(hint('D', "D", "destroy", Action::Destroy));
    }
    hints.push(hint('/', "/", "search", Action::Search));
    if model.run.is_some() {
        hints.push(hint('r', "r", "run", Action::Run));
    }
    if !model.notes.is_empty() {
        hints.push(hint('m', "m", "messages", Action::Messages));
    }
    if model.files.len() > 1 {
        hints.push(hint('f', "f", "fleets", Action::Fleets));
    }
}

/// What is possible for the group or instance that is selected.
fn of_selected(model: &Model, hints: &mut Vec<Hint>) {
    if let Some(instance) = model.instance() {
        of_instance(model, instance, hints);
    }
    if !model.is_free() {
        return;
    }
    let Some(group) = model.group() else { return };
    if group.members != Members::Gone {
        hints.push(hint('n', "n", "new", Action::New));
        if model.can_remove() {
            hints.push(hint('d', "d", "remove", Action::Remove));
        }
        if model.has_version() {
            hints.push(hint('u', "u", "upgrade", Action::Upgrade));
        }
    }
    if model.is_deployed() && model.selected_is_deployed() {
        hints.push(hint('v', "v", "verify", Action::Verify));
    }
}

/// What is possible with an instance as it is, whatever else goes on.
fn of_instance(model: &Model, instance: &Instance, hints: &mut Vec<Hint>) {
    let Some(recorded) = &instance.recorded else { return };
    let installed = recorded.installed.as_ref();
    if installed.is_some() {
        hints.push(hint('l', "l", "log", Action::Log));
    }
    if installed.is_some_and(|installed| installed.ports.dashboard.is_some()) {
        hints.push(hint('o', "o", "open", Action::Open));
    }
    // A run that nobody looks at for long would wait to be looked at.
    let is_elsewhere = instance.spec.provider != ProviderKind::Local;
    if recorded.machine.is_some() && is_elsewhere && !model.is_running() {
        hints.push(hint('s', "s", "ssh", Action::Ssh));
    }
}

/// Whether that is Ctrl and a letter.
pub(crate) fn is_ctrl(key: &KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

/// Every key, for the page that explains them.
pub(crate) const ALL: [(&str, &str); 25] = [
    ("↑ ↓ j k", "one line up or down"),
    ("PgUp PgDn", "one screen up or down"),
    ("Home End g G", "to the first line, to the last"),
    ("Enter", "look at the instance; fold the group; choose the fleet"),
    ("Esc", "back; away with a search"),
    ("/", "search by name, group, address or how it is doing"),
    ("n", "a new instance of this group: edits the fleet file, asks, applies"),
    ("d", "remove the instance: edits the fleet file, asks, applies"),
    ("u", "another version of the broker of this group, in the same way"),
    ("p", "plan: what would change, and why; recorded for `bear apply`"),
    ("a", "apply: shows the plan, asks, makes it so"),
    ("v", "verify: proves the selected instance or group again"),
    ("V", "verify all"),
    ("D", "destroy the fleet; asks for its name"),
    ("o", "open the dashboard in the browser"),
    ("s", "a shell on the instance, through SSH; its end leads back here"),
    ("l", "the log of the broker, as it is written"),
    ("r", "the run: what it does, or what came of it"),
    ("m", "messages: whatever was told, newest first"),
    ("f", "another fleet"),
    ("Ctrl-C", "during a run: stop when what runs has ended; twice: stop now"),
    ("q", "quit"),
    ("click", "selects; on a key at the bottom, presses it"),
    ("wheel", "scrolls"),
    ("?", "this page"),
];
