//! Crashes at every write and at every moment, and what the next bear makes of it.

use std::time::Duration;

use bear_core::fleet::Instance;
use bear_lab::disk::{Fault, Survives};
use bear_lab::world::Latency;
use proptest::prelude::*;

use crate::fleets::{Traits, any_fleet, in_region, instance, like};
use crate::lab::{Lab, cases};

/// Every way to die at any change to the disk. To die before one is to die after the one before.
const CRASHES: [Fault; 3] =
    [Fault::DieBefore, Fault::PowerCut(Survives::Nothing), Fault::PowerCut(Survives::Drawn(1))];

/// Further ways to die at a write.
const CRASHES_IN_A_WRITE: [Fault; 6] = [
    Fault::DieDuring(1),
    Fault::DieDuring(600),
    Fault::DieDuring(999),
    Fault::PowerCut(Survives::Torn(1)),
    Fault::PowerCut(Survives::Torn(999)),
    Fault::PowerCut(Survives::Holed),
];

const LATENCY: Latency = Latency::seconds(2, 4, 2, 2);

fn lab_with(before: &[Instance], seed: u64, batch_max: usize) -> Lab {
    let lab = Lab::with_batches(LATENCY.varied(seed), batch_max);
    lab.apply(before);
    lab
}

/// Takes a fleet to `after` and dies at the `nth` change to the disk; whether it got that far.
fn dies_at(lab: &Lab, after: &[Instance], nth: usize, how: Fault) -> bool {
    lab.disk.let_happen(nth, how);
    let died = lab.apply_until(after, None, &[]).is_err();
    lab.disk.mend();
    died
}

/// Dies at every change to the disk, in every way; each time the next bear, with no more than the disk, must put everything right.
fn check_every_write(before: &[Instance], after: &[Instance], seed: u64, batch_max: usize) {
    let lab = lab_with(before, seed, batch_max);
    lab.disk.keep_trace();
    lab.apply(after);
    for (nth, change) in lab.disk.trace().lines().enumerate() {
        let in_a_write = if change.contains(": write ") { &CRASHES_IN_A_WRITE[..] } else { &[] };
        for how in CRASHES.iter().chain(in_a_write) {
            let lab = lab_with(before, seed, batch_max);
            assert!(dies_at(&lab, after, nth, *how));
            lab.apply(after);
            if !after.is_empty() || !before.is_empty() {
                lab.assert_is(after);
            }
        }
    }
}

/// A create, an install, a replacement, a removal and one that stays as it is.
fn a_bit_of_everything() -> (Vec<Instance>, Vec<Instance>) {
    let after = vec![
        instance(1, Traits::default()),
        instance(2, Traits { broker: 1, ..Traits::default() }),
        instance(3, Traits { machine: 1, ..Traits::default() }),
        instance(5, Traits::default()),
    ];
    (like(4), after)
}

#[test]
fn a_crash_at_any_write_is_put_right() {
    let (before, after) = a_bit_of_everything();
    check_every_write(&before, &after, 1, 1);
    check_every_write(&[], &like(3), 2, 3);
    check_every_write(&like(3), &[], 3, 2);
}

#[test]
fn a_crash_at_any_write_leaves_the_foundation_as_it_is_recorded() {
    let north = |instances| in_region("north", instances);
    let (before, after) = a_bit_of_everything();
    // New, gone, with other rules, and in another region.
    check_every_write(&[], &north(like(2)), 5, 2);
    check_every_write(&north(like(2)), &[], 6, 2);
    check_every_write(&north(before.clone()), &north(after.clone()), 7, 1);
    check_every_write(&north(before), &in_region("south", after), 8, 2);
}

#[test]
fn a_crash_in_the_recovery_from_a_crash_is_put_right() {
    let (before, after) = a_bit_of_everything();
    for first in 0.. {
        // Every moment of the one and every moment of the other, and of their pairs a third.
        for second in (first % 3..).step_by(3) {
            let lab = lab_with(&before, 4, 1);
            let died = dies_at(&lab, &after, first, CRASHES[first % CRASHES.len()]);
            let died_again = dies_at(&lab, &after, second, CRASHES[second / 3 % CRASHES.len()]);
            lab.apply(&after);
            lab.assert_is(&after);
            if !died {
                return;
            }
            if !died_again {
                break;
            }
        }
    }
}

#[test]
fn a_crash_at_any_moment_is_put_right() {
    let (before, after) = a_bit_of_everything();
    // Everything takes whole seconds, and has its effect after half of them: all that happens, happens at a multiple
    // of a quarter of a second, or just before or after one.
    for quarter in 0.. {
        for off in [0, 1] {
            let lab = Lab::with_batches(Latency::seconds(1, 2, 1, 1), 1);
            lab.apply(&before);
            let survives = if off == 0 { Survives::Everything } else { Survives::Nothing };
            let when = Duration::from_millis(quarter * 250 + off);
            let died = lab.apply_until(&after, Some((when, survives)), &[]).is_err();
            lab.apply(&after);
            lab.assert_is(&after);
            if !died {
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn a_crash_at_any_write_of_any_run_is_put_right(
        before in any_fleet(),
        after in any_fleet(),
        seed: u64,
        batch_max in 1..4_usize,
    ) {
        check_every_write(&before.instances(), &after.instances(), seed, batch_max);
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn crashes_at_random_moments_are_put_right(
        lives in prop::collection::vec((any_fleet(), 0..12_000_u64), 1..5),
        seed: u64,
        batch_max in 1..4_usize,
    ) {
        let lab = lab_with(&like(2), seed, batch_max);
        for (wanted, millis) in &lives {
            let crash = (Duration::from_millis(*millis), Survives::Drawn(seed ^ millis));
            let _ = lab.apply_until(&wanted.instances(), Some(crash), &[]);
        }
        let wanted = lives[0].0.instances();
        lab.apply(&wanted);
        lab.assert_is(&wanted);
    }
}
