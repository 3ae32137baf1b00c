//! No room, no permission, no working device.

use std::io::ErrorKind;
use std::path::Path;

use bear_engine::store::{Filesystem, Open};
use bear_lab::disk::{Fault, Kind, SimulatedDisk, SimulatedProcess, Survives, Trouble};

use crate::{create, sync, sync_names};

fn append(process: &SimulatedProcess, bytes: &[u8]) -> std::io::Result<()> {
    process.open(Path::new("/a"), Open::Append)?.append(bytes)
}

/// A disk with a file that is durable.
fn disk() -> (SimulatedDisk, SimulatedProcess) {
    let disk = SimulatedDisk::new();
    let process = disk.process();
    create(&process, "/a", b"old,");
    sync(&process, "/a");
    sync_names(&process);
    (disk, process)
}

#[test]
fn no_room_stops_what_takes_room_until_it_is_made() {
    for (trouble, kind) in
        [(Trouble::NoSpace, ErrorKind::StorageFull), (Trouble::Quota, ErrorKind::QuotaExceeded)]
    {
        let (disk, process) = disk();
        disk.let_happen(0, Fault::FromNow(trouble));
        assert_eq!(append(&process, b"1234").unwrap_err().kind(), kind);
        assert_eq!(disk.read("/a").unwrap(), b"old,12", "as much as there was room for");
        assert_eq!(append(&process, b"1").unwrap_err().kind(), kind);
        assert_eq!(process.open(Path::new("/b"), Open::New).unwrap_err().kind(), kind);
        assert_eq!(process.create_folder(Path::new("/c")).unwrap_err().kind(), kind);
        assert_eq!(process.rename(Path::new("/a"), Path::new("/b")).unwrap_err().kind(), kind);
        process.open(Path::new("/a"), Open::Write).unwrap().set_length(4).unwrap();
        sync(&process, "/a");
        disk.mend();
        append(&process, b"1").unwrap();
        assert_eq!(disk.read("/a").unwrap(), b"old,1");
    }
}

#[test]
fn a_read_only_disk_can_be_read_only() {
    let (disk, process) = disk();
    disk.let_happen(0, Fault::FromNow(Trouble::ReadOnly));
    let read_only = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    };
    read_only(process.remove(Path::new("/a")));
    read_only(append(&process, b"1"));
    read_only(process.sync_folder(Path::new("/")));
    assert_eq!(process.read(Path::new("/a")).unwrap(), b"old,");
}

#[test]
fn a_trouble_may_pass_by_itself() {
    let (disk, process) = disk();
    disk.let_happen_to(Kind::Rename, "b", 0, Fault::Once(Trouble::NoSpace));
    append(&process, b"1").unwrap();
    assert!(process.rename(Path::new("/a"), Path::new("/b")).is_err());
    process.rename(Path::new("/a"), Path::new("/b")).unwrap();
}

#[test]
fn what_a_failed_sync_lost_no_later_sync_brings_back() {
    let (disk, process) = disk();
    append(&process, b"1").unwrap();
    disk.let_happen_to(Kind::Sync, "a", 0, Fault::Once(Trouble::Io));
    let file = process.open(Path::new("/a"), Open::Append).unwrap();
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(disk.read("/a").unwrap(), b"old,1", "programs still see it");
    assert_eq!(disk.certain("/a").unwrap(), b"old,");
    append(&process, b"2").unwrap();
    file.sync_data().unwrap();
    disk.power_cut(Survives::Everything);
    assert_eq!(disk.read("/a").unwrap(), b"old,\x002");
}
