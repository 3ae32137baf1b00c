//! Reading: which log is followed, and when the fleets of the project are looked at. Both follow from the page that is
//! shown.

use jiff::SignedDuration;

use crate::effect::Effect;
use crate::model::{Model, Page};

/// How long a log that can't be read is left alone.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How long what was found out about other fleets may be out of date.
const FRESH: SignedDuration = SignedDuration::from_secs(5);

/// What has to be read from now on, or not any more.
pub(super) fn settle(model: &mut Model) -> Option<Effect> {
    follow(model).or_else(|| survey(model))
}

fn follow(model: &mut Model) -> Option<Effect> {
    let instance = model.visited().filter(|name| has_log(model, name));
    if instance != model.log.of() {
        let instance = instance.cloned();
        model.log.turn_to(instance);
        return Some(read(model).unwrap_or(Effect::Unfollow));
    }
    let is_due = model.log.ended.is_some_and(|ended| model.now.duration_since(ended) >= AGAIN);
    if is_due {
        model.log.read_again();
        return read(model);
    }
    None
}

fn has_log(model: &Model, name: &bear_core::name::InstanceName) -> bool {
    let instances = model.fleet.iter().flat_map(|fleet| &fleet.instances);
    instances.into_iter().find(|it| it.name == *name).is_some_and(crate::data::Instance::has_log)
}

fn read(model: &Model) -> Option<Effect> {
    let file = model.fleet.as_ref()?.file.clone();
    Some(Effect::Follow { file, instance: model.log.of()?.clone(), reading: model.log.reading })
}

fn survey(model: &mut Model) -> Option<Effect> {
    let is_old = |asked| model.now.duration_since(asked) >= FRESH;
    let is_due =
        *model.page() == Page::Files && !model.surveys.waits && model.surveys.asked.is_none_or(is_old);
    if !is_due || model.files.is_empty() {
        return None;
    }
    model.surveys.asked = Some(model.now);
    model.surveys.waits = true;
    model.surveys.keep(&model.files);
    Some(Effect::Survey { files: model.files.clone() })
}
