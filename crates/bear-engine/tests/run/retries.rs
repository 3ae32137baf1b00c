//! Failures that may pass: how often and when a step is tried again.

use bear_core::plan::StepKind;
use bear_engine::store::Filesystem;
use bear_engine::{Limits, StoreError};
use bear_lab::world::{Answer, Fault, Latency};
use insta::assert_snapshot;

use crate::fleets::{like, name};
use crate::lab::Lab;

const LATENCY: Latency = Latency::seconds(1, 1, 1, 1);
const PASSING: Fault = Fault::before(Answer::Transient);

#[test]
fn a_failure_that_may_pass_is_tried_again_after_ever_longer_waits() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Install, [PASSING; 3]);
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    2 install/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    2.5 install/demo-a-1 started
    3.5 install/demo-a-1 failed (try 2: the lab is busy), again in 1
    4.5 install/demo-a-1 started
    5.5 install/demo-a-1 failed (try 3: the lab is busy), again in 2
    7.5 install/demo-a-1 started
    8.5 install/demo-a-1 succeeded in 1
    8.5 verify/demo-a-1 started
    9 verify/demo-a-1 tcp ok
    9.5 verify/demo-a-1 mqtt.qos2 ok
    9.5 verify/demo-a-1 succeeded in 1
    9.5 ok: 3 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&like(1));
}

#[test]
fn retries_come_to_an_end() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Install, [PASSING; 4]);
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    2 install/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    2.5 install/demo-a-1 started
    3.5 install/demo-a-1 failed (try 2: the lab is busy), again in 1
    4.5 install/demo-a-1 started
    5.5 install/demo-a-1 failed (try 3: the lab is busy), again in 2
    7.5 install/demo-a-1 started
    8.5 install/demo-a-1 failed: the lab is busy (lab::transient)
    8.5 verify/demo-a-1 skipped: install/demo-a-1
    8.5 not ok: 1 succeeded, 1 failed, 1 skipped
    ");
    lab.apply(&like(1)).unwrap();
    lab.assert_is(&like(1));
}

#[test]
fn a_step_that_waits_for_its_next_try_is_in_nobodys_way() {
    let lab = Lab::with_batches(LATENCY, 1).limited(Limits::default().with_parallelism(1));
    lab.world.fail(&name(1), StepKind::Create, [PASSING; 2]);
    let life = lab.apply(&like(2)).unwrap();
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    1 create/demo-a-2 started
    2 create/demo-a-2 succeeded in 1
    2 create/demo-a-1 started
    2 install/demo-a-2 started
    3 create/demo-a-1 failed (try 2: the lab is busy), again in 1
    3 install/demo-a-2 succeeded in 1
    3 verify/demo-a-2 started
    3.5 verify/demo-a-2 tcp ok
    4 verify/demo-a-2 mqtt.qos2 ok
    4 create/demo-a-1 started
    4 verify/demo-a-2 succeeded in 1
    5 create/demo-a-1 succeeded in 1
    5 install/demo-a-1 started
    6 install/demo-a-1 succeeded in 1
    6 verify/demo-a-1 started
    6.5 verify/demo-a-1 tcp ok
    7 verify/demo-a-1 mqtt.qos2 ok
    7 verify/demo-a-1 succeeded in 1
    7 ok: 6 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&like(2));
}

#[test]
fn only_the_failed_part_of_a_batch_is_tried_again() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(2), StepKind::Create, [PASSING]);
    lab.apply(&like(3)).unwrap();
    assert_eq!(lab.world.calls(StepKind::Create), [3, 1]);
    lab.assert_is(&like(3));
}

#[test]
fn trying_again_finds_what_the_first_try_made() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Create, [Fault::after(Answer::Transient); 2]);
    assert!(lab.apply(&like(1)).unwrap().summary().ok);
    assert_eq!(lab.world.calls(StepKind::Create).len(), 3);
    assert_eq!(lab.world.changed(StepKind::Create), 1);
    lab.assert_is(&like(1));
}

#[test]
fn nothing_is_tried_again_once_the_lock_is_lost() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Create, [Fault::after(Answer::Transient)]);
    let other = lab.disk.process();
    lab.world.watch(move |_| drop(other.remove("/.bear/demo/lock".as_ref())));
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    1.5 create/demo-a-1 failed: the lab is busy (lab::transient)
    1.5 install/demo-a-1 skipped: create/demo-a-1
    1.5 verify/demo-a-1 skipped: create/demo-a-1
    1.5 not ok: 0 succeeded, 1 failed, 2 skipped
    ");
    assert!(matches!(life.result, Err(StoreError::LockLost { .. })));
}
