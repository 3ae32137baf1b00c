//! Actions: what a key does that is possible now.

use bear_core::fleet::Edit;
use bear_core::name::{GroupName, MemberName};

use super::{dialogs, motion, open};
use crate::data::Members;
use crate::effect::Effect;
use crate::keys::Action;
use crate::message::Question;
use crate::model::{Dialog, Form, Kind, Model, Page, Row};

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Enter => return enter(model),
        Action::Back => back(model),
        Action::New => return new(model),
        Action::Remove => return remove(model),
        Action::Upgrade => upgrade(model),
        Action::Verify | Action::VerifyAll => return verify(model, action == Action::VerifyAll),
        Action::Open => return on_instance(model, |file, instance| Effect::OpenBrowser { file, instance }),
        Action::Ssh => {
            model.reaches = model.instance().map(|instance| instance.name.clone());
            return on_instance(model, |file, instance| Effect::Reach { file, instance });
        }
        Action::Log => {
            if let Some(instance) = model.instance().map(|instance| instance.name.clone()) {
                go(model, Page::Log(instance));
            }
        }
        Action::Plan => return start(model, "planning", |file| Effect::Plan { file }),
        Action::Apply => return start(model, "planning", |file| Effect::Apply { file }),
        Action::Destroy => return start(model, "planning", |file| Effect::Destroy { file }),
        Action::Run => go(model, Page::Run),
        Action::Messages => go(model, Page::Messages),
        Action::Search => {
            model.searches = true;
            model.in_log = true;
        }
        Action::Turn => model.in_log = !model.in_log,
        Action::Fleets => fleets(model),
        Action::Stop => return stop(model),
        Action::Help => open(model, Dialog::Help),
        Action::Quit => return quit(model),
        // Whatever lies above the page takes its keys itself.
        Action::Dialog => {}
    }
    Vec::new()
}

/// Goes to a page; the way back leads here.
pub(super) fn go(model: &mut Model, page: Page) {
    model.pages.retain(|other| *other != page);
    model.pages.push(page);
    model.scroll = 0;
    model.in_log = false;
}

/// Goes to the fleets of the project; the one that is shown is selected.
fn fleets(model: &mut Model) {
    let shown = model.fleet.as_ref().map(|fleet| &fleet.file).or(model.chosen.as_ref());
    model.file = shown.and_then(|shown| model.files.iter().position(|file| file == shown)).unwrap_or(0);
    go(model, Page::Files);
}

fn enter(model: &mut Model) -> Vec<Effect> {
    if *model.page() == Page::Files {
        let Some(file) = model.files.get(model.file).cloned() else { return Vec::new() };
        model.pages = vec![Page::Fleet];
        model.pulses.clear();
        return load(model, Some(file));
    }
    let Some(fleet) = &model.fleet else { return Vec::new() };
    match model.rows.selected() {
        Some(Row::Group(index)) => {
            if let Some(group) = fleet.groups.get(index) {
                let name = group.name.clone();
                model.rows.fold(&name);
                model.rows.arrange(fleet, &model.pulses, Some(name.as_str()));
                motion::settle(model);
            }
            Vec::new()
        }
        Some(Row::Instance(_)) => {
            let Some(instance) = model.instance().map(|instance| instance.name.clone()) else {
                return Vec::new();
            };
            let file = fleet.file.clone();
            go(model, Page::Instance(instance.clone()));
            vec![Effect::LookUp { file, instance }]
        }
        None => Vec::new(),
    }
}

fn back(model: &mut Model) {
    if model.pages.len() > 1 {
        model.pages.pop();
    }
    model.scroll = 0;
}

/// Asks outside what there is.
pub(super) fn load(model: &mut Model, file: Option<String>) -> Vec<Effect> {
    model.waits = true;
    model.asked = model.now;
    model.chosen.clone_from(&file);
    vec![Effect::Load { file }]
}

/// Begins something that takes its time, of which there is one at a time.
fn start(model: &mut Model, what: &'static str, effect: impl FnOnce(String) -> Effect) -> Vec<Effect> {
    let Some(fleet) = model.fleet.as_ref().filter(|_| model.is_free()) else { return Vec::new() };
    let effect = effect(fleet.file.clone());
    begin(model, what);
    vec![effect]
}

