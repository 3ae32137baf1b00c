//! How much runs at once, and what goes together.

use std::time::Duration;

use bear_core::plan::StepKind;
use bear_engine::Limits;
use bear_lab::world::Latency;
use proptest::prelude::*;

use crate::fleets::like;
use crate::lab::Lab;

/// 100 instances of which each takes 1 s to create, 2 s to install and 1 s to prove.
#[track_caller]
fn check(limits: Limits, seconds: u64, most_at_once: [usize; 3]) {
    let lab = Lab::new(Latency::seconds(1, 2, 1, 1)).limited(limits);
    let wanted = like(100);
    let life = lab.apply(&wanted).unwrap();
    assert!(life.summary().ok);
    let kinds = [StepKind::Create, StepKind::Install, StepKind::Verify];
    assert_eq!(kinds.map(|kind| lab.world.most_at_once(kind)), most_at_once);
    assert_eq!(life.took, Duration::from_secs(seconds));
    lab.assert_is(&wanted);
}

#[test]
fn steps_run_at_once_within_the_limits_of_their_kind() {
    // Made together in 1 s; then installed in waves of 32, four of them; the last four are proven after the last wave.
    check(Limits::default(), 1 + 4 * 2 + 1, [100, 32, 16]);
    // One after the other in each kind, but the kinds side by side: the first waits for its create, the last for its
    // verify, and the installs in between never pause.
    check(Limits::default().with_parallelism(1), 1 + 100 * 2 + 1, [1, 1, 1]);
    check(Limits::default().with_parallelism(100), 1 + 2 + 1, [100, 100, 100]);
    // Nothing at once is not a limit that anything could be done with.
    check(Limits::default().with_parallelism(0), 1 + 100 * 2 + 1, [1, 1, 1]);
}

#[test]
fn machines_are_made_and_destroyed_in_batches() {
    let lab = Lab::with_batches(Latency::seconds(1, 1, 1, 1), 30);
    lab.apply(&like(100)).unwrap();
    assert_eq!(lab.world.calls(StepKind::Create), [30, 30, 30, 10]);
    assert_eq!(lab.world.calls(StepKind::Install), [1; 100]);
    assert_eq!(lab.world.calls(StepKind::Verify), [1; 100]);
    lab.apply(&[]).unwrap();
    assert_eq!(lab.world.calls(StepKind::Destroy), [30, 30, 30, 10]);
    lab.assert_is(&[]);
}

#[test]
fn steps_that_become_ready_together_are_made_durable_together() {
    let syncs = |count| {
        let lab = Lab::new(Latency::seconds(1, 1, 1, 1)).limited(Limits::default().with_parallelism(100));
        lab.apply(&like(count)).unwrap();
        lab.disk.syncs()
    };
    assert_eq!(syncs(20), syncs(1));
}

proptest! {
    #![proptest_config(crate::lab::cases(16))]

    #[test]
    fn never_more_at_once_than_allowed(at_once in 1..12_usize, count in 1..40_usize, seed: u64, batch_max in 1..50_usize) {
        let lab = Lab::with_batches(Latency::seconds(2, 4, 2, 1).varied(seed), batch_max).limited(Limits::default().with_parallelism(at_once));
        let wanted = like(count);
        lab.apply(&wanted).unwrap();
        for kind in StepKind::ALL {
            prop_assert!(lab.world.most_at_once(kind) <= at_once);
        }
        prop_assert!(lab.world.calls(StepKind::Create).iter().all(|&requests| requests <= batch_max));
        lab.assert_is(&wanted);
    }
}
