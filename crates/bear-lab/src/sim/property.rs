//! The property: what must hold between any two lives, and in the end, of the world, the state and the disk together.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bear_core::state::v1::{FoundationPhase, Phase, State};
use bear_engine::StoreError;
use bear_engine::store::Filesystem;

use super::case::Command;
use super::fleet::{Sketch, fleet_name};
use super::gate::Passed;
use super::life::{End, Wanted, folder, look, plan_without_lock};
use super::log::Property;
use super::stage::{Stage, runtime};
use super::witness::FOLDER;
use crate::disk::SimulatedProcess;
use crate::world::{Maker, SimulatedMachine};

/// Which property an error of the store speaks against, where nothing was wrong that explains it.
pub(super) fn of_error(error: &StoreError) -> Property {
    match error {
        StoreError::Snapshot { .. }
        | StoreError::Journal { .. }
        | StoreError::SnapshotMissing { .. }
        | StoreError::OtherFleet { .. }
        | StoreError::Unsettled { .. } => Property::Unreadable,
        StoreError::NoSnapshot { .. } | StoreError::OtherLineage { .. } => Property::History,
        StoreError::LockLost { .. } | StoreError::Changed { .. } => Property::UnheldLock,
        _ => Property::Refused,
    }
}

/// The end of a life in a line.
pub(super) fn in_short(end: &End) -> String {
    match end {
        End::Nothing => "with nothing to do".to_owned(),
        End::Refused(why) => format!("refused: {why}"),
        End::Restored => "restored".to_owned(),
        End::Imported(marked) => format!("imported: {marked}"),
        End::Ran(summary) => format!("ok: {}, interrupted: {}", summary.ok, summary.interrupted),
        End::Stopped(error) => format!("stopped: {error}"),
    }
}

/// Somebody reads the state without the lock, at any moment.
pub(super) fn read_without_lock(stage: &Stage<'_>, process: &SimulatedProcess) {
    stage.log.count(|coverage| coverage.reads += 1);
    if process.is_dead() {
        return;
    }
    match folder(process).load() {
        Ok(Some(loaded)) => stage.witness.goes_on(&loaded.state),
        Ok(None) if !stage.witness.has_promise() => {}
        Ok(None) => stage.log.violated(Property::Unreadable, "the state is gone"),
        Err(error) => stage.log.violated(of_error(&error), error),
    }
}

/// What must hold whenever no bear lives.
pub(super) fn between_lives(stage: &Stage<'_>) {
    stage.disk.mend();
    let process = stage.disk.process();
    read_without_lock(stage, &process);
    let recorded = folder(&process).load().ok().flatten().map(|loaded| loaded.state);
    let recorded = recorded.unwrap_or_else(|| State::new(fleet_name(), String::new()));
    for name in stage.world.forgotten(&recorded) {
        stage
            .log
            .violated(Property::Forgotten, format_args!("the state knows nothing of a machine of {name}"));
    }
    for scandal in stage.world.scandals() {
        stage.log.violated(Property::Twice, scandal);
    }
    let machines = stage.world.machines();
    for (name, recorded) in recorded.instances.iter().filter(|(_, it)| it.phase == Phase::Verified) {
        let address = recorded.machine.as_ref().map(|machine| machine.address.as_str());
        match machines.get(&recorded.token) {
            Some(machine) if !machine.meddled && !is_as_recorded(machine, address, &recorded.spec) => {
                stage.log.violated(Property::Unproven, format_args!("{name} is not as it was recorded"));
            }
            None if !stage.world.was_lost(&recorded.token) => {
                stage
                    .log
                    .violated(Property::Unproven, format_args!("{name} is verified, and has no machine"));
            }
            _ => {}
        }
    }
}

fn is_as_recorded(machine: &SimulatedMachine, address: Option<&str>, spec: &bear_core::fleet::Spec) -> bool {
    let is_so = machine.broker.as_ref().is_some_and(|broker| {
        broker.running && broker.spec == *spec && broker.proven_at.as_deref() == address
    });
    is_so && !machine.stopped && address == Some(machine.address.as_str())
}

/// What must hold once the faults have stopped.
pub(super) fn in_the_end(stage: &Stage<'_>) {
    let last = &stage.case.last;
    let sketch = match last {
        Command::Apply { fleet, .. } => fleet.clone(),
        _ => Sketch::default(),
    };
    let wanted = match last {
        Command::Apply { .. } => Wanted::of(&sketch),
        _ => Wanted::nothing(),
    };
    is_put_right(stage, last, &wanted);
    if let Some(back) = stage.case.restored.filter(|_| !stage.log.is_violated()) {
        let passed = stage.live_well(&Command::Restore(back));
        if !matches!(passed, Passed::Ended(End::Restored | End::Nothing)) {
            stage.log.violated(Property::History, "a kept state could not be restored");
        }
        between_lives(stage);
        if !stage.log.is_violated() {
            is_put_right(stage, last, &wanted);
        }
    }
}

/// One life without faults makes everything as it is wanted, and leaves nothing to do.
fn is_put_right(stage: &Stage<'_>, last: &Command, wanted: &Wanted) {
    let mut passed = stage.live_well(last);
    if matches!(passed, Passed::Ended(End::Refused("moved"))) {
        // Machines don't move to another network. So the user does what bear says.
        expect_well(stage, &stage.live_well(&Command::Destroy { only: Vec::new() }));
        passed = stage.live_well(last);
    }
    expect_well(stage, &passed);
    between_lives(stage);
    stage.world.settle();
    if stage.log.is_violated() {
        return;
    }
    is_as_wanted(stage, wanted);
    folder_is_tidy(stage);
    runtime().block_on(nothing_is_left_to_do(stage, wanted));
}

