//! The disk node by node, as the kernel asks for it.

use std::ffi::OsStr;

use bear_lab::disk::{Fault, NodeKind, ROOT, SimulatedDisk, Survives};

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

#[track_caller]
fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

#[test]
fn files_and_folders_from_beginning_to_end() {
    let disk = SimulatedDisk::new();
    let nodes = disk.nodes();
    let folder = nodes.make_folder(ROOT, name("folder"), 0o700).unwrap().node;
    let file = nodes.create(folder, name("file"), 0o600).unwrap();
    assert_eq!((file.kind, file.length, file.mode, file.links), (NodeKind::File, 0, 0o600, 1));
    assert_eq!(errno(nodes.create(folder, name("file"), 0o600)), 17);

    nodes.write_at(file.node, 3, b"456").unwrap();
    nodes.write_at(file.node, 0, b"123").unwrap();
    assert_eq!(nodes.read_at(file.node, 1, 3).unwrap(), b"234");
    assert_eq!(nodes.read_at(file.node, 5, 9).unwrap(), b"6");
    assert_eq!(nodes.read_at(file.node, 9, 9).unwrap(), b"");
    nodes.truncate(file.node, 2).unwrap();
    nodes.set_mode(file.node, 0o644).unwrap();
    assert_eq!(nodes.link(file.node, ROOT, name("again")).unwrap().links, 2);
    let found = nodes.lookup(ROOT, name("again")).unwrap();
    assert_eq!((found.node, found.length, found.mode), (file.node, 2, 0o644));

    nodes.make_symlink(ROOT, name("link"), name("folder/file")).unwrap();
    let link = nodes.lookup(ROOT, name("link")).unwrap();
    assert_eq!((link.kind, nodes.read_link(link.node).unwrap()), (NodeKind::Symlink, "folder/file".into()));
    let names = nodes.list(ROOT).unwrap().into_iter().map(|(name, _)| name.into_string().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["again", "folder", "link"]);

    assert_eq!(errno(nodes.remove_folder(ROOT, name("folder"))), 39);
    assert_eq!(errno(nodes.unlink(ROOT, name("folder"))), 21);
    assert_eq!(errno(nodes.lookup(ROOT, name("none"))), 2);
    assert_eq!(errno(nodes.lookup(file.node, name("none"))), 20);
    nodes.rename(folder, name("file"), ROOT, name("link")).unwrap();
    nodes.remove_folder(ROOT, name("folder")).unwrap();
    assert_eq!(nodes.lookup(ROOT, name("link")).unwrap().node, file.node);
}

#[test]
fn a_file_without_a_name_lives_while_it_is_held() {
    let disk = SimulatedDisk::new();
    let nodes = disk.nodes();
    let file = nodes.create(ROOT, name("file"), 0o600).unwrap().node;
    nodes.hold(file).unwrap();
    nodes.unlink(ROOT, name("file")).unwrap();
    for number in 0..200 {
        let name = number.to_string();
        nodes.create(ROOT, OsStr::new(&name), 0o600).unwrap();
        nodes.unlink(ROOT, OsStr::new(&name)).unwrap();
        nodes.sync(ROOT).unwrap();
    }
    nodes.write_at(file, 0, b"1").unwrap();
    assert_eq!(nodes.attributes(file).unwrap().links, 0);
    nodes.let_go(file);
}

#[test]
fn a_scripted_power_cut_turns_it_off_until_it_is_mended() {
    let disk = SimulatedDisk::new();
    let nodes = disk.nodes();
    nodes.create(ROOT, name("kept"), 0o600).unwrap();
    nodes.sync(ROOT).unwrap();
    disk.let_happen(1, Fault::PowerCut(Survives::Nothing));
    nodes.create(ROOT, name("lost"), 0o600).unwrap();
    assert_eq!(errno(nodes.create(ROOT, name("never"), 0o600)), 5);
    assert_eq!(errno(nodes.lookup(ROOT, name("kept"))), 5);
    disk.mend();
    nodes.lookup(ROOT, name("kept")).unwrap();
    assert_eq!(nodes.list(ROOT).unwrap().len(), 1);
}
