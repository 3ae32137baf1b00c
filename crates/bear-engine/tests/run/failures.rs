//! Steps that fail: what stops, what goes on, and what the next apply does about it.

use std::time::Duration;

use bear_core::plan::StepKind;
use bear_engine::Limits;
use bear_lab::world::{Answer, Effect, Fault, Latency};
use insta::assert_snapshot;

use crate::fleets::{like, name};
use crate::lab::Lab;

const LATENCY: Latency = Latency::seconds(1, 2, 1, 1);

#[test]
fn a_failing_branch_stops_its_dependents_and_nobody_else() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(2), StepKind::Install, [Fault::before(Answer::Permanent)]);
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 9 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    0 create/demo-a-3 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 create/demo-a-3 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-2 started
    1 install/demo-a-3 started
    3 install/demo-a-1 succeeded in 2
    3 install/demo-a-2 failed: the lab says no (lab::permanent)
    3 verify/demo-a-2 skipped: install/demo-a-2
    3 install/demo-a-3 succeeded in 2
    3 verify/demo-a-1 started
    3 verify/demo-a-3 started
    3.5 verify/demo-a-1 tcp ok
    3.5 verify/demo-a-3 tcp ok
    4 verify/demo-a-1 mqtt.qos2 ok
    4 verify/demo-a-3 mqtt.qos2 ok
    4 verify/demo-a-1 succeeded in 1
    4 verify/demo-a-3 succeeded in 1
    4 not ok: 7 succeeded, 1 failed, 1 skipped
    ");
    // What failed is not in the way of what succeeded, and the next apply does only the rest.
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 2 steps
    0 install/demo-a-2 started
    2 install/demo-a-2 succeeded in 2
    2 verify/demo-a-2 started
    2.5 verify/demo-a-2 tcp ok
    3 verify/demo-a-2 mqtt.qos2 ok
    3 verify/demo-a-2 succeeded in 1
    3 ok: 2 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&like(3));
}

#[test]
fn a_machine_that_can_not_be_made_fails_alone_in_its_batch() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Create, [Fault::before(Answer::Permanent)]);
    let life = lab.apply(&like(2)).unwrap();
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    1 create/demo-a-1 failed: the lab says no (lab::permanent)
    1 install/demo-a-1 skipped: create/demo-a-1
    1 verify/demo-a-1 skipped: create/demo-a-1
    1 create/demo-a-2 succeeded in 1
    1 install/demo-a-2 started
    3 install/demo-a-2 succeeded in 2
    3 verify/demo-a-2 started
    3.5 verify/demo-a-2 tcp ok
    4 verify/demo-a-2 mqtt.qos2 ok
    4 verify/demo-a-2 succeeded in 1
    4 not ok: 3 succeeded, 1 failed, 2 skipped
    ");
    lab.apply(&like(2)).unwrap();
    lab.assert_is(&like(2));
}