fn expect_well(stage: &Stage<'_>, passed: &Passed<End>) {
    match passed {
        Passed::Ended(End::Nothing) => {}
        Passed::Ended(End::Ran(summary)) if summary.ok => {}
        Passed::Ended(End::Ran(_)) => {
            stage.log.violated(Property::Diverged, "a run without faults did not succeed");
        }
        Passed::Ended(End::Stopped(error)) => stage.log.violated(of_error(error), error),
        Passed::Ended(end) => stage.log.violated(Property::Refused, in_short(end)),
        Passed::Died { .. } => stage.log.violated(Property::Panicked, "died in fair weather"),
        Passed::Panicked(said) => stage.log.violated(Property::Panicked, said),
    }
}

/// The world and the state are as the fleet wants them.
pub(super) fn is_as_wanted(stage: &Stage<'_>, wanted: &Wanted) {
    let diverged = |what: String| stage.log.violated(Property::Diverged, what);
    stage.world.differences(&wanted.instances).into_iter().for_each(diverged);
    let process = stage.disk.process();
    let loaded = folder(&process).load().ok().flatten();
    let known = loaded.map(|loaded| loaded.state);
    let machines = stage.world.machines();
    for (name, recorded) in known.iter().flat_map(|known| &known.instances) {
        let as_wanted = wanted.instances.iter().any(|it| it.name == *name && *it.spec == recorded.spec);
        if recorded.phase != Phase::Verified || !as_wanted {
            stage.log.violated(Property::Diverged, format_args!("{name} is recorded as {}", recorded.phase));
        }
        let address = recorded.machine.as_ref().map(|machine| machine.address.as_str());
        let machine = machines.get(&recorded.token);
        if !machine.is_some_and(|machine| is_as_recorded(machine, address, &recorded.spec)) {
            stage.log.violated(Property::Unproven, format_args!("{name} is not proven as it is recorded"));
        }
    }
    let shared = wanted.foundation.iter().filter(|_| !wanted.instances.is_empty());
    let shared = shared.map(|it| (it.region.clone(), it.clone())).collect::<BTreeMap<_, _>>();
    let recorded = known.iter().flat_map(|known| &known.foundations);
    let recorded = recorded.filter(|(_, recorded)| recorded.phase == FoundationPhase::Laid);
    let recorded = recorded.map(|(region, it)| (region.clone(), it.foundation.clone()));
    if recorded.collect::<BTreeMap<_, _>>() != shared {
        stage.log.violated(Property::Diverged, "the foundations are recorded otherwise");
    }
    let there = stage.world.foundations().into_iter().filter(|(_, it)| !it.meddled);
    if there.map(|(region, it)| (region, it.foundation)).collect::<BTreeMap<_, _>>() != shared {
        stage.log.violated(Property::Diverged, "the foundations are not as wanted");
    }
}

/// Nothing temporary is left in the folder, the journal is folded, and every kept state can be read.
pub(super) fn folder_is_tidy(stage: &Stage<'_>) {
    let process = stage.disk.process();
    for (folder, known) in [
        (FOLDER.to_owned(), &["state.json", "journal.ndjson", "lock", "history"][..]),
        (format!("{FOLDER}/history"), &[]),
    ] {
        let names = process.list(Path::new(&folder)).unwrap_or_default();
        for name in names.iter().map(|name| name.to_string_lossy()) {
            let is_kept = folder.ends_with("history") && name.ends_with(".json");
            if !known.contains(&&*name) && !is_kept {
                stage.log.violated(Property::Leftovers, format_args!("{folder}/{name} was left behind"));
            }
        }
    }
    for file in ["journal.ndjson", "lock"] {
        if stage.disk.read(format!("{FOLDER}/{file}")).is_some_and(|text| !text.is_empty()) {
            stage.log.violated(Property::Leftovers, format_args!("{file} is not empty after a clean run"));
        }
    }
    let folder = folder(&process);
    let serial = folder.load().ok().flatten().map(|loaded| loaded.state.serial);
    match folder.snapshots() {
        Ok(kept) => {
            if kept.iter().any(|entry| entry.instances.is_none()) {
                stage.log.violated(Property::History, "a kept state can't be read");
            }
            if kept.last().map(|entry| entry.serial) != serial {
                stage.log.violated(Property::History, "the present state is not among those that are kept");
            }
        }
        Err(error) => stage.log.violated(Property::History, error),
    }
}

/// The next plan says: no change. And it tells of every stray.
pub(super) async fn nothing_is_left_to_do(stage: &Stage<'_>, wanted: &Wanted) {
    let folder = folder(&stage.disk.process());
    let planned = plan_without_lock(&stage.world, &folder, wanted, &stage.log).await;
    if let Some(planned) = planned.filter(|planned| !planned.plan.is_empty()) {
        let what = planned.plan.changes.first().map(|change| {
            let why = change.reasons.first().map(|reason| reason.field.clone()).unwrap_or_default();
            format!("{:?} {} because of {why}", change.action, change.instance)
        });
        let what = what.unwrap_or_else(|| "something is to be done about a foundation".to_owned());
        stage.log.violated(Property::NotEmptyPlan, what);
    }
    let Some(loaded) = folder.load().ok().flatten() else { return };
    let observed = look(&stage.world, &loaded.state).await;
    for machine in stage.world.machines().values().filter(|machine| machine.maker == Maker::Stranger) {
        if !observed.strays.iter().any(|stray| stray.id == machine.id) {
            stage.log.violated(Property::Forgotten, format_args!("nobody tells of the stray {}", machine.id));
        }
    }
    tokio::time::sleep(Duration::ZERO).await;
}
