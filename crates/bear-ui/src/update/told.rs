//! Told: what comes back from the effects, and the passing of time.

use std::collections::HashSet;
use std::sync::Arc;

use bear_core::event::{Event, What};
use bear_core::fleet::model::ProviderKind;
use bear_core::name::InstanceName;
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
        Message::Surveyed(survey) => model.surveys.take(*survey),
        Message::SurveyEnded => model.surveys.waits = false,
        Message::Created { file, provider } => {
            model.pages = vec![Page::Fleet];
            let before = match provider {
                ProviderKind::Local => "",
                ProviderKind::Hosts => "put the addresses of your hosts in it, then ",
                ProviderKind::Aws => "put your own address in it as `operators`, then ",
            };
            model.note(Kind::Note, format!("wrote `{file}`; {before}a applies it"));
            return load(model, Some(file));
        }
        Message::Planned(plan) => planned(model, plan),
        Message::Asked(question) => asked(model, question),
        Message::Begins(progress) => model.ahead = *progress,
        Message::Happened(event) => happened(model, &event),
        Message::Finished => return finished(model),
        Message::Note(text) => model.note(Kind::Note, text),
        Message::Warning(text) => model.note(Kind::Warning, text),
        Message::Reached(instance) => {
            if model.reaches.take_if(|wanted| *wanted == instance).is_some() {
                return vec![Effect::Shell(instance)];
            }
        }
        Message::Line { reading, line } => {
            if reading == model.log.reading {
                model.log.push(line);
            }
        }
        Message::LogEnded { reading, failure } => {
            if reading == model.log.reading {
                model.log.end(model.now, failure);
                motion::settle(model);
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
    trouble(model, snapshot.failure, snapshot.fleet.is_some());
    let proven = proven(model);
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
    let mut effects = Vec::new();
    // What changed the instance whose page is shown is in its history by now.
    let now = self::proven(model);
    if let Some((instance, _)) = now.clone().filter(|_| now != proven && !is_first && !model.is_running()) {
        effects.push(Effect::LookUp { file: file.clone(), instance });
    }
    if model.is_deployed() && !model.is_running() && !model.feels {
        model.feels = true;
        effects.push(Effect::LookAtHealth { file });
    }
    effects
}

/// The instance whose page is shown or leads to the one that is, and since when it is how it is.
fn proven(model: &Model) -> Option<(InstanceName, Option<Timestamp>)> {
    let name = model.visited()?;
    let instance = model.fleet.as_ref()?.instances.iter().find(|it| it.name == *name)?;
    Some((name.clone(), instance.recorded.as_ref().map(|recorded| recorded.since)))
}

/// Takes note of why the fleet can't be shown as its file says. Where something else is shown, the bottom has room for
/// one line of that alone.
fn trouble(model: &mut Model, failure: Option<Failure>, is_shown: bool) {
    let is_new = failure != model.trouble;
    if let Some(failure) = failure.as_ref().filter(|_| is_new && is_shown) {
        model.note(Kind::Failure, in_one(failure));
    }
    model.trouble = failure;
}

/// Leaves the pages of instances that are not there any more.
fn forget_pages(model: &mut Model) {
    let instances = model.fleet.iter().flat_map(|fleet| &fleet.instances);
    let names = instances.map(|instance| &instance.name).collect::<HashSet<_>>();
    let mut gone = None;
    model.pages.retain(|page| match page {
        Page::Instance(name) | Page::Log(name) if !names.contains(name) => {
            gone = Some(name.clone());
            false
        }
        _ => true,
    });
    if model.pages.is_empty() {
        model.pages.push(Page::Fleet);
    }
    if let Some(name) = gone.filter(|_| model.fleet.is_some()) {
        model.note(Kind::Note, format!("{name} is gone: neither wanted nor there any more"));
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
    model.plan = Some(plan);
    model.told.clear();
    lay_out(model);
    go(model, Page::Plan);
}

/// Lays out the plan for the width of the screen, with what was told about it.
pub(super) fn lay_out(model: &mut Model) {
    let width = model.size.0;
    let plan = model.plan.as_ref().map(|plan| view::plan_lines(plan, model.style, width));
    model.plan_lines = plan.unwrap_or_default();
    if !model.told.is_empty() {
        model.plan_lines.push(Line::default());
        model.plan_lines.extend(view::told_lines(&model.told, width));
    }
}

/// What was told on the way to the question, such as the keys that hosts present, is put below the plan, where there is
/// room for all of it.
fn asked(model: &mut Model, question: Question) {
    let first = model.notes.len().saturating_sub(std::mem::take(&mut model.fresh));
    let notes = model.notes.range(first..).map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n");
    if !notes.trim().is_empty() {
        let begin = model.plan_lines.len() + 1;
        let gap = if model.told.is_empty() { "" } else { "\n\n" };
        model.told = format!("{}{gap}{notes}", model.told);
        lay_out(model);
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
        let progress = std::mem::take(&mut model.ahead);
        model.run = Some(Run::new(event, (operation, steps), model.plan.as_deref(), progress));
        model.pages.retain(|page| *page != Page::Plan);
        go(model, Page::Run);
    }
    if let Some(run) = &mut model.run {
        run.take(event);
    }
}

fn finished(model: &mut Model) -> Vec<Effect> {
    model.job = None;
    if let Some(run) = &mut model.run {
        run.close();
    }
    // What nobody waits for any more is not asked.
    if matches!(model.dialog, Some(Dialog::Asked(..))) {
        model.dialog = None;
    }
    let file = model.fleet.as_ref().map(|fleet| fleet.file.clone());
    let instance = model.visited().cloned();
    let mut effects = load(model, file.clone());
    effects.extend(file.zip(instance).map(|(file, instance)| Effect::LookUp { file, instance }));
    effects
}

/// A failure as one text: what, why, and what to do next.
fn in_one(failure: &Failure) -> String {
    let parts = [&failure.what].into_iter().chain(&failure.why).chain(&failure.help);
    parts.map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn failed(model: &mut Model, failure: Failure) {
    model.reaches = None;
    model.note(Kind::Failure, in_one(&failure));
    // A question comes first: something waits for its answer.
    if !matches!(model.dialog, Some(Dialog::Asked(..))) {
        open(model, Dialog::Failed(failure));
    }
}
