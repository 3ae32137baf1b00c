//! Each part of the property fails on a violation made by hand; the simulator runs the same case the same way, and
//! makes it smaller.

use std::collections::BTreeSet;
use std::path::Path;

use bear_core::event::{Event, Operation, StepRef, VERSION, What};
use bear_core::plan::{Plan, Resource, StepKind};
use bear_core::state::v1::{Record, State};
use bear_engine::clock::Clock;
use bear_engine::store::{Filesystem, Open};
use bear_provider::{CreateRequest, Provider};
use jiff::Timestamp;

use super::case::{Case, Command, Scene};
use super::fleet::{Sketch, Traits, fleet_name, name};
use super::gate::{Gate, Passed};
use super::life::{End, Wanted, look, plan};
use super::log::Property;
use super::property;
use super::shrink::{elements, shrink};
use super::stage::{Stage, runtime};
use super::witness::FOLDER;
use crate::clock::SimulatedClock;
use crate::world::Deed;

/// Two like instances that are made.
fn two() -> Sketch {
    let mut sketch = Sketch::default();
    (sketch.slots[0], sketch.slots[1]) = (Some(Traits::default()), Some(Traits::default()));
    sketch
}

fn apply(fleet: Sketch) -> Command {
    Command::Apply { fleet, only: Vec::new(), replace: Vec::new() }
}

/// A case of one good life.
fn one_life() -> Case {
    Case {
        seed: 1,
        batch_max: 2,
        at_once: 2,
        scenes: vec![Scene::fair(apply(two()))],
        last: apply(two()),
        restored: None,
    }
}

/// A stage on which two instances were applied.
fn applied(case: &Case) -> Stage<'_> {
    let stage = Stage::new(case, true);
    assert!(matches!(stage.live_well(&apply(two())), Passed::Ended(End::Ran(_))));
    stage
}

