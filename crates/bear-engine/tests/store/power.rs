//! The store on a disk that knows what a power cut would take: whatever was acknowledged is there afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use bear_engine::store::{FleetFolder, Secrets, Store, StoreError};
use bear_lab::disk::{Crash, Fault, Kind, SimulatedDisk, Survives, Trouble};
use proptest::prelude::*;

use crate::support::{fleet, open, records, state};

/// What one bear does, in order.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Record(u64),
    Fold,
    KeepSecret(u8),
}

/// One bear, what goes wrong on its disk, and how its end is followed by a power cut.
#[derive(Clone, Debug)]
struct Life {
    deeds: Vec<Deed>,
    fault: Option<(usize, Fault)>,
    cut: Option<u64>,
}

/// A disk, and what bears were told to be durable on it.
#[derive(Default)]
struct Promise {
    disk: SimulatedDisk,
    serial: u64,
    secrets: Vec<u8>,
}

fn folder_on(disk: &SimulatedDisk) -> FleetFolder {
    FleetFolder::on(Arc::new(disk.process()), "/".as_ref(), &fleet())
}

impl Promise {
    fn live(&mut self, life: &Life) {
        if let Some((nth, fault)) = life.fault {
            self.disk.let_happen(nth, fault);
        }
        let lived = catch_unwind(AssertUnwindSafe(|| drop(self.do_all(&life.deeds))));
        if let Err(payload) = lived
            && !payload.is::<Crash>()
        {
            resume_unwind(payload);
        }
        self.disk.mend();
        match life.cut {
            Some(seed) => self.disk.power_cut(Survives::Drawn(seed)),
            None => self.disk.crash(),
        }
    }

    fn do_all(&mut self, deeds: &[Deed]) -> Result<(), StoreError> {
        let folder = folder_on(&self.disk);
        let mut store = open(&folder)?;
        // What a bear reads, it acts upon.
        self.serial = store.state().serial;
        for deed in deeds {
            match *deed {
                Deed::Record(count) => {
                    store.record(&records(self.serial + 1..=self.serial + count))?;
                    self.serial += count;
                }
                Deed::Fold => store.fold()?,
                Deed::KeepSecret(number) => {
                    Secrets::of(&folder).get_or_create(&number.to_string(), || "hunter2".into())?;
                    self.secrets.push(number);
                }
            }
        }
        Ok(())
    }

    #[track_caller]
    fn assert_kept(&self) {
        let folder = folder_on(&self.disk);
        let read = folder.load().unwrap().map_or_else(|| state(0), |loaded| loaded.state);
        assert!(read.serial >= self.serial, "serial {}, promised {}", read.serial, self.serial);
        assert_eq!(read, state(read.serial), "a state that never was");
        for number in &self.secrets {
            assert!(Secrets::of(&folder).get(&number.to_string()).unwrap().is_some(), "secret {number}");
        }
    }
}

fn any_life() -> impl Strategy<Value = Life> {
    let deed = prop_oneof![
        4 => (1..5_u64).prop_map(Deed::Record),
        2 => Just(Deed::Fold),
        1 => (0..3_u8).prop_map(Deed::KeepSecret),
    ];
    let trouble =
        || prop::sample::select(&[Trouble::NoSpace, Trouble::Quota, Trouble::ReadOnly, Trouble::Io]);
    let fault = prop_oneof![
        Just(Fault::DieBefore),
        (0..=1000_u16).prop_map(Fault::DieDuring),
        any::<u64>().prop_map(|seed| Fault::PowerCut(Survives::Drawn(seed))),
        trouble().prop_map(Fault::Once),
        trouble().prop_map(Fault::FromNow),
    ];
    let deeds = prop::collection::vec(deed, 0..6);
    (deeds, prop::option::weighted(0.8, (0..60_usize, fault)), prop::option::of(any::<u64>()))
        .prop_map(|(deeds, fault, cut)| Life { deeds, fault, cut })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_never_lost(lives in prop::collection::vec(any_life(), 1..6)) {
        let mut promise = Promise::default();
        for life in &lives {
            promise.live(life);
            promise.assert_kept();
        }
    }
}

#[test]
fn a_bear_that_died_before_its_names_were_durable_leaves_them_to_the_next() {
    // The first one is killed in a fold: its snapshot has its name, but not for sure.
    let mut promise = Promise::default();
    promise.live(&Life { deeds: vec![Deed::Record(3)], fault: None, cut: None });
    promise.disk.let_happen_to(Kind::Rename, "state.json", 0, Fault::DieAfter);
    promise.live(&Life { deeds: vec![Deed::Record(3), Deed::Fold], fault: None, cut: None });
    // The next one empties the journal, and the power goes.
    promise.live(&Life { deeds: vec![], fault: None, cut: None });
    promise.disk.power_cut(Survives::Nothing);
    promise.assert_kept();
    assert_eq!(promise.serial, 6);
}

/// The kernel forgets what it could not write, and the next flush says that all is well.
#[test]
fn an_old_journal_does_not_come_back_after_a_flush_that_failed() {
    let mut promise = Promise::default();
    let life = |deeds| Life { deeds, fault: None, cut: None };
    // The first one dies in a fold, just before it empties the journal.
    promise.disk.let_happen_to(Kind::SetLength, "journal.ndjson", 0, Fault::DieBefore);
    promise.live(&life(vec![Deed::Record(6), Deed::Fold]));
    // The next one empties it, and can't make that durable.
    promise.disk.let_happen_to(Kind::Sync, "journal.ndjson", 0, Fault::Once(Trouble::Io));
    promise.live(&life(vec![]));
    promise.live(&life(vec![Deed::Record(1)]));
    promise.disk.power_cut(Survives::Nothing);
    promise.assert_kept();
    assert_eq!(promise.serial, 7);
}

#[test]
fn what_a_failed_flush_left_in_memory_is_written_anew_before_it_counts() {
    // The flush fails, and so does taking back what was written: the next bear reads it from memory.
    let mut promise = Promise::default();
    promise.disk.let_happen_to(Kind::Sync, "journal.ndjson", 0, Fault::FromNow(Trouble::Io));
    promise.live(&Life { deeds: vec![Deed::Record(3)], fault: None, cut: None });
    assert_eq!(promise.serial, 0);
    promise.live(&Life { deeds: vec![], fault: None, cut: None });
    assert_eq!(promise.serial, 3);
    promise.disk.power_cut(Survives::Nothing);
    promise.assert_kept();
}
