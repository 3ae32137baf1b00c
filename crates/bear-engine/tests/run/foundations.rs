//! What instances share: it is there before them and until after them, whatever fails, and whoever asks for it again.

use bear_core::fleet::Instance;
use bear_core::plan::{Resource, StepKind};
use bear_core::state::v1::FoundationPhase;
use bear_lab::world::{Answer, Effect, Fault, Latency};
use insta::assert_snapshot;

use crate::fleets::{Traits, in_region, instance, like, name};
use crate::lab::Lab;

const LATENCY: Latency = Latency::seconds(1, 2, 1, 1);

fn north(count: usize) -> Vec<Instance> {
    in_region("north", like(count))
}

fn south(count: usize) -> Vec<Instance> {
    in_region("south", like(count))
}

/// How often bear changed foundations in this way.
fn changed(lab: &Lab, kind: StepKind) -> usize {
    let deeds = lab.world.deeds();
    let of_foundations = deeds.iter().filter(|deed| matches!(deed.resource, Resource::Foundation(_)));
    of_foundations.filter(|deed| deed.kind == kind && deed.changed).count()
}

fn phase(lab: &Lab, region: &str) -> Option<FoundationPhase> {
    lab.disk.recorded(|state| Some(state.foundations.get(region)?.phase))
}

