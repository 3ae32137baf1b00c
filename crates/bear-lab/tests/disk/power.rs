//! Power cuts.

use std::collections::BTreeMap;
use std::path::Path;

use bear_engine::store::{Filesystem, Open};
use bear_lab::disk::{SimulatedDisk, SimulatedProcess, Survives};
use proptest::prelude::*;

use crate::{create, sync, sync_names};

/// What is in the files after a power cut.
fn after(survives: Survives, act: impl FnOnce(&SimulatedProcess)) -> BTreeMap<String, String> {
    let disk = SimulatedDisk::new();
    act(&disk.process());
    disk.power_cut(survives);
    let process = disk.process();
    let files = process.list(Path::new("/")).unwrap().into_iter().map(|name| {
        let bytes = process.read(&Path::new("/").join(&name)).unwrap();
        (name.into_string().unwrap(), String::from_utf8(bytes).unwrap().replace('\0', "-"))
    });
    files.collect()
}

fn files<const N: usize>(expected: [(&str, &str); N]) -> BTreeMap<String, String> {
    expected.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.to_owned())).collect()
}

#[test]
fn bytes_and_names_are_durable_each_for_themselves() {
    let nothing = Survives::Nothing;
    assert_eq!(after(nothing, |it| create(it, "/a", b"one")), files([]));
    let without_its_name = |it: &SimulatedProcess| {
        create(it, "/a", b"one");
        sync(it, "/a");
    };
    assert_eq!(after(nothing, without_its_name), files([]));
    let without_its_bytes = |it: &SimulatedProcess| {
        create(it, "/a", b"one");
        sync_names(it);
    };
    assert_eq!(after(nothing, without_its_bytes), files([("a", "")]));
    let both = |it: &SimulatedProcess| {
        create(it, "/a", b"one");
        sync(it, "/a");
        sync_names(it);
    };
    assert_eq!(after(nothing, both), files([("a", "one")]));
}

#[test]
fn a_name_that_is_taken_leads_to_the_one_or_the_other() {
    let rename = |it: &SimulatedProcess| {
        for (name, bytes) in [("/a", b"old"), ("/a.tmp", b"new")] {
            create(it, name, bytes);
            sync(it, name);
        }
        sync_names(it);
        it.rename(Path::new("/a.tmp"), Path::new("/a")).unwrap();
    };
    assert_eq!(after(Survives::Nothing, rename), files([("a", "old"), ("a.tmp", "new")]));
    assert_eq!(after(Survives::Everything, rename), files([("a", "new")]));
}

#[test]
fn a_file_that_was_removed_may_come_back() {
    let remove = |it: &SimulatedProcess| {
        create(it, "/a", b"one");
        sync(it, "/a");
        sync_names(it);
        it.remove(Path::new("/a")).unwrap();
    };
    assert_eq!(after(Survives::Nothing, remove), files([("a", "one")]));
    assert_eq!(after(Survives::Everything, remove), files([]));
}

#[test]
fn what_was_being_written_is_torn_or_holed() {
    let append = |it: &SimulatedProcess| {
        create(it, "/a", b"old,");
        sync(it, "/a");
        sync_names(it);
        it.open(Path::new("/a"), Open::Append).unwrap().append(b"12345678").unwrap();
    };
    assert_eq!(after(Survives::Nothing, append), files([("a", "old,")]));
    assert_eq!(after(Survives::Torn(500), append), files([("a", "old,1234")]));
    assert_eq!(after(Survives::Holed, append), files([("a", "old,----5678")]));
    assert_eq!(after(Survives::Everything, append), files([("a", "old,12345678")]));
}

#[test]
fn every_seed_draws_something_and_always_the_same() {
    let append = |it: &SimulatedProcess| {
        create(it, "/a", b"old,");
        sync(it, "/a");
        sync_names(it);
        it.open(Path::new("/a"), Open::Append).unwrap().append(b"12345678").unwrap();
        create(it, "/b", b"new");
        it.remove(Path::new("/a")).unwrap();
    };
    let draws = (0..500).map(|seed| after(Survives::Drawn(seed), append)).collect::<Vec<_>>();
    assert!(
        draws.iter().enumerate().all(|(seed, drawn)| after(Survives::Drawn(seed as u64), append) == *drawn)
    );
    let seen = |looks: fn(&BTreeMap<String, String>) -> bool| draws.iter().any(looks);
    assert!(seen(BTreeMap::is_empty));
    assert!(seen(|it| *it == files([("b", "new")])));
    assert!(seen(|it| *it == files([("a", "old,"), ("b", "new")])), "names are kept in any order");
    assert!(seen(|it| it.get("b").is_some_and(String::is_empty)), "a name without its bytes");
    assert!(
        seen(|it| it.get("a").is_some_and(|bytes| bytes == "old,--------")),
        "a length without its bytes"
    );
    assert!(seen(|it| it.get("a").is_some_and(|bytes| bytes.len() == 6)), "torn");
}

