//! The lock: one holder, known by name, and free the moment it dies.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use bear_engine::store::{FileStore, FleetFolder, FleetLock, Store, StoreError};

use crate::support::{Other, given_folder, holder, open, project, records, say, shown, state, take};

#[test]
#[ignore = "the process that the tests below start"]
fn hold() {
    let Some(folder) = given_folder() else { return };
    let _store = open(&folder).unwrap();
    say("held");
    // Until the test that started this closes the other end.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn start_holder(project: &std::path::Path) -> Other {
    let mut other = Other::start("lock::hold", project);
    assert_eq!(other.next().as_deref(), Some("held"));
    other
}

#[test]
fn a_second_one_is_told_who_holds_it() {
    let (project, folder) = project();
    let other = start_holder(project.path());
    let error = take(&folder).unwrap_err();
    let text = shown(&error, project.path()).replace(&other.pid().to_string(), "PID");
    insta::assert_snapshot!(text, @"
    PROJECT/.bear/demo/lock is held by ann@mill (process PID, `bear apply`, since 1970-01-01T00:00:00Z)
    wait for it with `--lock-wait 5m`; if it hangs, end process PID on mill, which frees the lock
    ");
    let StoreError::Locked { holder: Some(named), .. } = error else { panic!("{error}") };
    assert_eq!(named.pid, other.pid());
    assert_eq!(named.boot_id, "b007");
}

#[test]
fn the_death_of_its_holder_frees_it_at_once() {
    let (project, folder) = project();
    let other = start_holder(project.path());
    assert!(take(&folder).is_err());
    other.kill();
    take(&folder).unwrap();
}

#[test]
fn who_waits_gets_it() {
    let (project, folder) = project();
    let mut other = Some(start_holder(project.path()));
    let pid = other.as_ref().map(Other::pid);
    let mut waited_for = Vec::new();
    let taken = FleetLock::take(&folder, &holder(), Duration::from_mins(1), |holder| {
        waited_for.push(holder.map(|holder| holder.pid));
        drop(other.take().map(Other::kill));
    });
    assert!(taken.is_ok());
    assert_eq!(waited_for, [pid]);
}

#[test]
fn a_wait_has_an_end() {
    let (project, folder) = project();
    let _other = start_holder(project.path());
    let mut told = 0;
    let taken = FleetLock::take(&folder, &holder(), Duration::from_millis(120), |_| told += 1);
    assert!(matches!(taken, Err(StoreError::Locked { .. })));
    assert_eq!(told, 1);
}

#[test]
fn a_holder_that_did_not_say_who_it_is() {
    let (project, folder) = project();
    folder.create().unwrap();
    let file = fs::File::create(folder.lock()).unwrap();
    file.lock().unwrap();
    let error = take(&folder).unwrap_err();
    insta::assert_snapshot!(shown(&error, project.path()), @"
    PROJECT/.bear/demo/lock is held by another process
    wait for it with `--lock-wait 5m`
    ");
}

#[test]
fn a_holder_that_lost_the_lock_writes_nothing_more() {
    #[track_caller]
    fn check(change: impl FnOnce(&FleetFolder), expected: &str) {
        let (project, folder) = project();
        let mut store = open(&folder).unwrap();
        store.record(&records(1..=2)).unwrap();
        change(&folder);
        let files = || {
            [folder.state(), folder.journal(), folder.lock()].map(|path| fs::read(path).unwrap_or_default())
        };
        let before = files();

        let error = store.record(&records(3..=3)).unwrap_err();
        assert_eq!(shown(&error, project.path()).lines().next(), Some(expected));
        assert_eq!(*store.state(), state(2));
        for refused in [store.record(&records(3..=3)), store.fold()] {
            assert!(matches!(refused, Err(StoreError::Stopped { .. })));
        }
        assert_eq!(files(), before);
    }
    let lock_lost = "the lock PROJECT/.bear/demo/lock was deleted or replaced while this bear held it";
    let changed =
        "PROJECT/.bear/demo/journal.ndjson was changed by something else while this bear wrote to it";

    check(|folder| fs::remove_dir_all(folder.path()).unwrap(), lock_lost);
    check(|folder| fs::remove_file(folder.lock()).unwrap(), lock_lost);
    check(
        |folder| {
            fs::write(folder.path().join("new"), "").unwrap();
            fs::rename(folder.path().join("new"), folder.lock()).unwrap();
        },
        lock_lost,
    );
    check(
        |folder| {
            fs::rename(folder.path(), folder.path().with_extension("old")).unwrap();
            drop(open(folder).unwrap());
        },
        lock_lost,
    );
    check(|folder| fs::remove_file(folder.journal()).unwrap(), changed);
    check(|folder| fs::File::create(folder.journal()).map(drop).unwrap(), changed);
    check(
        |folder| {
            let mut journal = fs::OpenOptions::new().append(true).open(folder.journal()).unwrap();
            journal.write_all(b"x").unwrap();
        },
        changed,
    );
}

#[test]
fn it_is_free_after_its_holder_is_done() {
    let (_project, folder) = project();
    let store: FileStore = open(&folder).unwrap();
    assert!(matches!(take(&folder), Err(StoreError::Locked { .. })));
    drop(store);
    take(&folder).unwrap();
    assert!(folder.lock().exists(), "a lock file that is deleted keeps nobody out");
}
