//! The history: the last snapshots, and going back to one without forgetting what exists.

use std::fs;

use bear_core::state::v1::{Machine, Record, State};
use bear_engine::store::{FleetFolder, Store, StoreError, restore};
use jiff::Timestamp;

use crate::support::{create, fleet, instance, open, project, record, records, shown, state, take};

fn kept(folder: &FleetFolder) -> Vec<u64> {
    folder.snapshots().unwrap().iter().map(|entry| entry.serial).collect()
}

/// Records and folds, one batch after the other.
fn fold_each(folder: &FleetFolder, batches: &[&[Record]]) {
    let mut store = open(folder).unwrap();
    for batch in batches {
        store.record(batch).unwrap();
        store.fold().unwrap();
    }
}

fn instances(state: &State) -> String {
    let shown = state.instances.iter().map(|(name, recorded)| {
        let machine = recorded.machine.as_ref().map_or("-", |machine| &machine.id);
        format!("{name} generation {} {} {machine}", recorded.generation, recorded.phase)
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_last_twenty_are_kept() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    for serial in 1..=25 {
        store.record(&[record(serial)]).unwrap();
        store.fold().unwrap();
    }
    assert_eq!(kept(&folder), (6..=25).collect::<Vec<_>>());
    let entries = folder.snapshots().unwrap();
    assert!(entries.iter().all(|entry| entry.instances == Some(state(entry.serial).instances.len())));
    assert!(entries.is_sorted_by_key(|entry| entry.at));
}

#[test]
fn a_snapshot_that_cant_be_read_is_listed() {
    let (_project, folder) = project();
    fold_each(&folder, &[&records(1..=4)]);
    fs::write(folder.history().join("000000000004.json"), "{").unwrap();
    let instances = folder.snapshots().unwrap().iter().map(|entry| entry.instances).collect::<Vec<_>>();
    assert_eq!(instances, [Some(0), None]);
    let error = restore(&take(&folder).unwrap(), &fleet(), 4).unwrap_err();
    assert!(matches!(error, StoreError::Snapshot { .. }));
    assert_eq!(*open(&folder).unwrap().state(), state(4));
}

#[test]
fn restoring_forgets_nothing_that_exists() {
    let at = Timestamp::UNIX_EPOCH;
    let made = |index: u64, generation: u64| {
        let machine = bear_core::state::v1::Machine::new(format!("m-{index}-{generation}"), "127.0.0.1");
        [
            create(generation, instance(index)),
            Record::Created { at, instance: instance(index), machine },
            Record::Verified { at, instance: instance(index), checks: 12 },
        ]
    };
    let (_project, folder) = project();
    let before = [made(1, 1), made(2, 2), made(3, 3), made(4, 4)].concat();
    let failed = "no room".into();
    let after = [
        // 1 stays as it is, 2 is broken, 3 is replaced, 4 is forgotten by mistake, and 5 is new.
        vec![
            Record::VerifyBegan { at, instance: instance(2) },
            Record::Failed {
                at,
                instance: instance(2),
                step: bear_core::plan::StepKind::Verify,
                error: failed,
            },
            Record::Destroyed { at, instance: instance(3) },
            Record::Forgotten { at, instance: instance(4) },
        ],
        made(3, 5).to_vec(),
        made(5, 6).to_vec(),
        vec![Record::RunBegan { at, file: "other.yaml".into(), plan: Some("used".into()) }],
    ]
    .concat();
    fold_each(&folder, &[&before]);
    // The present state is partly in the journal.
    open(&folder).unwrap().record(&after).unwrap();
    let present = folder.load().unwrap().unwrap().state;

    let restored = restore(&take(&folder).unwrap(), &fleet(), before.len() as u64).unwrap();
    insta::assert_snapshot!(instances(&restored), @"
    demo-broker-1 generation 1 verified m-1-1
    demo-broker-2 generation 2 created m-2-2
    demo-broker-3 generation 5 verified m-3-5
    demo-broker-4 generation 4 created m-4-4
    demo-broker-5 generation 6 verified m-5-6
    ");
    assert_eq!(restored.serial, present.serial + 1);
    assert_eq!(restored.generation, 6);
    assert_eq!(restored.used_plans, ["used"]);
    assert_eq!(*open(&folder).unwrap().state(), restored);
    assert_eq!(kept(&folder), [0, before.len() as u64, present.serial, restored.serial]);
}

/// The token of a machine that ended is never asked for again.
#[test]
fn restoring_asks_for_nothing_that_has_ended() {
    let at = Timestamp::UNIX_EPOCH;
    let (_project, folder) = project();
    let gone = [Record::Destroyed { at, instance: instance(1) }];
    fold_each(&folder, &[&[create(1, instance(1))], &gone]);
    let restored = restore(&take(&folder).unwrap(), &fleet(), 1).unwrap();
    insta::assert_snapshot!(instances(&restored), @"demo-broker-1 generation 1 destroying -");
}

#[test]
fn restoring_goes_back_behind_nothing_that_is_known_of_a_machine() {
    #[track_caller]
    fn check(known: Record) -> String {
        let (_project, folder) = project();
        fold_each(&folder, &[&[create(1, instance(1))], &[known]]);
        instances(&restore(&take(&folder).unwrap(), &fleet(), 1).unwrap())
    }
    let (at, instance) = (Timestamp::UNIX_EPOCH, instance(1));
    insta::assert_snapshot!(check(Record::DestroyBegan { at, instance: instance.clone() }), @"demo-broker-1 generation 1 destroying -");
    let machine = Machine::new("m-1", "127.0.0.1");
    insta::assert_snapshot!(check(Record::Created { at, instance, machine }), @"demo-broker-1 generation 1 created m-1");
}

#[test]
fn what_a_crash_left_in_the_midst_of_a_fold_is_put_in_order() {
    let (_project, folder) = project();
    fold_each(&folder, &[&records(1..=4)]);
    fs::remove_file(folder.history().join("000000000004.json")).unwrap();
    let left =
        ["state.json.tmp", "journal.ndjson.tmp", "history/new.tmp"].map(|name| folder.path().join(name));
    for path in &left {
        fs::write(path, "half").unwrap();
    }
    drop(open(&folder).unwrap());
    assert_eq!(kept(&folder), [0, 4]);
    assert_eq!(left.each_ref().map(|path| path.exists()), [false; 3]);
}

#[test]
fn killed_while_restoring() {
    let (_project, folder) = project();
    fold_each(&folder, &[&records(1..=4)]);
    open(&folder).unwrap().record(&records(5..=6)).unwrap();
    let journal = fs::read(folder.journal()).unwrap();
    let restored = restore(&take(&folder).unwrap(), &fleet(), 4).unwrap();
    // The new snapshot is there, and the journal was not emptied.
    fs::write(folder.journal(), journal).unwrap();

    let mut store = open(&folder).unwrap();
    assert_eq!(*store.state(), restored);
    store.record(&records(8..=9)).unwrap();
    let after = store.state().clone();
    drop(store);
    assert_eq!(*open(&folder).unwrap().state(), after);
}

#[test]
fn restoring_repairs_what_was_damaged() {
    #[track_caller]
    fn check(damage: impl FnOnce(&FleetFolder), expected: u64) {
        let (_project, folder) = project();
        fold_each(&folder, &[&records(1..=4), &records(5..=8)]);
        let mut store = open(&folder).unwrap();
        (9..=12).for_each(|serial| store.record(&[record(serial)]).unwrap());
        drop(store);
        damage(&folder);

        assert!(open(&folder).is_err());
        let newest = *kept(&folder).last().unwrap();
        let restored = restore(&take(&folder).unwrap(), &fleet(), newest).unwrap();
        assert_eq!(restored.instances, state(expected).instances);
        let mut store = open(&folder).unwrap();
        assert_eq!(*store.state(), restored);
        store.record(&records(20..=21)).unwrap();
        store.fold().unwrap();
    }
    check(|folder| fs::write(folder.state(), "{\"version\":1,").unwrap(), 12);
    check(|folder| fs::remove_file(folder.state()).unwrap(), 12);
    check(
        |folder| {
            fs::remove_file(folder.state()).unwrap();
            fs::remove_file(folder.journal()).unwrap();
        },
        8,
    );
    check(
        // Only what the damaged line said is lost: that the tenth record proved an instance anew.
        |folder| {
            let text = fs::read_to_string(folder.journal()).unwrap();
            fs::write(folder.journal(), text.replacen("\"checks\":12", "\"checks\":13", 1)).unwrap();
        },
        12,
    );
}

#[test]
fn what_is_damaged_is_set_aside() {
    let (_project, folder) = project();
    fold_each(&folder, &[&records(1..=4)]);
    fs::write(folder.state(), "half").unwrap();
    restore(&take(&folder).unwrap(), &fleet(), 4).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("state.json.damaged")).unwrap(), "half");
}

#[test]
fn what_cant_be_restored() {
    #[track_caller]
    fn check(serial: u64, change: impl FnOnce(&FleetFolder)) -> String {
        let (project, folder) = project();
        fold_each(&folder, &[&records(1..=4), &records(5..=8)]);
        change(&folder);
        let before = fs::read(folder.state()).unwrap();
        let error = restore(&take(&folder).unwrap(), &fleet(), serial).unwrap_err();
        assert_eq!(fs::read(folder.state()).unwrap(), before);
        shown(&error, project.path())
    }
    let replace = |folder: &FleetFolder, from: &str, to: &str| {
        let text = fs::read_to_string(folder.state()).unwrap().replace(from, to);
        fs::write(folder.state(), text).unwrap();
    };
    insta::assert_snapshot!(check(7, |_| {}), @"
    no snapshot with serial 7 is kept in PROJECT/.bear/demo/history
    `bear state history` lists the snapshots that are kept
    ");
    insta::assert_snapshot!(check(4, |folder| replace(folder, "\"lineage\":\"0", "\"lineage\":\"1")), @"
    PROJECT/.bear/demo/history/000000000004.json has another lineage than the present state
    nothing was changed; choose another snapshot
    ");
    insta::assert_snapshot!(check(4, |folder| replace(folder, "\"version\":1", "\"version\":2")), @"
    could not read PROJECT/.bear/demo/state.json: it was written by a newer bear (format 2, this one reads up to 1)
    use the bear that wrote it, or a later one; nothing was changed
    ");
}
