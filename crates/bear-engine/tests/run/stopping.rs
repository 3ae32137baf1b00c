//! Ctrl-C, once and twice.

use std::time::Duration;

use bear_core::plan::StepKind;
use bear_core::state::v1::{Phase, Unfinished};
use bear_engine::Stop;
use bear_lab::world::{Answer, Fault, Latency};
use insta::assert_snapshot;

use crate::fleets::{like, name};
use crate::lab::Lab;

const LATENCY: Latency = Latency::seconds(1, 4, 1, 1);

fn at(seconds: u64, how: Stop) -> (Duration, Stop) {
    (Duration::from_millis(seconds * 1000 + 500), how)
}

#[test]
fn once_lets_running_steps_finish_and_begins_nothing() {
    let lab = Lab::new(LATENCY);
    let life = lab.apply_and_stop(&like(2), &[at(2, Stop::Drain)]);
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-2 started
    2.5 interrupting, 2 running
    5 install/demo-a-1 succeeded in 4
    5 install/demo-a-2 succeeded in 4
    5 verify/demo-a-1 skipped
    5 verify/demo-a-2 skipped
    5 not ok: 4 succeeded, 0 failed, 2 skipped, interrupted
    ");
    // What has finished is recorded, so the next apply only proves.
    let life = lab.apply(&like(2)).unwrap();
    assert_eq!(life.plan.steps.node_count(), 2);
    lab.assert_is(&like(2));
}

#[test]
fn twice_ends_at_once_and_leaves_what_ran_in_doubt() {
    let lab = Lab::new(LATENCY);
    let life = lab.apply_and_stop(&like(2), &[at(2, Stop::Drain), at(3, Stop::Now)]);
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-2 started
    2.5 interrupting, 2 running
    3.5 interrupting, 2 running
    3.5 install/demo-a-1 failed: stopped before its end (bear::engine::cut_off)
    3.5 verify/demo-a-1 skipped: install/demo-a-1
    3.5 install/demo-a-2 failed: stopped before its end (bear::engine::cut_off)
    3.5 verify/demo-a-2 skipped: install/demo-a-2
    3.5 not ok: 2 succeeded, 2 failed, 2 skipped, interrupted
    ");
    // Nobody knows how the installs ended, so they are not recorded as failed.
    let state = lab.disk.state().unwrap();
    for recorded in state.instances.values() {
        assert_eq!(recorded.phase, Phase::Created);
        assert_eq!(recorded.unfinished, Some(Unfinished { step: StepKind::Install, error: None }));
    }
    lab.apply(&like(2)).unwrap();
    lab.assert_is(&like(2));
}

#[test]
fn at_once_needs_no_first_time() {
    let lab = Lab::new(LATENCY);
    let life = lab.apply_and_stop(&like(1), &[at(0, Stop::Now)]);
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    0.5 interrupting, 1 running
    0.5 create/demo-a-1 failed: stopped before its end (bear::engine::cut_off)
    0.5 install/demo-a-1 skipped: create/demo-a-1
    0.5 verify/demo-a-1 skipped: create/demo-a-1
    0.5 not ok: 0 succeeded, 1 failed, 2 skipped, interrupted
    ");
    // The effect came to be before the end: in the middle of the second.
    lab.apply(&like(1)).unwrap();
    assert_eq!(lab.world.changed(StepKind::Create), 1);
    lab.assert_is(&like(1));
}

#[test]
fn a_step_that_waits_for_its_next_try_has_failed() {
    let lab = Lab::new(LATENCY);
    // Tried at 1 s and at 5.5 s, and to be tried again at 10.5 s.
    lab.world.fail(&name(1), StepKind::Install, [Fault::before(Answer::Transient); 3]);
    let life = lab.apply_and_stop(&like(1), &[(Duration::from_secs(10), Stop::Drain)]);
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    5 install/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    5.5 install/demo-a-1 started
    9.5 install/demo-a-1 failed (try 2: the lab is busy), again in 1
    10 interrupting, 0 running
    10 install/demo-a-1 failed: the lab is busy (lab::transient)
    10 verify/demo-a-1 skipped: install/demo-a-1
    10 not ok: 1 succeeded, 1 failed, 1 skipped, interrupted
    ");
    let state = lab.disk.state().unwrap();
    let unfinished = state.instances[&name(1)].unfinished.as_ref().unwrap();
    assert_eq!(unfinished.error.as_deref(), Some("the lab is busy"));
    lab.world.calm();
    lab.apply(&like(1)).unwrap();
    lab.assert_is(&like(1));
}

#[test]
fn before_the_first_step_nothing_begins() {
    let lab = Lab::new(LATENCY);
    let life = lab.apply_and_stop(&like(1), &[(Duration::ZERO, Stop::Drain)]);
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 interrupting, 0 running
    0 create/demo-a-1 skipped
    0 install/demo-a-1 skipped
    0 verify/demo-a-1 skipped
    0 not ok: 0 succeeded, 0 failed, 3 skipped, interrupted
    ");
    lab.apply(&like(1)).unwrap();
    lab.assert_is(&like(1));
}

#[test]
fn what_comes_as_bear_stops_is_not_told_after_the_end() {
    let lab = Lab::new(LATENCY);
    // The first check comes in the middle of the verify, at that very moment.
    let life = lab.apply_and_stop(&like(1), &[at(5, Stop::Now)]);
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    5 install/demo-a-1 succeeded in 4
    5 verify/demo-a-1 started
    5.5 interrupting, 1 running
    5.5 verify/demo-a-1 failed: stopped before its end (bear::engine::cut_off)
    5.5 not ok: 2 succeeded, 1 failed, 0 skipped, interrupted
    ");
    lab.apply(&like(1)).unwrap();
    lab.assert_is(&like(1));
}
