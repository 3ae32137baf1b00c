//! Files that bear did not leave like that: each has an error of its own that says what to do, and nothing changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bear_core::name::FleetName;
use bear_engine::store::{FileStore, FleetFolder, Store};

use crate::support::{open, project, records, shown, take};

/// Applies `change` to the files of a fleet with two snapshots and a journal of three batches, and shows what opening
/// it says.
#[track_caller]
fn check(change: impl FnOnce(&FleetFolder)) -> String {
    let (project, folder) = project();
    let mut store = open(&folder).unwrap();
    store.record(&records(1..=4)).unwrap();
    store.fold().unwrap();
    (5..=7).for_each(|serial| store.record(&records(serial..=serial)).unwrap());
    drop(store);
    change(&folder);
    let before = contents(folder.path());

    let read = folder.load().unwrap_err();
    let opened = open(&folder).unwrap_err();
    assert_eq!(read.to_string(), opened.to_string());
    assert_eq!(contents(folder.path()), before);
    shown(&opened, project.path())
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, change(text)).unwrap();
}

#[test]
fn half_a_state() {
    let said = check(|folder| edit(&folder.state(), |text| text[..text.len() / 2].into()));
    insta::with_settings!({ filters => [(r"at line 1 column \d+", "at line 1 column N")] }, {
        insta::assert_snapshot!(said, @"
        could not read PROJECT/.bear/demo/state.json: it is damaged: EOF while parsing a string at line 1 column N
        nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
        ");
    });
}

#[test]
fn an_empty_state() {
    insta::assert_snapshot!(check(|folder| fs::write(folder.state(), "").unwrap()), @"
    could not read PROJECT/.bear/demo/state.json: it is damaged: EOF while parsing a value at line 1 column 0
    nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
}

#[test]
fn a_state_that_is_gone() {
    insta::assert_snapshot!(check(|folder| fs::remove_file(folder.state()).unwrap()), @"
    PROJECT/.bear/demo/state.json is missing, though the fleet was applied before
    nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
    insta::assert_snapshot!(check(|folder| {
        fs::remove_file(folder.state()).unwrap();
        fs::remove_file(folder.journal()).unwrap();
    }), @"
    PROJECT/.bear/demo/state.json is missing, though the fleet was applied before
    nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
}

#[test]
fn a_state_of_a_newer_bear() {
    let newer = |text: String| text.replace("\"version\":1", "\"version\":2");
    insta::assert_snapshot!(check(|folder| edit(&folder.state(), newer)), @"
    could not read PROJECT/.bear/demo/state.json: it was written by a newer bear (format 2, this one reads up to 1)
    use the bear that wrote it, or a later one; nothing was changed
    ");
}

#[test]
fn a_journal_of_a_newer_bear() {
    let newer = |text: String| text + "{\"v\":2,\"sum\":\"new\"}\n";
    insta::assert_snapshot!(check(|folder| edit(&folder.journal(), newer)), @"
    could not read PROJECT/.bear/demo/journal.ndjson: line 4 was written by a newer bear (format 2, this one reads up to 1)
    use the bear that wrote it, or a later one; nothing was changed
    ");
}

#[test]
fn a_journal_with_a_hole() {
    let hole = |text: String| text.replacen("demo", "dem0", 1);
    insta::assert_snapshot!(check(|folder| edit(&folder.journal(), hole)), @"
    could not read PROJECT/.bear/demo/journal.ndjson: line 1 is damaged, and later entries follow it
    nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
}

#[test]
fn a_state_that_is_a_folder() {
    insta::assert_snapshot!(check(|folder| {
        fs::remove_file(folder.state()).unwrap();
        fs::create_dir(folder.state()).unwrap();
    }), @"
    could not read PROJECT/.bear/demo/state.json: Is a directory (os error 21)
    a folder stands where a file belongs; move it away
    ");
}

#[test]
fn the_state_of_another_fleet() {
    let (project, folder) = project();
    drop(open(&folder).unwrap());
    let other = FleetName::new("other").unwrap();
    let moved = FleetFolder::new(project.path(), &other);
    fs::rename(folder.path(), moved.path()).unwrap();
    let error = FileStore::open(take(&moved).unwrap(), &other, String::new).unwrap_err();
    insta::assert_snapshot!(shown(&error, project.path()), @"
    PROJECT/.bear/other is the state of fleet `demo`, not of `other`
    nothing was changed; move the folder to where fleet `demo` keeps its state
    ");
}

#[test]
fn a_folder_that_cant_be_written() {
    let (project, folder) = project();
    fs::write(project.path().join(".bear"), "").unwrap();
    insta::assert_snapshot!(shown(&open(&folder).unwrap_err(), project.path()), @"
    could not create PROJECT/.bear: File exists (os error 17)
    something that is no folder stands where a folder belongs; move it away
    ");
}

#[test]
fn a_lock_that_is_a_folder() {
    let (project, folder) = project();
    fs::create_dir_all(folder.lock()).unwrap();
    insta::assert_snapshot!(shown(&open(&folder).unwrap_err(), project.path()), @"
    could not open PROJECT/.bear/demo/lock: Is a directory (os error 21)
    a folder stands where a file belongs; move it away
    ");
}