pub(super) fn begin(model: &mut Model, what: &'static str) {
    model.job = Some(what);
    model.fresh = 0;
    model.plan = None;
    model.told.clear();
    model.plan_lines.clear();
}

fn on_instance(
    model: &mut Model,
    effect: impl FnOnce(String, bear_core::name::InstanceName) -> Effect,
) -> Vec<Effect> {
    let file = model.fleet.as_ref().map(|fleet| fleet.file.clone());
    let instance = model.instance().map(|instance| instance.name.clone());
    file.zip(instance).map(|(file, instance)| effect(file, instance)).into_iter().collect()
}

fn verify(model: &mut Model, all: bool) -> Vec<Effect> {
    let only = match (model.instance(), model.group()) {
        _ if all => Vec::new(),
        (Some(instance), _) => vec![instance.name.to_string()],
        (None, Some(group)) => vec![group.name.to_string()],
        (None, None) => return Vec::new(),
    };
    start(model, "verifying", |file| Effect::Verify { file, only })
}

fn new(model: &mut Model) -> Vec<Effect> {
    if *model.page() == Page::Files || model.fleet.is_none() {
        open(model, Dialog::Form(Form::fleet()));
        return Vec::new();
    }
    let Some((fleet, group)) = model.fleet.as_ref().zip(model.group()) else { return Vec::new() };
    let name = group.name.clone();
    match group.members {
        Members::Count(count) => {
            let edit = Edit::Count { group: name, count: count.saturating_add(1) };
            start(model, "planning", |file| Effect::Edit { file, edit })
        }
        Members::Named => {
            let form = Form::member(name, fleet.provider);
            open(model, Dialog::Form(form));
            Vec::new()
        }
        Members::Gone => Vec::new(),
    }
}

fn remove(model: &mut Model) -> Vec<Effect> {
    let Some(group) = model.group() else { return Vec::new() };
    let name = group.name.clone();
    let edit = match group.members {
        Members::Count(count) if count > 0 => {
            say_who_goes(model, &name, count);
            Edit::Count { group: name, count: count - 1 }
        }
        Members::Named => match member(model, &name) {
            Some(member) => Edit::RemoveMember { group: name, member },
            None => return Vec::new(),
        },
        Members::Count(_) | Members::Gone => return Vec::new(),
    };
    start(model, "planning", |file| Effect::Edit { file, edit })
}

/// A group with a count shrinks at its end, whichever instance is selected.
fn say_who_goes(model: &mut Model, group: &GroupName, count: u32) {
    let ending = format!("-{group}-{count}");
    if model.instance().is_some_and(|instance| !instance.name.as_str().ends_with(&ending)) {
        let text = format!("group {group} has a count, so its last instance goes; members can go one by one");
        model.note(Kind::Note, text);
    }
}

/// The name of the selected instance within its group.
fn member(model: &Model, group: &GroupName) -> Option<MemberName> {
    let prefix = format!("{}-{group}-", model.fleet.as_ref()?.name);
    MemberName::new(model.instance()?.name.as_str().strip_prefix(&prefix)?).ok()
}

fn upgrade(model: &mut Model) {
    let Some((group, version)) = model.group().zip(model.version()) else { return };
    let form = Form::version(group.name.clone(), version);
    open(model, Dialog::Form(form));
}

/// Ctrl-C: no to a question, a run that stops, or the end.
pub(super) fn stop(model: &mut Model) -> Vec<Effect> {
    match &model.dialog {
        Some(Dialog::Asked(..)) => dialogs::answer(model, String::new()),
        Some(_) => {
            model.dialog = None;
            Vec::new()
        }
        None if model.is_running() => vec![Effect::Interrupt],
        None => vec![Effect::Quit],
    }
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if model.is_running() {
        model.note(Kind::Warning, "a run goes on: Ctrl-C stops it, then q leaves".to_owned());
        return Vec::new();
    }
    vec![Effect::Quit]
}

/// Whether that question is one that a letter answers.
pub(super) fn is_yes_or_no(question: &Question) -> bool {
    matches!(question, Question::YesNo(_))
}
