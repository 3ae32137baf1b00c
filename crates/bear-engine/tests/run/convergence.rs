//! Whatever happened before: one apply in which nothing goes wrong makes the world as the fleet wants it.

use std::collections::BTreeMap;
use std::time::Duration;

use bear_core::plan::StepKind;
use bear_engine::{Limits, Stop};
use bear_lab::disk::{Fault as DiskFault, Survives, Trouble as DiskTrouble};
use bear_lab::world::{Answer, Effect, Fault, Latency};
use proptest::prelude::*;

use crate::fleets::{MOST, Sketch, Traits, any_fleet, instance, like, name};
use crate::lab::{Lab, cases};

const LATENCY: Latency = Latency::seconds(2, 4, 2, 2);

#[test]
fn resizing_touches_exactly_the_difference() {
    let lab = Lab::new(LATENCY);
    for (count, created, destroyed) in [(3, 3, 0), (5, 5, 0), (2, 5, 3)] {
        lab.apply(&like(count)).unwrap();
        assert_eq!(lab.world.changed(StepKind::Create), created);
        assert_eq!(lab.world.changed(StepKind::Install), created);
        assert_eq!(lab.world.changed(StepKind::Destroy), destroyed);
        lab.assert_is(&like(count));
    }
}

#[test]
fn a_broker_that_died_is_brought_back_on_its_machine() {
    let lab = Lab::new(LATENCY);
    lab.apply(&like(3)).unwrap();
    lab.world.kill_broker(&name(2));
    let life = lab.apply(&like(3)).unwrap();
    assert_eq!(life.plan.steps.node_count(), 2);
    assert_eq!(lab.world.changed(StepKind::Create), 3);
    lab.assert_is(&like(3));
}

#[test]
fn a_machine_that_vanished_is_made_anew() {
    let lab = Lab::new(LATENCY);
    lab.apply(&like(3)).unwrap();
    lab.world.lose_machine(&name(2));
    lab.apply(&like(3)).unwrap();
    assert_eq!(lab.world.changed(StepKind::Create), 4);
    assert_eq!(lab.world.changed(StepKind::Destroy), 0);
    lab.assert_is(&like(3));
}

#[test]
fn a_machine_that_was_in_doubt_and_is_to_be_another_goes_before_that_comes() {
    let lab = Lab::new(LATENCY);
    let late = Fault { effect: Effect::Late, answer: Answer::Permanent };
    lab.world.fail(&name(1), StepKind::Create, [late]);
    lab.apply(&like(1)).unwrap();
    let other = [instance(1, Traits { machine: 1, broker: 0 })];
    lab.apply(&other).unwrap();
    assert_eq!(lab.world.changed(StepKind::Destroy), 1);
    lab.assert_is(&other);
}

#[test]
fn a_launch_is_asked_for_whole_whatever_is_asked_for_again_in_between() {
    let lab = Lab::with_batches(LATENCY, 2);
    lab.world.fail(&name(2), StepKind::Create, [Fault::before(Answer::Permanent)]);
    lab.apply(&[instance(2, Traits::default())]).unwrap();
    lab.apply(&like(3)).unwrap();
    let launches = lab.world.machines().into_values().map(|machine| (machine.instance, machine.launch));
    let launches = launches.collect::<BTreeMap<_, _>>();
    assert_eq!(launches[&name(1)], launches[&name(3)]);
    lab.assert_is(&like(3));
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn every_edit_is_made_true_and_leaves_nothing_to_do(
        edits in prop::collection::vec(any_fleet(), 1..6),
        seed: u64,
    ) {
        let lab = Lab::new(LATENCY.varied(seed));
        lab.apply(&like(1)).unwrap();
        for wanted in edits.iter().map(Sketch::instances) {
            if let Some(life) = lab.apply(&wanted) {
                prop_assert!(life.summary().ok);
            }
            lab.assert_is(&wanted);
        }
    }
}

/// One bear, and all that goes wrong in its life.
#[derive(Clone, Debug)]
struct Trouble {
    wanted: Sketch,
    faults: Vec<(usize, StepKind, Fault)>,
    on_the_disk: Option<(usize, DiskFault)>,
    crash_at: Option<(Duration, Survives)>,
    asked: Vec<(Duration, Stop)>,
    /// Instances whose broker dies, or whose machine vanishes, before it is born.
    dead: Option<usize>,
    lost: Option<usize>,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let number = 1..=MOST;
    let fault = (number.clone(), prop::sample::select(&StepKind::ALL), any_fault());
    let when = || (0..15_000_u64).prop_map(Duration::from_millis);
    let asked = (when(), prop::sample::select(&[Stop::Drain, Stop::Now]));
    let survives = || prop_oneof![Just(Survives::Everything), any::<u64>().prop_map(Survives::Drawn)];
    let trouble = || {
        prop::sample::select(&[
            DiskTrouble::NoSpace,
            DiskTrouble::Quota,
            DiskTrouble::ReadOnly,
            DiskTrouble::Io,
        ])
    };
    let on_the_disk = prop_oneof![
        (0..=1000_u16).prop_map(DiskFault::DieDuring),
        Just(DiskFault::DieAfter),
        survives().prop_map(DiskFault::PowerCut),
        trouble().prop_map(DiskFault::Once),
        trouble().prop_map(DiskFault::FromNow),
    ];
    let fields = (
        any_fleet(),
        prop::collection::vec(fault, 0..8),
        prop::option::of((0..100_usize, on_the_disk)),
        prop::option::weighted(0.2, (when(), survives())),
        prop::collection::vec(asked, 0..2),
        prop::option::weighted(0.2, number.clone()),
        prop::option::weighted(0.2, number),
    );
    fields.prop_map(|(wanted, faults, on_the_disk, crash_at, asked, dead, lost)| Trouble {
        wanted,
        faults,
        on_the_disk,
        crash_at,
        asked,
        dead,
        lost,
    })
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let effect = prop::sample::select(&[Effect::None, Effect::Done, Effect::Late]);
    let answer = prop::sample::select(&[
        Answer::Permanent,
        Answer::Transient,
        Answer::Transient,
        Answer::Never,
        Answer::Panic,
    ]);
    (effect, answer).prop_map(|(effect, answer)| Fault { effect, answer })
}

impl Trouble {
    fn befalls(&self, lab: &Lab) {
        self.dead.iter().for_each(|&number| lab.world.kill_broker(&name(number)));
        self.lost.iter().for_each(|&number| lab.world.lose_machine(&name(number)));
        for (number, kind, fault) in &self.faults {
            lab.world.fail(&name(*number), *kind, [*fault]);
        }
        if let Some((nth, fault)) = self.on_the_disk {
            lab.disk.let_happen(nth, fault);
        }
        let _ = lab.apply_until(&self.wanted.instances(), self.crash_at, &self.asked);
        lab.world.calm();
        lab.disk.mend();
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn whatever_happened_one_good_apply_puts_it_right(
        troubles in prop::collection::vec(trouble(), 1..4),
        wanted in any_fleet(),
        seed: u64,
        batch_max in 1..4_usize,
        at_once in 1..4_usize,
        entangled in prop::collection::vec((0..12_usize, 0..12_usize), 0..8),
    ) {
        let lab = Lab::with_batches(LATENCY.varied(seed), batch_max).limited(Limits::default().with_parallelism(at_once)).entangled(entangled);
        lab.apply(&like(2)).unwrap();
        for trouble in &troubles {
            trouble.befalls(&lab);
        }
        let wanted = wanted.instances();
        lab.apply(&wanted);
        lab.assert_is(&wanted);
    }
}
