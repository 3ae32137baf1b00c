//! Where there is no room left: what was recorded stays, nothing else is begun, and after room is made it goes on.

use bear_engine::store::{FleetFolder, Store, StoreError};

use crate::support::{Other, create, given_folder, instance, open, project, records, say, shown, state};

/// A few hundred records, and more than one page.
const BLOCKS: u32 = 40;

#[test]
#[ignore = "the process that a test below starts where no file may grow"]
fn record_until_it_fails() {
    let Some(folder) = given_folder() else { return };
    let mut store = open(&folder).unwrap();
    let error = loop {
        let serial = store.state().serial;
        if let Err(error) = store.record(&records(serial + 1..=serial + 5)) {
            break error;
        }
    };
    say_all(&folder, &error);
    say(&store.record(&records(1..=1)).unwrap_err().to_string().replace(&parent(&folder), "PROJECT"));
    say(&store.fold().unwrap_err().to_string().replace(&parent(&folder), "PROJECT"));
    say(&store.state().serial.to_string());
}

#[test]
#[ignore = "the process that a test below starts where no file may grow"]
fn fold_until_it_fails() {
    let Some(folder) = given_folder() else { return };
    let mut store = open(&folder).unwrap();
    let error = loop {
        let serial = store.state().serial;
        store.record(&[create(serial + 1, instance(serial + 1))]).unwrap();
        if let Err(error) = store.fold() {
            break error;
        }
    };
    say_all(&folder, &error);
    // The journal has room yet.
    let serial = store.state().serial;
    store.record(&[create(serial + 1, instance(serial + 1))]).unwrap();
    say(&store.state().serial.to_string());
}

fn parent(folder: &FleetFolder) -> String {
    folder.path().ancestors().nth(2).unwrap().to_str().unwrap().to_owned()
}

fn say_all(folder: &FleetFolder, error: &StoreError) {
    shown(error, parent(folder).as_ref()).lines().for_each(say);
}

#[test]
fn no_room_for_the_journal() {
    let (project, folder) = project();
    let mut other = Other::start_without_room(BLOCKS, "room::record_until_it_fails", project.path());
    let said = std::iter::from_fn(|| other.next()).collect::<Vec<_>>();
    let (serial, errors) = said.split_last().unwrap();
    insta::assert_snapshot!(errors.join("\n"), @"
    could not append to PROJECT/.bear/demo/journal.ndjson: File too large (os error 27)
    make room where PROJECT/.bear/demo lies, then run the command again: what was recorded before is safe, and it goes on from there
    nothing more is written to PROJECT/.bear/demo/journal.ndjson, because an earlier write to it failed
    nothing more is written to PROJECT/.bear/demo/journal.ndjson, because an earlier write to it failed
    ");

    let serial = serial.parse().unwrap();
    let mut store = open(&folder).unwrap();
    assert_eq!(*store.state(), state(serial));
    assert_eq!(
        store.recovered().unwrap().torn_bytes,
        0,
        "what was written of the last batch was not taken back"
    );
    store.record(&records(serial + 1..=serial + 5)).unwrap();
    store.fold().unwrap();
    assert_eq!(folder.load().unwrap().unwrap().state, state(serial + 5));
}

#[test]
fn no_room_for_a_snapshot() {
    let (project, folder) = project();
    let mut other = Other::start_without_room(BLOCKS, "room::fold_until_it_fails", project.path());
    let said = std::iter::from_fn(|| other.next()).collect::<Vec<_>>();
    let (serial, errors) = said.split_last().unwrap();
    insta::assert_snapshot!(errors.join("\n"), @"
    could not write PROJECT/.bear/demo/state.json.tmp: File too large (os error 27)
    make room where PROJECT/.bear/demo lies, then run the command again: what was recorded before is safe, and it goes on from there
    ");

    assert!(!folder.path().join("state.json.tmp").exists(), "half a file takes the room");
    let mut store = open(&folder).unwrap();
    assert_eq!(store.state().serial.to_string(), *serial);
    assert_eq!(store.state().instances.len().to_string(), *serial);
    store.fold().unwrap();
    assert_eq!(folder.load().unwrap().unwrap().state, *store.state());
}