#[test]
fn a_check_that_fails_is_a_step_that_fails() {
    let lab = Lab::new(LATENCY);
    // A transient failure is none here: a broker that carries a message only sometimes is not to be trusted.
    lab.world.fail(&name(1), StepKind::Verify, [Fault::before(Answer::Transient)]);
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 3 steps
    0 create/demo-a-1 started
    1 create/demo-a-1 succeeded in 1
    1 install/demo-a-1 started
    3 install/demo-a-1 succeeded in 2
    3 verify/demo-a-1 started
    4 verify/demo-a-1 mqtt.qos2 failed
    4 verify/demo-a-1 failed: 1 of 1 checks failed; mqtt.qos2: the lab is busy (bear::verify::failed)
    4 not ok: 2 succeeded, 1 failed, 0 skipped
    ");
    let life = lab.apply(&like(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 1 steps
    0 verify/demo-a-1 started
    0.5 verify/demo-a-1 tcp ok
    1 verify/demo-a-1 mqtt.qos2 ok
    1 verify/demo-a-1 succeeded in 1
    1 ok: 1 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&like(1));
}

#[test]
fn a_step_that_does_not_end_is_cut_off_at_its_deadline() {
    let lab = Lab::new(LATENCY).limited(Limits::default().with_deadline(Duration::from_mins(1)));
    lab.world.fail(&name(1), StepKind::Install, [Fault::after(Answer::Never)]);
    let life = lab.apply(&like(2)).unwrap();
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-2 started
    3 install/demo-a-2 succeeded in 2
    3 verify/demo-a-2 started
    3.5 verify/demo-a-2 tcp ok
    4 verify/demo-a-2 mqtt.qos2 ok
    4 verify/demo-a-2 succeeded in 1
    61 install/demo-a-1 failed: no end within 60s (bear::engine::deadline)
    61 verify/demo-a-1 skipped: install/demo-a-1
    61 not ok: 4 succeeded, 1 failed, 1 skipped
    ");
    lab.apply(&like(2)).unwrap();
    lab.assert_is(&like(2));
}

#[test]
fn an_adapter_that_panics_fails_its_step_alone() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Install, [Fault::before(Answer::Panic)]);
    lab.world.fail(&name(2), StepKind::Verify, [Fault::before(Answer::Panic)]);
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 9 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    0 create/demo-a-3 started
    1 create/demo-a-1 succeeded in 1
    1 create/demo-a-2 succeeded in 1
    1 create/demo-a-3 succeeded in 1
    1 install/demo-a-1 started
    1 install/demo-a-2 started
    1 install/demo-a-3 started
    3 install/demo-a-1 failed: bear has a fault: the install step panicked (bear::engine::panic)
    3 verify/demo-a-1 skipped: install/demo-a-1
    3 install/demo-a-2 succeeded in 2
    3 install/demo-a-3 succeeded in 2
    3 verify/demo-a-2 started
    3 verify/demo-a-3 started
    3.5 verify/demo-a-3 tcp ok
    4 verify/demo-a-3 mqtt.qos2 ok
    4 verify/demo-a-2 failed: bear has a fault: the verify step panicked (bear::engine::panic)
    4 verify/demo-a-3 succeeded in 1
    4 not ok: 6 succeeded, 2 failed, 1 skipped
    ");
    lab.apply(&like(3)).unwrap();
    lab.assert_is(&like(3));
}

#[test]
fn every_step_of_a_batch_that_panics_fails() {
    let lab = Lab::with_batches(LATENCY, 2);
    lab.world.fail(&name(2), StepKind::Create, [Fault::after(Answer::Panic)]);
    let life = lab.apply(&like(3)).unwrap();
    assert_snapshot!(life.story(), @"
    0 9 steps
    0 create/demo-a-1 started
    0 create/demo-a-2 started
    0 create/demo-a-3 started
    1 create/demo-a-1 failed: bear has a fault: the create step panicked (bear::engine::panic)
    1 install/demo-a-1 skipped: create/demo-a-1
    1 verify/demo-a-1 skipped: create/demo-a-1
    1 create/demo-a-2 failed: bear has a fault: the create step panicked (bear::engine::panic)
    1 install/demo-a-2 skipped: create/demo-a-2
    1 verify/demo-a-2 skipped: create/demo-a-2
    1 create/demo-a-3 succeeded in 1
    1 install/demo-a-3 started
    3 install/demo-a-3 succeeded in 2
    3 verify/demo-a-3 started
    3.5 verify/demo-a-3 tcp ok
    4 verify/demo-a-3 mqtt.qos2 ok
    4 verify/demo-a-3 succeeded in 1
    4 not ok: 3 succeeded, 2 failed, 4 skipped
    ");
    // Both machines are there, and are found by their tokens.
    lab.apply(&like(3)).unwrap();
    assert_eq!(lab.world.changed(StepKind::Create), 3);
    lab.assert_is(&like(3));
}

#[test]
fn a_failed_install_never_costs_a_machine() {
    let lab = Lab::new(LATENCY);
    for number in [3, 7, 19] {
        lab.world.fail(&name(number), StepKind::Install, [Fault::before(Answer::Permanent)]);
    }
    assert_eq!(lab.apply(&like(20)).unwrap().summary().failed, 3);
    let creates = lab.world.calls(StepKind::Create).len();
    let life = lab.apply(&like(20)).unwrap();
    // Install and verify, of those three and of no other.
    assert_eq!(life.plan.steps.node_count(), 6);
    assert_eq!(lab.world.calls(StepKind::Create).len(), creates);
    assert_eq!(lab.world.calls(StepKind::Destroy), [0; 0]);
    lab.assert_is(&like(20));
}

#[test]
fn a_machine_whose_answer_was_lost_is_adopted() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Create, [Fault::after(Answer::Permanent)]);
    assert_eq!(lab.apply(&like(1)).unwrap().summary().failed, 1);
    let life = lab.apply(&like(1)).unwrap();
    // It was found, so nothing is made.
    assert_eq!(life.plan.steps.node_count(), 2);
    assert_eq!(lab.world.changed(StepKind::Create), 1);
    lab.assert_is(&like(1));
}

