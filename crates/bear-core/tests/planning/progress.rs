//! What of a plan is still to come, and how long that may take.

use std::fmt::Write;

use bear_core::event::{Event, Operation, StepError, StepRef, VERSION, What};
use bear_core::plan::{Plan, StepKind};
use bear_core::progress::{Pace, Progress, Wait};
use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::scene::{AWS, DEMO, Scene, name, wanted};

/// The steps of a plan as events name them.
fn steps(plan: &Plan) -> Vec<StepRef> {
    let steps = plan.steps.node_weights();
    steps
        .map(|step| StepRef { step: step.id(), kind: step.kind, instance: step.instance().cloned() })
        .collect()
}

fn step(kind: StepKind, instance: &str) -> StepRef {
    let instance = name(instance);
    StepRef { step: format!("{kind}/{instance}"), kind, instance: Some(instance) }
}

fn event(seconds: f64, what: What) -> Event {
    let at = Timestamp::UNIX_EPOCH + SignedDuration::try_from_secs_f64(seconds).unwrap();
    Event { version: VERSION, seq: 1, at, what }
}

fn started(step: StepRef) -> What {
    What::StepStarted { step }
}

fn succeeded(step: StepRef, seconds: f64) -> What {
    What::StepSucceeded { step, seconds }
}

/// A run that began.
fn begun(plan: &Plan, earlier: Pace) -> Progress {
    let mut progress = Progress::of(plan, earlier);
    progress
        .take(&event(0.0, What::RunStarted { operation: Operation::Apply, steps: plan.steps.node_count() }));
    progress
}

/// What is to come at each of these moments.
fn told(progress: &mut Progress, happened: Vec<(f64, Vec<What>)>) -> String {
    let mut text = String::new();
    for (at, all) in happened {
        for what in all {
            progress.take(&event(at, what));
        }
        let waiting = progress.waiting().into_iter().map(|waiting| {
            let on = match waiting.on {
                Wait::Foundation => "the foundation".to_owned(),
                Wait::Step(kind) => kind.to_string(),
                Wait::Turn => "its turn".to_owned(),
            };
            format!("{} {} for {on}", waiting.number, waiting.kind)
        });
        let waiting = waiting.collect::<Vec<_>>().join(", ");
        let left = progress.left(at).map_or("unknown".to_owned(), |left| format!("{left:.1}s"));
        writeln!(text, "{at:>4}s  {left} left; {waiting}").unwrap();
    }
    text
}

/// What a run of [`DEMO`] took: 2 s to create, 10 s to install, 1 s to verify.
fn earlier() -> Pace {
    let mut pace = Pace::default();
    for (kind, seconds) in [(StepKind::Create, 2.0), (StepKind::Install, 10.0), (StepKind::Verify, 1.0)] {
        pace.note(kind, false, seconds);
    }
    pace
}