/// What the property says after `violate`.
#[track_caller]
fn check(expected: Property, violate: impl FnOnce(&Stage<'_>)) {
    let case = one_life();
    let stage = applied(&case);
    property::between_lives(&stage);
    assert!(!stage.log.is_violated(), "all is well before");
    violate(&stage);
    let (violation, _, trace) = stage.log.take();
    assert_eq!(violation.map(|violation| violation.property), Some(expected), "{trace}");
}

fn append(stage: &Stage<'_>, file: &str, bytes: &[u8]) {
    let process = stage.disk.process();
    let path = format!("{FOLDER}/{file}");
    process.open(Path::new(&path), Open::Append).unwrap().append(bytes).unwrap();
}

/// The plan that makes `fleet` of what is there.
fn planned(stage: &Stage<'_>, fleet: &Sketch) -> Plan {
    let known = stage.witness.certain().unwrap();
    runtime().block_on(async {
        let observed = look(&stage.world, &known).await;
        let clock = SimulatedClock::new();
        plan(&Wanted::of(fleet), &[], &[], &known, &observed, &clock).unwrap().plan
    })
}

fn event(seq: u64, what: What) -> Event {
    Event { version: VERSION, seq, at: Timestamp::UNIX_EPOCH, what }
}

fn began(seq: u64) -> Event {
    event(seq, What::RunStarted { operation: Operation::Apply, steps: 0 })
}

fn step(kind: StepKind, slot: usize) -> StepRef {
    let resource = Resource::Instance(name(slot));
    StepRef { step: format!("{kind}/{resource}"), kind, instance: Some(name(slot)) }
}

fn deed(kind: StepKind, slot: usize) -> Deed {
    Deed { kind, resource: Resource::Instance(name(slot)), changed: true, done: true }
}

/// A third instance besides the two.
fn three() -> Sketch {
    let mut sketch = two();
    sketch.slots[2] = Some(Traits::default());
    sketch
}

#[test]
fn a_good_case_violates_nothing() {
    let outcome = one_life().perform(true);
    assert_eq!(outcome.violation, None, "{}", outcome.trace);
    assert_eq!(outcome.coverage.succeeded, 6);
}

#[test]
fn a_state_that_cannot_be_read_is_seen() {
    check(Property::Unreadable, |stage| {
        append(stage, "state.json", b"x");
        property::between_lives(stage);
    });
}

#[test]
fn a_machine_that_nobody_knows_is_seen() {
    check(Property::Forgotten, |stage| {
        stage.witness.life_begins(None);
        runtime().block_on(stage.world.create(&[request("unknown", 3)]));
        // That it belongs to no plan is another matter.
        stage.log.take();
        property::between_lives(stage);
    });
}

fn request(token: &str, slot: usize) -> CreateRequest {
    let instance = two().instance(slot, Traits::default());
    let (token, launch) = (token.to_owned(), token.to_owned());
    CreateRequest { instance: instance.name, token, launch, again: false, spec: (*instance.spec).clone() }
}

#[test]
fn a_machine_that_is_made_twice_is_seen() {
    check(Property::Twice, |stage| {
        stage.witness.life_begins(None);
        let there = stage.world.machines().into_iter().next().unwrap();
        runtime().block_on(stage.world.create(&[request("again", 0)]));
        stage.log.take();
        // It goes again at once: having been there is enough.
        stage.world.lose_machine(&there.1.instance);
        property::between_lives(stage);
    });
}

#[test]
fn a_deed_outside_a_plan_is_seen() {
    check(Property::OutsidePlan, |stage| stage.witness.deed(&deed(StepKind::Destroy, 0)));
}

#[test]
fn a_deed_before_its_record_is_seen() {
    check(Property::NotDurable, |stage| {
        stage.witness.life_begins(None);
        let bear = stage.witness.is_born();
        stage.witness.has_planned(bear, &planned(stage, &three()));
        stage.witness.event(bear, &began(1));
        stage.witness.event(bear, &event(2, What::StepStarted { step: step(StepKind::Create, 2) }));
        stage.witness.deed(&deed(StepKind::Create, 2));
    });
}

#[test]
fn what_counts_as_durable_and_is_not_is_seen() {
    check(Property::NotDurable, |stage| {
        let mut state = (*stage.witness.certain().unwrap()).clone();
        let at = Timestamp::UNIX_EPOCH;
        let records = [Record::RunBegan { at, file: "demo.yaml".into(), plan: None }];
        state.apply(&records[0]);
        stage.witness.life_begins(None);
        let bear = stage.witness.is_born();
        stage.witness.recorded(bear, &records, &state);
    });
}

#[test]
fn a_dependent_that_begins_early_is_seen() {
    check(Property::Dependent, |stage| {
        stage.witness.life_begins(None);
        let bear = stage.witness.is_born();
        stage.witness.has_planned(bear, &planned(stage, &three()));
        stage.witness.event(bear, &began(1));
        stage.witness.event(bear, &event(2, What::StepStarted { step: step(StepKind::Create, 2) }));
        stage.witness.event(bear, &event(3, What::StepStarted { step: step(StepKind::Install, 2) }));
    });
}

#[test]
fn a_proof_that_never_was_is_seen() {
    check(Property::Unproven, |stage| {
        stage.witness.life_begins(None);
        let bear = stage.witness.is_born();
        let records = [Record::Verified { at: Timestamp::UNIX_EPOCH, instance: name(0), checks: 2 }];
        stage.witness.recorded(bear, &records, &stage.witness.certain().unwrap());
    });
}

#[test]
fn a_verified_broker_that_is_not_there_is_seen() {
    check(Property::Unproven, |stage| {
        // Another bear that wrote nothing down.
        let token = stage.world.machines().into_keys().next().unwrap();
        let request = bear_provider::DestroyRequest {
            instance: name(0),
            token,
            launch: None,
            spec: (*two().instance(0, Traits::default()).spec).clone(),
            machine: None,
        };
        runtime().block_on(stage.world.destroy(&[request]));
        stage.log.take();
        property::between_lives(stage);
    });
}

#[test]
fn a_world_that_is_otherwise_is_seen() {
    check(Property::Diverged, |stage| property::is_as_wanted(stage, &Wanted::of(&three())));
}

#[test]
fn something_left_to_do_is_seen() {
    check(Property::NotEmptyPlan, |stage| {
        runtime().block_on(property::nothing_is_left_to_do(stage, &Wanted::of(&three())));
    });
}

#[test]
fn a_state_that_goes_backwards_is_seen() {
    check(Property::Backwards, |stage| {
        stage.witness.goes_on(&State::new(fleet_name(), "lineage".into()));
    });
}

#[test]
fn a_damaged_history_is_seen() {
    check(Property::History, |stage| {
        append(stage, "history/000000000000.json", b"x");
        property::folder_is_tidy(stage);
    });
}

#[test]
fn what_is_left_behind_is_seen() {
    check(Property::Leftovers, |stage| {
        append(stage, "state.json.tmp", b"x");
        property::folder_is_tidy(stage);
    });
}

#[test]
fn events_that_tell_it_otherwise_are_seen() {
    check(Property::Events, |stage| {
        stage.witness.life_begins(None);
        let bear = stage.witness.is_born();
        stage.witness.has_planned(bear, &planned(stage, &three()));
        stage.witness.event(bear, &began(1));
        stage.witness.has_ended(bear, None);
    });
}

#[test]
fn two_holders_of_the_lock_are_seen() {
    check(Property::UnheldLock, |stage| {
        let (first, other) = (stage.disk.process(), stage.disk.process());
        stage.knock(&Scene::fair(apply(two())), &first, &other);
    });
}

#[test]
fn a_panic_is_told_from_a_death() {
    let case = one_life();
    let stage = Stage::new(&case, false);
    let process = stage.disk.process();
    let panics = async { std::panic::resume_unwind(Box::new("a fault")) };
    let passed: Passed<End> = runtime().block_on(Gate::new(panics, &process));
    stage.judge(&Scene::fair(apply(two())), &passed);
    assert_eq!(stage.log.take().0.map(|it| it.property), Some(Property::Panicked));
}

#[test]
fn an_error_that_nothing_explains_is_seen() {
    let case = one_life();
    let stage = Stage::new(&case, false);
    let error = bear_engine::StoreError::Stopped { path: "journal.ndjson".into() };
    stage.judge(&Scene::fair(apply(two())), &Passed::Ended(End::Stopped(error)));
    assert_eq!(stage.log.take().0.map(|it| it.property), Some(Property::Refused));
}

#[test]
fn a_life_without_end_is_seen() {
    let case = one_life();
    let stage = Stage::new(&case, false);
    runtime().block_on(stage.until_its_end(std::future::pending()));
    assert_eq!(stage.log.take().0.map(|it| it.property), Some(Property::Hung));
}

#[test]
fn a_case_is_made_as_small_as_what_is_wrong_with_it() {
    // Whatever restores a state is taken to be wrong.
    let restores = |case: &Case| {
        let restores = case.scenes.iter().any(|scene| matches!(scene.command, Command::Restore(_)));
        restores.then_some(Property::History)
    };
    let case = (0..1000).map(Case::from_seed).find(|case| restores(case).is_some()).unwrap();
    let shrunk = shrink(&case, Property::History, restores);
    assert_eq!(shrunk.case.scenes.len(), 1);
    assert!(shrunk.case.scenes[0].faults.is_empty() && shrunk.case.scenes[0].death.is_none());
    assert_eq!(format!("{:?}", shrunk.case.last).matches("--").count(), super::MOST);
    let again = Case::from_seed(case.seed).without(&shrunk.without).0;
    assert_eq!(format!("{again:?}"), format!("{:?}", shrunk.case), "its short form stands for it");
}

#[test]
fn elements_are_written_in_ranges() {
    let list = BTreeSet::from([1, 2, 3, 5, 8, 9]);
    assert_eq!(elements(&list), "1-3,5,8-9");
}

/// The clock of a case tells nothing of the time of day.
#[test]
fn every_case_begins_at_the_same_time() {
    let now = || runtime().block_on(async { SimulatedClock::new().now() });
    assert_eq!(now(), now());
}