#[test]
fn a_machine_that_comes_late_is_the_one_that_is_asked_for_again() {
    let lab = Lab::new(LATENCY);
    let late = Fault { effect: Effect::Late, answer: Answer::Never };
    lab.world.fail(&name(1), StepKind::Create, [late]);
    assert_eq!(lab.apply(&like(1)).unwrap().summary().failed, 1);
    // When bear looks, the machine is not there yet. When it asks again, it is: under the same token.
    lab.apply(&like(1)).unwrap();
    assert_eq!(lab.world.machines().len(), 1);
    lab.assert_is(&like(1));
}

#[test]
fn a_machine_that_comes_late_and_is_not_wanted_any_more_is_destroyed() {
    let lab = Lab::new(LATENCY);
    let late = Fault { effect: Effect::Late, answer: Answer::Permanent };
    lab.world.fail(&name(2), StepKind::Create, [late]);
    lab.apply(&like(2)).unwrap();
    lab.apply(&like(1)).unwrap();
    assert_eq!(lab.world.changed(StepKind::Destroy), 1);
    lab.assert_is(&like(1));
}

#[test]
fn a_machine_whose_end_was_refused_is_kept_with_all_that_is_on_it() {
    let lab = Lab::new(LATENCY);
    lab.apply(&like(1)).unwrap();
    lab.world.fail(&name(1), StepKind::Destroy, [Fault::before(Answer::Refused)]);
    assert!(!lab.apply(&[]).unwrap().summary().ok);
    // Whoever changes their mind finds it, and nothing is made anew.
    assert_snapshot!(lab.apply(&like(1)).unwrap().story(), @"
    0 2 steps
    0 install/demo-a-1 started
    2 install/demo-a-1 succeeded in 2
    2 verify/demo-a-1 started
    2.5 verify/demo-a-1 tcp ok
    3 verify/demo-a-1 mqtt.qos2 ok
    3 verify/demo-a-1 succeeded in 1
    3 ok: 2 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&like(1));
}

#[test]
fn a_machine_that_was_certainly_not_made_leaves_no_trace() {
    const REFUSED: Fault = Fault::before(Answer::Refused);
    /// How many instances are recorded after runs in which making the only one went wrong in these ways.
    #[track_caller]
    fn check(runs: &[&[Fault]], recorded: usize) {
        let lab = Lab::new(LATENCY);
        for faults in runs {
            lab.world.fail(&name(1), StepKind::Create, faults.iter().copied());
            assert!(!lab.apply(&like(1)).unwrap().summary().ok);
        }
        assert_eq!(lab.disk.state().unwrap().instances.len(), recorded);
        lab.apply(&like(1)).unwrap();
        lab.assert_is(&like(1));
    }
    check(&[&[REFUSED]], 0);
    check(&[&[REFUSED], &[REFUSED]], 0);
    // An earlier try may have made it, or an earlier run: that has to be looked up.
    check(&[&[Fault::before(Answer::Transient), REFUSED]], 1);
    check(&[&[Fault::before(Answer::Permanent)], &[REFUSED]], 1);
}