/// Something that is done to one of a few files.
#[derive(Clone, Debug)]
enum Deed {
    Append(u8, usize),
    Cut(u8, u64),
    Sync(u8),
    SyncNames,
    Rename(u8, u8),
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let file = || 0..3_u8;
    prop_oneof![
        (file(), 1..3000_usize).prop_map(|(file, length)| Deed::Append(file, length)),
        (file(), 0..3000_u64).prop_map(|(file, length)| Deed::Cut(file, length)),
        file().prop_map(Deed::Sync),
        Just(Deed::SyncNames),
        (file(), file()).prop_map(|(from, to)| Deed::Rename(from, to)),
    ]
}

fn path(file: u8) -> String {
    format!("/{file}")
}

fn do_to(process: &SimulatedProcess, deed: &Deed, letter: u8) {
    let open = |file: u8| process.open(Path::new(&path(file)), Open::Append).unwrap();
    match *deed {
        Deed::Append(file, length) => open(file).append(&vec![letter; length]).unwrap(),
        Deed::Cut(file, length) => open(file).set_length(length).unwrap(),
        Deed::Sync(file) => open(file).sync_data().unwrap(),
        Deed::SyncNames => sync_names(process),
        // Where there is nothing to rename, nothing is renamed.
        Deed::Rename(from, to) => drop(process.rename(Path::new(&path(from)), Path::new(&path(to)))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_is_never_lost(
        before in prop::collection::vec(any_deed(), 0..12),
        after in prop::collection::vec(any_deed(), 0..6),
        seed: u64,
    ) {
        let disk = SimulatedDisk::new();
        let process = disk.process();
        let all = (b'a'..).zip(&before).chain((b'n'..).zip(&after));
        let (first, rest) = (before.len(), all.collect::<Vec<_>>());
        rest[..first].iter().for_each(|(letter, deed)| do_to(&process, deed, *letter));
        (0..3).for_each(|file| sync(&process, &path(file)));
        sync_names(&process);
        let synced = [0, 1, 2].map(|file| disk.read(path(file)).unwrap());
        prop_assert_eq!([0, 1, 2].map(|file| disk.certain(path(file)).unwrap()), synced.clone());

        rest[first..].iter().for_each(|(letter, deed)| do_to(&process, deed, *letter));
        let seen = [0, 1, 2].map(|file| disk.read(path(file)));
        let certain = [0, 1, 2].map(|file| disk.certain(path(file)));
        disk.power_cut(Survives::Drawn(seed));
        let left = [0, 1, 2].map(|file| disk.read(path(file)));
        let is_settled = after.iter().all(|deed| matches!(deed, Deed::Sync(_) | Deed::SyncNames));
        if is_settled {
            prop_assert_eq!(&left, &synced.clone().map(Some));
        }
        // Whatever is only appended to keeps what was synced of it, whichever name it has now.
        if after.iter().all(|deed| !matches!(deed, Deed::Cut(..) | Deed::Rename(..))) {
            for (now, then) in left.iter().zip(&synced) {
                prop_assert!(now.as_ref().unwrap().starts_with(then));
            }
        }
        let anew = SimulatedDisk::new();
        let process = anew.process();
        rest[..first].iter().for_each(|(letter, deed)| do_to(&process, deed, *letter));
        (0..3).for_each(|file| sync(&process, &path(file)));
        sync_names(&process);
        rest[first..].iter().for_each(|(letter, deed)| do_to(&process, deed, *letter));
        anew.crash();
        prop_assert_eq!([0, 1, 2].map(|file| anew.read(path(file))), seen, "a process takes nothing along");
        anew.power_cut(Survives::Nothing);
        prop_assert_eq!([0, 1, 2].map(|file| anew.read(path(file))), certain);
    }
}