#[test]
fn it_comes_first_and_goes_last() {
    let lab = Lab::new(LATENCY);
    lab.apply(&north(1)).unwrap();
    lab.assert_is(&north(1));
    let life = lab.apply(&south(1)).unwrap();
    assert_snapshot!(life.story(), @"
    0 6 steps
    0 create/foundation:south started
    1 create/foundation:south succeeded in 1
    1 destroy/demo-a-1 started
    2 destroy/demo-a-1 succeeded in 1
    2 create/demo-a-1 started
    2 destroy/foundation:north started
    3 create/demo-a-1 succeeded in 1
    3 destroy/foundation:north succeeded in 1
    3 install/demo-a-1 started
    5 install/demo-a-1 succeeded in 2
    5 verify/demo-a-1 started
    5.5 verify/demo-a-1 tcp ok
    6 verify/demo-a-1 mqtt.qos2 ok
    6 verify/demo-a-1 succeeded in 1
    6 ok: 6 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&south(1));
    let life = lab.apply(&[]).unwrap();
    assert_snapshot!(life.story(), @"
    0 2 steps
    0 destroy/demo-a-1 started
    1 destroy/demo-a-1 succeeded in 1
    1 destroy/foundation:south started
    2 destroy/foundation:south succeeded in 1
    2 ok: 2 succeeded, 0 failed, 0 skipped
    ");
    lab.assert_is(&[]);
}

#[test]
fn one_that_fails_stops_what_stands_on_it_and_is_made_again() {
    for effect in [Effect::None, Effect::Done] {
        let lab = Lab::new(LATENCY);
        lab.world.fail_foundation("north", StepKind::Create, [Fault { effect, answer: Answer::Permanent }]);
        let life = lab.apply(&north(2)).unwrap();
        assert_eq!((life.summary().failed, life.summary().skipped), (1, 6));
        assert_eq!(phase(&lab, "north"), Some(FoundationPhase::Laying));
        lab.apply(&north(2)).unwrap();
        assert_eq!(changed(&lab, StepKind::Create), 1);
        lab.assert_is(&north(2));
    }
}

#[test]
fn one_that_does_not_go_is_removed_by_the_next_run() {
    for wanted in [Vec::new(), south(2), like(2)] {
        for effect in [Effect::None, Effect::Done] {
            let lab = Lab::new(LATENCY);
            lab.apply(&north(2)).unwrap();
            lab.world.fail_foundation(
                "north",
                StepKind::Destroy,
                [Fault { effect, answer: Answer::Permanent }],
            );
            let life = lab.apply(&wanted).unwrap();
            assert_eq!((life.summary().failed, life.summary().skipped), (1, 0));
            assert_eq!(phase(&lab, "north"), Some(FoundationPhase::Removing));
            lab.apply(&wanted).unwrap();
            assert_eq!(changed(&lab, StepKind::Destroy), 1);
            lab.assert_is(&wanted);
        }
    }
}

#[test]
fn a_machine_that_does_not_go_keeps_what_it_stands_on() {
    let lab = Lab::new(LATENCY);
    lab.apply(&north(2)).unwrap();
    lab.world.fail(&name(2), StepKind::Destroy, [Fault::before(Answer::Permanent)]);
    lab.apply(&[]).unwrap();
    assert_eq!(phase(&lab, "north"), Some(FoundationPhase::Laid));
    lab.apply(&[]).unwrap();
    lab.assert_is(&[]);
}

#[test]
fn a_passing_failure_is_tried_again() {
    let lab = Lab::new(LATENCY);
    lab.world.fail_foundation("north", StepKind::Create, [Fault::before(Answer::Transient); 2]);
    assert!(lab.apply(&north(1)).unwrap().summary().ok);
    lab.assert_is(&north(1));
}

#[test]
fn what_somebody_did_to_it_is_put_right_without_touching_an_instance() {
    let lab = Lab::new(LATENCY);
    lab.apply(&north(2)).unwrap();
    lab.world.meddle("north");
    assert_eq!(lab.apply(&north(2)).unwrap().plan.steps.node_count(), 1);
    lab.assert_is(&north(2));
    lab.world.lose_foundation("north");
    assert_eq!(lab.apply(&north(2)).unwrap().plan.steps.node_count(), 1);
    lab.assert_is(&north(2));
}

#[test]
fn a_machine_that_was_stopped_comes_back_by_another_address() {
    let lab = Lab::new(LATENCY);
    lab.apply(&north(2)).unwrap();
    lab.world.stop_machine(&name(1));
    lab.apply(&north(2)).unwrap();
    lab.assert_is(&north(2));
    lab.world.move_machine(&name(2));
    assert_eq!(lab.apply(&north(2)).unwrap().plan.steps.node_count(), 1);
    lab.assert_is(&north(2));
    assert_eq!(lab.world.changed(StepKind::Create), 2);
}

/// The launches by which the machines were made, each with how many of them.
fn launches(lab: &Lab) -> Vec<usize> {
    let mut machines = lab.world.machines().into_values().collect::<Vec<_>>();
    machines.sort_by_key(|machine| machine.instance.clone());
    machines.chunk_by(|one, other| one.launch == other.launch).map(<[_]>::len).collect()
}

#[test]
fn like_machines_are_asked_for_by_one_launch() {
    let lab = Lab::with_batches(LATENCY, 3);
    let large = Traits { machine: 1, ..Traits::default() };
    let wanted = [north(4), in_region("north", vec![instance(5, large), instance(6, large)])].concat();
    lab.apply(&wanted).unwrap();
    assert_eq!(launches(&lab), [3, 1, 2]);
    // A launch is in one call whole, after the call for the foundation.
    assert_eq!(lab.world.calls(StepKind::Create), [1, 3, 3]);
    for machine in lab.world.machines().values() {
        let recorded = lab.disk.recorded(|state| state.instances.get(&machine.instance).cloned()).unwrap();
        assert_eq!(recorded.launch.as_ref(), Some(&machine.launch));
    }
    lab.assert_is(&wanted);
}

#[test]
fn a_launch_that_is_tried_again_comes_again_whole() {
    let lab = Lab::with_batches(LATENCY, 3);
    for number in 1..=3 {
        lab.world.fail(&name(number), StepKind::Create, [Fault::before(Answer::Transient)]);
    }
    lab.apply(&like(3)).unwrap();
    assert_eq!(lab.world.calls(StepKind::Create), [3, 3]);
    assert_eq!(launches(&lab), [3]);
}

#[test]
fn a_machine_that_is_asked_for_again_keeps_its_launch() {
    let lab = Lab::with_batches(LATENCY, 3);
    let lost = Fault { effect: Effect::None, answer: Answer::Permanent };
    for number in [2, 3] {
        lab.world.fail(&name(number), StepKind::Create, [lost]);
    }
    lab.apply(&like(3)).unwrap();
    // Another that is new now is of another launch.
    lab.apply(&like(4)).unwrap();
    assert_eq!(launches(&lab), [3, 1]);
    let again = lab.world.asked_again();
    assert_eq!(again, [name(2), name(3)]);
    lab.assert_is(&like(4));
}

#[test]
fn what_was_certainly_refused_is_not_asked_for_again() {
    let lab = Lab::new(LATENCY);
    lab.world.fail(&name(1), StepKind::Create, [Fault::before(Answer::Refused)]);
    lab.apply(&like(1)).unwrap();
    lab.apply(&like(1)).unwrap();
    assert!(lab.world.asked_again().is_empty());
}
