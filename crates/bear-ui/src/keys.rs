//! Keys: which there are on the page that is shown, what each does, and why one does nothing now. The hints at the
//! bottom, a click on one of them, the page of help and the key itself all go by this one list.

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
    Turn,
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

/// A key as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) key: KeyCode,
    /// Its name.
    pub(crate) shown: &'static str,
    /// What it does, in a word.
    pub(crate) word: &'static str,
    pub(crate) action: Action,
}

/// A key of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) hint: Hint,
    /// What it does, for the page of help.
    pub(crate) meaning: &'static str,
    /// Why it does nothing now.
    pub(crate) refused: Option<&'static str>,
    /// Whether it is left to the page of help to tell of it.
    pub(crate) is_quiet: bool,
}

impl Key {
    const fn new(key: KeyCode, shown: &'static str, word: &'static str, action: Action) -> Self {
        let hint = Hint { key, shown, word, action };
        Self { hint, meaning: word, refused: None, is_quiet: false }
    }

    const fn letter(key: char, shown: &'static str, word: &'static str, action: Action) -> Self {
        Self::new(KeyCode::Char(key), shown, word, action)
    }

    const fn means(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// The key, which does nothing if there is a reason; where there are several, the first counts.
    fn unless(self, reason: Option<&'static str>) -> Self {
        Self { refused: self.refused.or(reason), ..self }
    }
}

const BUSY: &str = "one thing at a time: wait for what goes on to end";
const NO_FILE: &str = "the fleet file can't be read; m tells why";
const NOT_MADE: &str = "it is not made yet; a makes it";
const NOTHING_MADE: &str = "nothing of the fleet is made yet; a makes it";
const NO_INSTANCE: &str = "choose an instance for that, not a group";

const HELP: Key = Key::letter('?', "?", "help", Action::Help).means("this page");
const QUIT: Key = Key::letter('q', "q", "quit", Action::Quit);
const BACK: Key = Key::new(KeyCode::Esc, "Esc", "back", Action::Back).means("back to the page before");
const STOP: Key = Key::new(KeyCode::Null, "^C", "stop", Action::Stop)
    .means("stop the run once the steps that run have ended; a second time: at once");
const SEARCH: Key = Key::letter('/', "/", "search", Action::Search);

/// What is possible now, in the order in which it is shown.
pub(crate) fn possible(model: &Model) -> Vec<Hint> {
    if let Some(dialog) = &model.dialog {
        return in_dialog(dialog);
    }
    if model.searches {
        return vec![key(KeyCode::Enter, "Enter", "keep"), key(KeyCode::Esc, "Esc", "no search")];
    }
    let keys = of_page(model).into_iter();
    keys.filter(|key| key.refused.is_none() && !key.is_quiet).map(|key| key.hint).collect()
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

/// The keys of the page that is shown, whether or not they do something now.
pub(crate) fn of_page(model: &Model) -> Vec<Key> {
    let mut keys = Vec::new();
    if model.is_running() {
        keys.push(STOP);
    }
    match model.page() {
        Page::Fleet if model.fleet.is_some() => on_fleet(model, &mut keys),
        Page::Fleet => {
            let looking = (!model.loaded).then_some("bear still looks what there is");
            keys.push(new_fleet(model).unless(looking));
            keys.push(fleets(model));
        }
        Page::Instance(_) => on_instance(model, &mut keys),
        Page::Files => {
            let enter = Key::new(KeyCode::Enter, "Enter", "choose", Action::Enter);
            keys.push(
                enter.means("show the fleet").unless(model.files.is_empty().then_some("there is none yet")),
            );
            keys.push(new_fleet(model));
        }
        Page::Plan => keys.push(
            Key::letter('a', "a", "apply", Action::Apply)
                .means("apply: plans once more, asks, makes it so")
                .unless(busy(model))
                .unless((!model.has_changes()).then_some("there is nothing to change")),
        ),
        Page::Log(_) => keys.push(SEARCH.means("show only the lines with some text")),
        Page::Run => {
            keys.push(quiet(apply(model)));
            keys.extend(told(model).into_iter().filter(|key| key.hint.action == Action::Messages).map(quiet));
        }
        Page::Messages => {}
    }
    keys.push(if model.pages.len() > 1 { BACK } else { QUIT });
    keys.push(HELP);
    keys
}

fn on_fleet(model: &Model, keys: &mut Vec<Key>) {
    let enter = |word| Key::new(KeyCode::Enter, "Enter", word, Action::Enter);
    match model.rows.selected() {
        Some(Row::Instance(_)) => keys.push(enter("look at it").means("the page of the instance")),
        Some(Row::Group(_)) => keys.push(enter("fold").means("fold the group, or unfold it")),
        None => {}
    }
    keys.push(
        Key::letter('p', "p", "plan", Action::Plan)
            .means("plan: what would change, and why; recorded for `bear apply`")
            .unless(busy(model)),
    );
    keys.push(apply(model));
    of_selected(model, keys);
    let unmade = (!model.is_deployed()).then_some(NOTHING_MADE);
    keys.push(
        Key::letter('V', "V", "verify all", Action::VerifyAll)
            .means("verify all: proves every broker again")
            .unless(busy(model))
            .unless(unmade),
    );
    keys.push(
        Key::letter('D', "D", "destroy", Action::Destroy)
            .means("destroy the fleet; asks for its name")
            .unless(busy(model))
            .unless(unmade),
    );
    keys.push(SEARCH.means("search by name, group, address, broker, or how it is doing"));
    keys.extend(told(model));
    keys.push(fleets(model));
}

/// The keys for what was told.
fn told(model: &Model) -> [Key; 2] {
    [
        Key::letter('r', "r", "run", Action::Run)
            .means("the run: what it does, or what came of it")
            .unless(model.run.is_none().then_some("there was no run since bear ui began")),
        Key::letter('m', "m", "messages", Action::Messages)
            .means("messages: whatever was told, newest first")
            .unless(model.notes.is_empty().then_some("nothing was told yet")),
    ]
}

fn on_instance(model: &Model, keys: &mut Vec<Key>) {
    if model.has_log() {
        let word = if model.in_log { "scroll page" } else { "scroll log" };
        let tab = Key::new(KeyCode::Tab, "Tab", word, Action::Turn);
        keys.push(tab.means("scroll the log by the keys that move; again: the page above it"));
    }
    keys.push(apply(model));
    of_selected(model, keys);
    let no_log = (!model.has_log()).then_some("there is no log yet");
    let search = SEARCH.means("show only the lines of the log with some text").unless(no_log);
    keys.push(Key { is_quiet: !model.in_log, ..search });
    keys.extend(told(model).map(quiet));
}

fn quiet(key: Key) -> Key {
    Key { is_quiet: true, ..key }
}

fn apply(model: &Model) -> Key {
    Key::letter('a', "a", "apply", Action::Apply)
        .means("apply: shows the plan, asks, makes it so")
        .unless(busy(model))
}

fn new_fleet(model: &Model) -> Key {
    Key::letter('n', "n", "new fleet", Action::New).means("a new fleet: writes its file").unless(busy(model))
}

fn fleets(model: &Model) -> Key {
    let key = Key::letter('f', "f", "fleets", Action::Fleets)
        .means("the fleets of the project: another one, or a new one")
        .unless(busy(model));
    Key { is_quiet: model.files.len() < 2, ..key }
}

fn busy(model: &Model) -> Option<&'static str> {
    (!model.is_free()).then_some(BUSY)
}

/// The keys for the group or instance that is selected.
fn of_selected(model: &Model, keys: &mut Vec<Key>) {
    if model.group().is_none() {
        return;
    }
    of_instance(model, keys);
    let not_edited = busy(model).or_else(|| not_edited(model));
    keys.push(
        Key::letter('n', "n", "new", Action::New)
            .means("a new instance of this group: edits the fleet file, asks, applies")
            .unless(not_edited),
    );
    keys.push(
        Key::letter('d', "d", "remove", Action::Remove)
            .means("remove: the member, or the last of a group with a count; edits, asks, applies")
            .unless(not_edited)
            .unless(not_removed(model)),
    );
    keys.push(
        Key::letter('u', "u", "upgrade", Action::Upgrade)
            .means("another version of the broker of this group: edits the fleet file, asks, applies")
            .unless(not_edited)
            .unless(
                (!model.has_version())
                    .then_some("the embedded broker is part of bear: its version is bear's"),
            ),
    );
    keys.push(
        Key::letter('v', "v", "verify", Action::Verify)
            .means("verify: proves the instance or group again")
            .unless(busy(model))
            .unless((!model.selected_is_deployed()).then_some(NOT_MADE)),
    );
}

/// Why the file can't be edited where the selected group stands.
fn not_edited(model: &Model) -> Option<&'static str> {
    let is_gone = model.group().is_some_and(|group| group.members == Members::Gone);
    match (&model.trouble, is_gone) {
        (Some(_), _) => Some(NO_FILE),
        (None, true) => Some("its group is not in the fleet file any more; a destroys it"),
        (None, false) => None,
    }
}

