//! Reading without the lock, beside a bear that records and folds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bear_engine::store::{Secrets, Store};

use crate::support::{open, project, records, state};

const FOLDS: usize = 200;

#[test]
fn readers_beside_a_writer_see_only_states_that_were() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = || {
            let mut serials = vec![0];
            while !done.load(Ordering::Relaxed) {
                let read = folder.load().unwrap().unwrap().state;
                assert_eq!(read, state(read.serial));
                assert!(Some(&read.serial) >= serials.last(), "the serial went back");
                serials.push(read.serial);
            }
            serials.dedup();
            serials.len()
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        for _ in 0..FOLDS {
            let serial = store.state().serial;
            store.record(&records(serial + 1..=serial + 2)).unwrap();
            store.record(&records(serial + 3..=serial + 3)).unwrap();
            store.fold().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.map(|reader| reader.join().unwrap())
    });
    assert!(seen.iter().all(|&states| states > 10), "the readers saw hardly anything: {seen:?}");
}

#[test]
fn a_fleet_that_was_never_applied() {
    let (project, folder) = project();
    assert_eq!(folder.load().unwrap(), None);
    assert_eq!(folder.snapshots().unwrap(), []);
    assert!(fs::read_dir(project.path()).unwrap().next().is_none(), "reading left something behind");
}

#[test]
fn the_lineage_is_drawn_once() {
    let (_project, folder) = project();
    drop(open(&folder).unwrap());
    let lock = crate::support::take(&folder).unwrap();
    let store = bear_engine::store::FileStore::open(lock, &crate::support::fleet(), || panic!("drawn again"));
    assert_eq!(store.unwrap().state().lineage, "0123456789abcdef");
}

#[test]
fn everything_is_for_its_owner_alone() {
    let (_project, folder) = project();
    let mut store = open(&folder).unwrap();
    store.record(&records(1..=5)).unwrap();
    store.fold().unwrap();
    Secrets::of(&folder).get_or_create("cookie", || "c".into()).unwrap();

    let mut modes = Vec::new();
    walk(folder.path(), &mut modes);
    modes.sort();
    insta::assert_snapshot!(modes.join("\n"), @"
    000000000000.json 600
    000000000005.json 600
    demo 700
    history 700
    journal.ndjson 600
    lock 600
    secrets.json 600
    state.json 600
    ");
}

fn walk(path: &Path, modes: &mut Vec<String>) {
    let metadata = fs::metadata(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    modes.push(format!("{name} {:o}", metadata.permissions().mode() & 0o777));
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), modes);
        }
    }
}
