//! Processes: their locks, their deaths, and the numbers of their files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use bear_engine::store::{Filesystem, Open};
use bear_lab::disk::{Crash, Fault, Kind, SimulatedDisk};

use crate::{create, sync_names};

#[test]
fn a_lock_keeps_out_whoever_else_opens_the_file() {
    let disk = SimulatedDisk::new();
    let (one, other) = (disk.process(), disk.process());
    let first = one.open(Path::new("/lock"), Open::Lock).unwrap();
    let second = other.open(Path::new("/lock"), Open::Lock).unwrap();
    let again = one.open(Path::new("/lock"), Open::Lock).unwrap();
    assert!(first.try_lock().unwrap());
    assert!(first.try_lock().unwrap(), "who has it, has it");
    assert!(!second.try_lock().unwrap());
    assert!(!again.try_lock().unwrap(), "it belongs to what was opened, not to the process");
    first.unlock().unwrap();
    assert!(second.try_lock().unwrap());
    drop(second);
    assert!(again.try_lock().unwrap(), "closing the file gave it up");
}

#[test]
fn a_death_frees_its_locks_and_ends_its_doings() {
    let disk = SimulatedDisk::new();
    let (one, other) = (disk.process(), disk.process());
    let mut held = one.open(Path::new("/lock"), Open::Append).unwrap();
    held.append(b"ann").unwrap();
    assert!(held.try_lock().unwrap());
    one.kill();
    assert!(one.is_dead() && !other.is_dead());
    assert!(other.open(Path::new("/lock"), Open::Lock).unwrap().try_lock().unwrap());
    assert!(held.append(b"!").is_err());
    assert!(held.set_length(0).is_err());
    assert!(one.remove(Path::new("/lock")).is_err());
    assert_eq!(disk.read("/lock").unwrap(), b"ann");
}

#[test]
fn a_scripted_death_unwinds_at_once() {
    #[track_caller]
    fn check(fault: Fault, left: &[u8]) {
        let disk = SimulatedDisk::new();
        let process = disk.process();
        create(&process, "/a", b"");
        disk.let_happen_to(Kind::Write, "a", 1, fault);
        let died = catch_unwind(AssertUnwindSafe(|| {
            let mut file = process.open(Path::new("/a"), Open::Append).unwrap();
            file.append(b"1,").unwrap();
            file.append(b"2345").unwrap();
        }));
        assert!(died.unwrap_err().is::<Crash>());
        assert!(process.is_dead());
        assert_eq!(disk.read("/a").unwrap(), left);
    }
    check(Fault::DieBefore, b"1,");
    check(Fault::DieDuring(500), b"1,23");
    check(Fault::DieAfter, b"1,2345");
}

#[test]
fn numbers_are_given_out_again_once_nothing_leads_to_a_file() {
    let disk = SimulatedDisk::new();
    let process = disk.process();
    let number = |path: &str| process.metadata(Path::new(path)).unwrap().identity.inode;
    create(&process, "/a", b"");
    let first = number("/a");
    let open = process.open(Path::new("/a"), Open::Read).unwrap();
    process.remove(Path::new("/a")).unwrap();
    create(&process, "/b", b"");
    assert_ne!(number("/b"), first, "it is still open");
    drop(open);
    create(&process, "/c", b"");
    assert_eq!(number("/c"), first);
    process.rename(Path::new("/b"), Path::new("/c")).unwrap();
    create(&process, "/d", b"");
    assert_eq!(number("/d"), first);
}

#[test]
fn time_passes_only_on_the_disk() {
    let disk = SimulatedDisk::new();
    let process = disk.process();
    let before = process.now();
    process.sleep(Duration::from_hours(1));
    disk.slow(Duration::from_secs(1));
    create(&process, "/a", b"1");
    assert_eq!(process.now() - before, Duration::from_secs(3602));
    assert_eq!(disk.elapsed(), Duration::from_secs(3602));
    let modified = |path: &str| process.metadata(Path::new(path)).unwrap().modified;
    let made = modified("/a");
    sync_names(&process);
    create(&process, "/b", b"1");
    assert_eq!(modified("/a"), made);
    assert!(modified("/b") > made);
}

#[test]
fn a_trace_has_a_line_for_each_change() {
    let disk = SimulatedDisk::new();
    disk.keep_trace();
    let process = disk.process();
    create(&process, "/a", b"1");
    sync_names(&process);
    disk.let_happen(0, Fault::DieBefore);
    let removed = catch_unwind(AssertUnwindSafe(|| process.remove(Path::new("/a"))));
    assert!(removed.is_err());
    assert_eq!(disk.changes(), 4);
    assert_eq!(disk.syncs(), 1);
    let lines = "1 process 1: create a\n2 process 1: write a\n3 process 1: sync folder /\n4 process 1: remove a: dies\n";
    assert_eq!(disk.trace(), lines);
}