fn not_removed(model: &Model) -> Option<&'static str> {
    match (model.group()?.members, model.instance()) {
        _ if model.can_remove() => None,
        (Members::Named, None) => Some("choose the member that shall go"),
        (Members::Named, Some(_)) => Some("the file does not want it any more; a destroys it"),
        _ => Some("there is none to remove"),
    }
}

/// The keys for what an instance has.
fn of_instance(model: &Model, keys: &mut Vec<Key>) {
    let instance = model.instance();
    let without = |reason: fn(&Instance, &Model) -> Option<&'static str>| match instance {
        None => Some(NO_INSTANCE),
        Some(instance) if instance.recorded.is_none() => Some(NOT_MADE),
        Some(instance) => reason(instance, model),
    };
    keys.push(
        Key::letter('l', "l", "log", Action::Log)
            .means("the log of the broker on the whole page, as it is written")
            .unless(without(|instance, _| {
                (!instance.has_log()).then_some("no broker is installed there yet")
            })),
    );
    keys.push(
        Key::letter('o', "o", "open", Action::Open)
            .means("open the dashboard in the browser")
            .unless(without(|instance, _| no_dashboard(instance))),
    );
    keys.push(
        Key::letter('s', "s", "ssh", Action::Ssh)
            .means("a shell on the instance, through SSH; its end leads back here")
            .unless(without(no_shell)),
    );
}

fn no_dashboard(instance: &Instance) -> Option<&'static str> {
    let Some(installed) = &instance.recorded.as_ref()?.installed else {
        return Some("no broker is installed there yet");
    };
    installed.ports.dashboard.is_none().then_some("its broker has no dashboard")
}

fn no_shell(instance: &Instance, model: &Model) -> Option<&'static str> {
    if instance.spec.provider == ProviderKind::Local {
        return Some("it runs on this machine, so there is nothing to log in to");
    }
    if instance.recorded.as_ref().is_none_or(|recorded| recorded.machine.is_none()) {
        return Some("it has no machine yet");
    }
    // A run that nobody looks at for long would wait to be looked at.
    model.is_running().then_some(BUSY)
}

/// Whether that is Ctrl and a letter.
pub(crate) fn is_ctrl(key: &KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}
