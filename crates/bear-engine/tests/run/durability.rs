//! What is durable when, and what happens if nothing can be made durable any more. That a step is begun on the disk
//! before it has its effect, and what comes before it has ended there, is asserted by [`Lab`] in every test.

use bear_core::plan::StepKind;
use bear_lab::disk::{Fault as DiskFault, Kind, Trouble};
use bear_lab::world::{Answer, Fault, Latency};
use insta::assert_snapshot;

use crate::fleets::{like, name};
use crate::lab::Lab;

const LATENCY: Latency = Latency::seconds(1, 2, 1, 1);

/// From the `nth` write to the journal on, there is no room for anything.
fn no_room_from(lab: &Lab, nth: usize) {
    lab.disk.let_happen_to(Kind::Write, "journal.ndjson", nth, DiskFault::FromNow(Trouble::NoSpace));
}

#[test]
fn a_run_leaves_a_snapshot_and_an_empty_journal() {
    let lab = Lab::new(LATENCY);
    lab.apply(&like(2)).unwrap();
    assert!(lab.disk.journal().is_empty());
    // The run began; each instance began and ended three steps.
    assert_eq!(lab.disk.state().unwrap().serial, 1 + 2 * 6);
}

#[test]
fn a_full_disk_stops_the_run_before_the_next_effect() {
    let lab = Lab::new(LATENCY);
    // Write 0 opens the run, 1 begins the creates, 2 is to end them and begin the installs.
    no_room_from(&lab, 2);
    let life = lab.apply(&like(2)).unwrap();
    assert_snapshot!(life.result.as_ref().unwrap_err(), @"could not append to /.bear/demo/journal.ndjson: No space left on device (os error 28)");
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 install/demo-a-1 skipped
    1 verify/demo-a-1 skipped
    1 install/demo-a-2 skipped
    1 verify/demo-a-2 skipped
    1 not ok: 2 succeeded, 0 failed, 4 skipped
    ");
    assert_eq!(lab.world.calls(StepKind::Install), [0; 0]);
    lab.disk.mend();
    // The machines were made, though nobody could write that down.
    lab.apply(&like(2)).unwrap();
    assert_eq!(lab.world.changed(StepKind::Create), 2);
    lab.assert_is(&like(2));
}

#[test]
fn what_runs_when_the_disk_fills_up_comes_to_its_end() {
    let lab = Lab::with_batches(Latency::seconds(2, 4, 1, 1).varied(7), 1);
    no_room_from(&lab, 3);
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 9 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    0 create/demo-a-3 started
    2.08 create/demo-a-1 succeeded in 2.08
    2.08 install/demo-a-1 started
    2.66 create/demo-a-2 succeeded in 2.66
    2.92 create/demo-a-3 succeeded in 2.92
    4.72 install/demo-a-1 succeeded in 2.64
    4.72 verify/demo-a-1 skipped
    4.72 install/demo-a-2 skipped
    4.72 verify/demo-a-2 skipped
    4.72 install/demo-a-3 skipped
    4.72 verify/demo-a-3 skipped
    4.72 not ok: 4 succeeded, 0 failed, 5 skipped
    ");
    lab.disk.mend();
    lab.apply(&like(3)).unwrap();
    lab.assert_is(&like(3));
}

#[test]
fn a_retry_that_can_not_be_recorded_any_more_has_failed() {
    let lab = Lab::with_batches(LATENCY, 1);
    lab.world.fail(&name(1), StepKind::Install, [Fault::before(Answer::Transient); 2]);
    lab.world.fail(&name(2), StepKind::Create, [Fault::before(Answer::Transient); 2]);
    no_room_from(&lab, 3);
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 9 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    0 create/demo-a-3 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 failed (try 1: the lab is busy), again in 0.5
    1 create/demo-a-3 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-3 started
    1.5 create/demo-a-2 started
    2.5 create/demo-a-2 failed (try 2: the lab is busy), again in 1
    3 install/demo-a-1 failed (try 1: the lab is busy), again in 0.5
    3 install/demo-a-3 succeeded in 2
    3 install/demo-a-1 failed: the lab is busy (lab::transient)
    3 verify/demo-a-1 skipped: install/demo-a-1
    3 create/demo-a-2 failed: the lab is busy (lab::transient)
    3 install/demo-a-2 skipped: create/demo-a-2
    3 verify/demo-a-2 skipped: create/demo-a-2
    3 verify/demo-a-3 skipped
    3 not ok: 3 succeeded, 2 failed, 4 skipped
    ");
    lab.disk.mend();
    lab.world.calm();
    lab.apply(&like(3)).unwrap();
    lab.assert_is(&like(3));
}

#[test]
fn a_disk_that_is_full_from_the_start_lets_nothing_begin() {
    let lab = Lab::new(LATENCY);
    no_room_from(&lab, 0);
    let life = lab.apply(&like(2)).unwrap();
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 skipped
    0 install/demo-a-1 skipped
    0 verify/demo-a-1 skipped
    0 create/demo-a-2 skipped
    0 install/demo-a-2 skipped
    0 verify/demo-a-2 skipped
    0 not ok: 0 succeeded, 0 failed, 6 skipped
    ");
    assert_eq!(lab.world.deeds(), []);
    lab.disk.mend();
    lab.apply(&like(2)).unwrap();
    lab.assert_is(&like(2));
}

#[test]
fn a_snapshot_that_can_not_be_written_loses_nothing() {
    let lab = Lab::new(LATENCY);
    // The first time is that of the new state.
    lab.disk.let_happen_to(Kind::Create, "state.json.tmp", 1, DiskFault::FromNow(Trouble::NoSpace));
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.result.as_ref().unwrap_err(), @"could not create /.bear/demo/state.json.tmp: No space left on device (os error 28)");
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    3 install/demo-a-1 succeeded in 2
    3 verify/demo-a-1 started
    3.5 verify/demo-a-1 tcp ok
    4 verify/demo-a-1 mqtt.qos2 ok
    4 verify/demo-a-1 succeeded in 1
    4 not ok: 3 succeeded, 0 failed, 0 skipped
    ");
    lab.disk.mend();
    assert!(lab.apply(&like(1)).is_none(), "the journal holds everything");
    lab.assert_is(&like(1));
}