#[test]
fn it_is_the_longest_way_through_what_is_left() {
    use StepKind::{Create, Install, Verify};
    let plan = Scene::empty().plan(&wanted(DEMO));
    let all = |kind| (1..=3).map(move |number| step(kind, &format!("demo-a-{number}")));
    let happened = vec![
        (0.0, all(Create).map(started).collect()),
        (0.5, vec![]),
        (2.0, all(Create).map(|step| succeeded(step, 2.0)).collect()),
        (2.0, all(Install).map(started).collect()),
        (7.0, vec![succeeded(step(Install, "demo-a-2"), 5.0), started(step(Verify, "demo-a-2"))]),
        // Two installs take longer than the one that ended.
        (22.0, vec![succeeded(step(Verify, "demo-a-2"), 1.0)]),
        (23.0, vec![succeeded(step(Install, "demo-a-1"), 21.0), succeeded(step(Install, "demo-a-3"), 21.0)]),
        (23.0, vec![started(step(Verify, "demo-a-1")), started(step(Verify, "demo-a-3"))]),
        (24.0, vec![succeeded(step(Verify, "demo-a-1"), 1.0), succeeded(step(Verify, "demo-a-3"), 1.0)]),
    ];
    assert_snapshot!(told(&mut begun(&plan, earlier()), happened), @"
      0s  13.0s left; 3 install for create, 3 verify for install
    0.5s  12.5s left; 3 install for create, 3 verify for install
      2s  11.0s left; 3 install for its turn, 3 verify for install
      2s  11.0s left; 3 verify for install
      7s  1.5s left; 2 verify for install
     22s  3.0s left; 2 verify for install
     23s  1.0s left; 2 verify for its turn
     23s  1.0s left; 
     24s  0.0s left;
    ");
}

#[test]
fn of_a_kind_that_was_never_seen_nothing_is_guessed() {
    use StepKind::{Create, Install};
    let plan = Scene::empty().plan(&wanted(DEMO));
    let (create, install) = (step(Create, "demo-a-1"), step(Install, "demo-a-1"));
    let happened = vec![
        (0.0, vec![started(create.clone())]),
        (2.0, vec![succeeded(create, 2.0), started(install.clone())]),
        (9.0, vec![succeeded(install, 7.0)]),
    ];
    assert_snapshot!(told(&mut begun(&plan, Pace::default()), happened), @"
    0s  unknown left; 2 create for its turn, 3 install for create, 3 verify for install
    2s  unknown left; 2 create for its turn, 2 install for create, 3 verify for install
    9s  unknown left; 2 create for its turn, 2 install for create, 2 verify for install, 1 verify for its turn
    ");
}

#[test]
fn with_fewer_at_once_it_is_the_work_divided_among_them() {
    let plan = Scene::empty().plan(&wanted(&DEMO.replace("count: 3", "count: 100")));
    let first = started(step(StepKind::Create, "demo-a-1"));
    let second = started(step(StepKind::Create, "demo-a-2"));
    let happened = vec![(0.0, vec![first]), (0.0, vec![second])];
    assert_snapshot!(told(&mut begun(&plan, earlier()), happened), @"
    0s  1300.0s left; 99 create for its turn, 100 install for create, 100 verify for install
    0s  650.0s left; 98 create for its turn, 100 install for create, 100 verify for install
    ");
}

#[test]
fn what_the_instances_share_has_a_pace_of_its_own() {
    let plan = Scene::empty().plan(&wanted(AWS));
    let mut pace = earlier();
    pace.note(StepKind::Create, true, 30.0);
    let foundation = steps(&plan).into_iter().find(|step| step.instance.is_none()).unwrap();
    let happened = vec![
        (0.0, vec![started(foundation.clone())]),
        (
            5.0,
            vec![What::StepFailed {
                step: foundation,
                seconds: 5.0,
                error: StepError::permanent("bear::test", "no"),
            }],
        ),
    ];
    assert_snapshot!(told(&mut begun(&plan, pace), happened), @"
    0s  43.0s left; 1 create for the foundation, 1 install for create, 1 verify for install
    5s  13.0s left; 1 create for its turn, 1 install for create, 1 verify for install
    ");
}

proptest! {
    /// Whatever the order and the times: what waits, runs and is over are all there are; nothing is left at the end.
    #[test]
    fn it_adds_up(count in 1_usize..8, picks in prop::collection::vec((0_usize..100, 0.1..50.0), 200)) {
        let plan = Scene::empty().plan(&wanted(&DEMO.replace("count: 3", &format!("count: {count}"))));
        let (mut progress, all) = (begun(&plan, earlier()), steps(&plan));
        let (mut waiting, mut running, mut over, mut now) = (all.clone(), Vec::new(), 0, 0.0);
        for (pick, seconds) in picks {
            now += seconds;
            if pick % 2 == 0 && !running.is_empty() {
                let (step, since): (StepRef, f64) = running.remove(pick % running.len());
                progress.take(&event(now, succeeded(step, now - since)));
                over += 1;
            } else if !waiting.is_empty() {
                let step = waiting.remove(pick % waiting.len());
                progress.take(&event(now, started(step.clone())));
                running.push((step, now));
            }
            let told = progress.waiting().iter().map(|waiting| waiting.number).sum::<usize>();
            prop_assert_eq!(told, waiting.len());
            let left = progress.left(now).unwrap();
            prop_assert!(left >= 0.0 && left.is_finite());
            prop_assert!(over < all.len() || left == 0.0);
            prop_assert!(waiting.is_empty() || left > 0.0);
        }
    }
}
