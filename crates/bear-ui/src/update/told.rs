//! Told: what comes back from the effects, and the passing of time.

use std::sync::Arc;

use bear_core::event::{Event, What};
use bear_core::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use ratatui::text::Line;

use super::actions::{go, load};
use super::{motion, open};
use crate::data::{Failure, Snapshot};
use crate::effect::Effect;
use crate::message::{Message, Question};
use crate::model::{Dialog, Form, Kind, Model, Page, Run};
use crate::view;

/// How long what is shown may be out of date.
const FRESH: SignedDuration = SignedDuration::from_secs(2);

pub(super) fn told(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Tick(now) => return tick(model, now),
        Message::Loaded(snapshot) => return loaded(model, *snapshot),
        Message::Felt(pulses) => {
            model.feels = false;
            model.pulses = pulses.into_iter().collect();
            arrange(model);
        }
        Message::LookedUp(instance, history) => model.history = Some((instance, *history)),
        Message::Created(file) => {
            model.pages = vec![Page::Fleet];
            model.note(Kind::Note, format!("wrote `{file}`; a applies it"));
            return load(model, Some(file));
        }
        Message::Planned(plan) => planned(model, plan),
        Message::Asked(question) => asked(model, question),
        Message::Happened(event) => happened(model, &event),
        Message::Finished => return finished(model),
        Message::Note(text) => model.note(Kind::Note, text),
        Message::Warning(text) => model.note(Kind::Warning, text),
        Message::Line(instance, line) => {
            if *model.page() == Page::Log(instance) {
                model.log.push(line);
            }
        }
        Message::Failed(failure) => failed(model, failure),
        Message::Key(_) | Message::Mouse(_) | Message::Pasted(_) | Message::Resized(..) => {}
    }
    Vec::new()
}

fn tick(model: &mut Model, now: Timestamp) -> Vec<Effect> {
    model.now = now.max(model.now);
    let is_due = model.now.duration_since(model.asked) >= FRESH;
    if !is_due || model.waits || model.feels {
        return Vec::new();
    }
    // A file that could not be read may be right by now.
    let file = model.fleet.as_ref().map(|fleet| fleet.file.clone()).or_else(|| model.chosen.clone());
    load(model, file)
}

fn loaded(model: &mut Model, snapshot: Snapshot) -> Vec<Effect> {
    let is_first = !std::mem::replace(&mut model.loaded, true);
    model.waits = false;
    model.asked = model.now;
    model.files = snapshot.files;
    model.trouble = snapshot.failure;
    let was = model.fleet.take().and_then(|fleet| model.rows.name(&fleet).map(str::to_owned));
    model.fleet = snapshot.fleet;
    forget_pages(model);
    let Some(fleet) = &model.fleet else {
        if model.trouble.is_none() && is_first {
            if model.files.is_empty() {
                open(model, Dialog::Form(Form::fleet()));
            } else {
                model.pages = vec![Page::Files];
            }
        }
        motion::settle(model);
        return Vec::new();
    };
    if fleet.instances.iter().all(|it| it.recorded.is_none()) {
        model.pulses.clear();
    }
    model.rows.arrange(fleet, &model.pulses, was.as_deref());
    let file = fleet.file.clone();
    motion::settle(model);
    if model.is_deployed() && !model.is_running() && !model.feels {
        model.feels = true;
        return vec![Effect::LookAtHealth { file }];
    }
    Vec::new()
}

/// Leaves the pages of instances that are not there any more.
fn forget_pages(model: &mut Model) {
    let fleet = &model.fleet;
    model.pages.retain(|page| match page {
        Page::Instance(name) | Page::Log(name) => {
            fleet.as_ref().is_some_and(|fleet| fleet.instances.iter().any(|it| it.name == *name))
        }
        _ => true,
    });
    if model.pages.is_empty() {
        model.pages.push(Page::Fleet);
    }
}

fn arrange(model: &mut Model) {
    if let Some(fleet) = &model.fleet {
        let was = model.rows.name(fleet).map(str::to_owned);
        model.rows.arrange(fleet, &model.pulses, was.as_deref());
        motion::settle(model);
    }
}

fn planned(model: &mut Model, plan: Arc<Plan>) {
    model.plan_lines = view::plan_lines(&plan, model.style);
    model.plan = Some(plan);
    go(model, Page::Plan);
}

/// What was told on the way to the question, such as the keys that hosts present, is put below the plan, where there is
/// room for all of it.
fn asked(model: &mut Model, question: Question) {
    let first = model.notes.len().saturating_sub(std::mem::take(&mut model.fresh));
    let notes = model.notes.range(first..).map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n");
    if !notes.trim().is_empty() {
        let begin = model.plan_lines.len() + 1;
        model.plan_lines.push(Line::default());
        model.plan_lines.extend(view::told_lines(&notes, model.size.0));
        if *model.page() != Page::Plan {
            go(model, Page::Plan);
        }
        model.scroll = begin;
    }
    open(model, Dialog::Asked(question, String::new()));
    motion::settle(model);
}

fn happened(model: &mut Model, event: &Event) {
    if let What::RunStarted { operation, steps } = event.what {
        model.run = Some(Run::new(event, operation, steps, model.plan.as_deref()));
        model.pages.retain(|page| *page != Page::Plan);
        go(model, Page::Run);
    }
    if let Some(run) = &mut model.run {
        run.take(event);
    }
}

fn finished(model: &mut Model) -> Vec<Effect> {
    model.job = None;
    // What nobody waits for any more is not asked.
    if matches!(model.dialog, Some(Dialog::Asked(..))) {
        model.dialog = None;
    }
    let file = model.fleet.as_ref().map(|fleet| fleet.file.clone());
    let instance = match model.page() {
        Page::Instance(instance) => Some(instance.clone()),
        _ => None,
    };
    let mut effects = load(model, file.clone());
    effects.extend(file.zip(instance).map(|(file, instance)| Effect::LookUp { file, instance }));
    effects
}

fn failed(model: &mut Model, failure: Failure) {
    let mut text = failure.what.clone();
    for why in failure.why.iter().chain(&failure.help) {
        text = format!("{text}; {why}");
    }
    model.note(Kind::Failure, text);
    // A question comes first: something waits for its answer.
    if !matches!(model.dialog, Some(Dialog::Asked(..))) {
        open(model, Dialog::Failed(failure));
    }
}
