//! Processes that are killed while they record and fold: nothing that was acknowledged is lost.

use std::fs;
use std::io::Write;
use std::time::Duration;

use bear_engine::store::{Recovery, Store};

use crate::support::{Other, given_folder, open, project, records, say, state};

const KILLS: u64 = 30;

#[test]
#[ignore = "the process that the test below kills"]
fn record_and_fold() {
    let Some(folder) = given_folder() else { return };
    let mut store = open(&folder).unwrap();
    for turn in 1..100_000 {
        let serial = store.state().serial;
        store.record(&records(serial + 1..=serial + 1 + turn % 3)).unwrap();
        say(&store.state().serial.to_string());
        if turn % 4 == 0 {
            store.fold().unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment() {
    let (project, folder) = project();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut other = Other::start("crash::record_and_fold", project.path());
        // Some are killed while they open the store, others after a while, and none at a moment that repeats.
        for _ in 0..kill * 7 % 40 {
            acknowledged = other.next().unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_micros(kill * 1237 % 9000));
        if let Some(last) = other.kill().last() {
            acknowledged = last.parse().unwrap();
        }

        let read = folder.load().unwrap().map(|loaded| loaded.state);
        let serial = read.as_ref().map_or(0, |state| state.serial);
        assert!(serial >= acknowledged, "kill {kill}: serial {serial}, acknowledged {acknowledged}");
        assert_eq!(read.unwrap_or(state(0)), state(serial), "kill {kill}: a state that never was");
        let store = open(&folder).unwrap();
        assert_eq!(store.state().serial, serial, "kill {kill}: opening it says something else");
    }
    assert!(acknowledged > KILLS, "hardly anything was recorded");
}

#[test]
fn a_torn_tail_is_cut_off() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    assert_eq!(store.recovered(), None);
    store.record(&records(1..=3)).unwrap();
    drop(store);
    let whole = fs::read(folder.journal()).unwrap();
    let mut journal = fs::OpenOptions::new().append(true).open(folder.journal()).unwrap();
    journal.write_all(&whole[..50]).unwrap();

    let torn = Recovery { entries: 3, torn_bytes: 50 };
    assert_eq!(folder.load().unwrap().unwrap().recovery, torn);
    assert_eq!(fs::read(folder.journal()).unwrap().len(), whole.len() + 50, "reading changed it");
    let mut store = open(&folder).unwrap();
    assert_eq!(store.recovered(), Some(torn));
    assert_eq!(fs::read(folder.journal()).unwrap(), whole);
    assert_eq!(*store.state(), state(3));

    store.record(&records(4..=4)).unwrap();
    store.fold().unwrap();
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.recovered(), None);
    assert_eq!(*store.state(), state(4));
}

#[test]
fn killed_between_the_snapshot_and_emptying_the_journal() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    store.record(&records(1..=6)).unwrap();
    let journal = fs::read(folder.journal()).unwrap();
    store.fold().unwrap();
    drop(store);
    fs::write(folder.journal(), journal).unwrap();

    assert_eq!(folder.load().unwrap().unwrap().state, state(6));
    let mut store = open(&folder).unwrap();
    assert_eq!(store.recovered(), None);
    store.record(&records(7..=8)).unwrap();
    drop(store);
    assert_eq!(*open(&folder).unwrap().state(), state(8));
}

#[test]
fn what_a_killed_fold_left_behind_is_in_nobodys_way() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    let half = folder.path().join("state.json.tmp");
    fs::write(&half, "{\"version\":1,\"fl").unwrap();
    store.record(&records(1..=2)).unwrap();
    store.fold().unwrap();
    assert_eq!(folder.load().unwrap().unwrap().state, state(2));
    assert!(!half.exists());
}

#[test]
fn nothing_recorded_is_nothing_written() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    store.record(&[]).unwrap();
    let before = fs::metadata(folder.state()).unwrap().modified().unwrap();
    store.fold().unwrap();
    assert_eq!(fs::metadata(folder.state()).unwrap().modified().unwrap(), before);
    assert_eq!(folder.snapshots().unwrap().len(), 1);
}
