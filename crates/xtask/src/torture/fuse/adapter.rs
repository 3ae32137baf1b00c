//! The calls of the kernel, fuse(4), as operations of the simulated disk.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use bear_lab::disk::{Attributes, NodeKind, SimulatedDisk};
use fuser::{
    FileAttr, FileType, Filesystem, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow,
};

use super::trap::{self, Moment};
use super::{Shared, lock};

/// Nothing is remembered by the kernel: it asks each time.
const AT_ONCE: Duration = Duration::ZERO;

/// What is said about room. How much there is, is decided elsewhere.
const BLOCKS: u64 = 1 << 20;
const BLOCK_BYTES: u32 = 4096;
const NAME_MAX: u32 = 255;

pub(super) struct Adapter {
    disk: SimulatedDisk,
    shared: Arc<Mutex<Shared>>,
    /// The name under which a file was last met.
    names: HashMap<u64, OsString>,
}

impl Adapter {
    pub(super) fn new(disk: SimulatedDisk, shared: Arc<Mutex<Shared>>) -> Self {
        Self { disk, shared, names: HashMap::new() }
    }

    /// Makes a change, unless whoever asks for it dies before; and lets them die after, if that is what awaits them.
    fn change<T>(
        &self,
        request: &Request<'_>,
        node: u64,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        match self.moment(request, node, false) {
            None => change(),
            Some(Moment::Before | Moment::During) => {
                trap::spring(request.pid());
                Err(io::ErrorKind::Interrupted.into())
            }
            Some(Moment::After) => {
                let changed = change();
                trap::spring(request.pid());
                changed
            }
        }
    }

    fn moment(&self, request: &Request<'_>, node: u64, is_write: bool) -> Option<Moment> {
        let name = self.names.get(&node).map(OsString::as_os_str);
        lock(&self.shared).trap.as_mut()?.step_on(request.pid(), name, is_write)
    }

    /// The attributes of what has this name now, which is remembered.
    fn met(&mut self, folder: u64, name: &OsStr) -> io::Result<FileAttr> {
        let attributes = self.disk.nodes().lookup(folder, name)?;
        self.names.insert(attributes.node, name.to_owned());
        Ok(described(&attributes))
    }

    fn sync(&self, request: &Request<'_>, node: u64, reply: ReplyEmpty) {
        let pause = lock(&self.shared).slow.as_mut().map(|slow| {
            let span = slow.most.saturating_sub(slow.least).as_micros();
            slow.least + Duration::from_micros(slow.random.below(u64::try_from(span).unwrap_or(0) + 1))
        });
        let synced = self.change(request, node, || self.disk.nodes().sync(node));
        let answer = move || match synced {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(number(&error)),
        };
        match pause {
            None => answer(),
            // Others go on meanwhile, as on a real disk.
            Some(pause) => drop(thread::spawn(move || {
                thread::sleep(pause);
                answer();
            })),
        }
    }
}

/// The number of an error, errno(3).
fn number(error: &io::Error) -> i32 {
    const EIO: i32 = 5;
    error.raw_os_error().unwrap_or(EIO)
}

fn described(attributes: &Attributes) -> FileAttr {
    let (kind, perm) = (kind(attributes.kind), attributes.mode & 0o7777);
    let Attributes { node, length, modified, links, .. } = *attributes;
    FileAttr {
        ino: node,
        size: length,
        blocks: length.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind,
        perm: u16::try_from(perm).unwrap_or(0),
        nlink: links,
        // Whoever tortures is the one for whom all of it runs.
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn kind(kind: NodeKind) -> FileType {
    match kind {
        NodeKind::File => FileType::RegularFile,
        NodeKind::Folder => FileType::Directory,
        NodeKind::Symlink => FileType::Symlink,
    }
}

/// Answers with what came of it, by this method of the reply.
macro_rules! answer {
    ($result:expr, $reply:ident, |$value:pat_param| $answer:expr) => {
        match $result {
            Ok($value) => $answer,
            Err(error) => $reply.error(number(&error)),
        }
    };
}

impl Filesystem for Adapter {
    fn lookup(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        answer!(self.met(parent, name), reply, |met| reply.entry(&AT_ONCE, &met, 0));
    }

    fn getattr(&mut self, _: &Request<'_>, node: u64, _: Option<u64>, reply: ReplyAttr) {
        answer!(self.disk.nodes().attributes(node), reply, |it| reply.attr(&AT_ONCE, &described(&it)));
    }

    fn setattr(
        &mut self,
        request: &Request<'_>,
        node: u64,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _handle: Option<u64>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<u32>,
        reply: ReplyAttr,
    ) {
        let disk = self.disk.nodes();
        let set = self.change(request, node, || {
            size.map_or(Ok(()), |size| disk.truncate(node, size))?;
            mode.map_or(Ok(()), |mode| disk.set_mode(node, mode))?;
            disk.attributes(node)
        });
        answer!(set, reply, |it| reply.attr(&AT_ONCE, &described(&it)));
    }

    fn readlink(&mut self, _: &Request<'_>, node: u64, reply: ReplyData) {
        answer!(self.disk.nodes().read_link(node), reply, |target| {
            reply.data(target.as_encoded_bytes());
        });
    }

    fn mkdir(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let folder =
            self.change(request, parent, || self.disk.nodes().make_folder(parent, name, mode & !umask));
        answer!(folder.and_then(|_| self.met(parent, name)), reply, |met| reply.entry(&AT_ONCE, &met, 0));
    }

    fn unlink(&mut self, request: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.change(request, parent, || self.disk.nodes().unlink(parent, name));
        answer!(removed, reply, |()| reply.ok());
    }

    fn rmdir(&mut self, request: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.change(request, parent, || self.disk.nodes().remove_folder(parent, name));
        answer!(removed, reply, |()| reply.ok());
    }

    fn symlink(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let made =
            self.change(request, parent, || self.disk.nodes().make_symlink(parent, name, target.as_os_str()));
        answer!(made.and_then(|_| self.met(parent, name)), reply, |met| reply.entry(&AT_ONCE, &met, 0));
    }

    fn rename(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        to: u64,
        new_name: &OsStr,
        _flags: u32,
        reply: ReplyEmpty,
    ) {
        let renamed = self.change(request, parent, || self.disk.nodes().rename(parent, name, to, new_name));
        answer!(renamed.and_then(|()| self.met(to, new_name)), reply, |_| reply.ok());
    }

    fn link(&mut self, request: &Request<'_>, node: u64, parent: u64, name: &OsStr, reply: ReplyEntry) {
        let linked = self.change(request, node, || self.disk.nodes().link(node, parent, name));
        answer!(linked.and_then(|_| self.met(parent, name)), reply, |met| reply.entry(&AT_ONCE, &met, 0));
    }

    fn open(&mut self, _: &Request<'_>, node: u64, _flags: i32, reply: ReplyOpen) {
        answer!(self.disk.nodes().hold(node), reply, |()| reply.opened(0, 0));
    }

    fn create(
        &mut self,
        request: &Request<'_>,
        parent: u64,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let disk = self.disk.clone();
        let disk = disk.nodes();
        let file = self.change(request, parent, || disk.create(parent, name, mode & !umask));
        let held = file.and_then(|_| self.met(parent, name)).and_then(|met| {
            disk.hold(met.ino)?;
            Ok(met)
        });
        answer!(held, reply, |met| reply.created(&AT_ONCE, &met, 0, 0, 0));
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        node: u64,
        _handle: u64,
        offset: i64,
        size: u32,
        _flags: i32,
        _owner: Option<u64>,
        reply: ReplyData,
    ) {
        let read = self.disk.nodes().read_at(node, offset.unsigned_abs(), size as usize);
        answer!(read, reply, |bytes| reply.data(&bytes));
    }

    fn write(
        &mut self,
        request: &Request<'_>,
        node: u64,
        _handle: u64,
        offset: i64,
        data: &[u8],
        _write_flags: u32,
        _flags: i32,
        _owner: Option<u64>,
        reply: ReplyWrite,
    ) {
        let write = |data: &[u8]| self.disk.nodes().write_at(node, offset.unsigned_abs(), data);
        let moment = self.moment(request, node, true);
        let written = match moment {
            Some(Moment::Before) => Err(io::ErrorKind::Interrupted.into()),
            Some(Moment::During) => write(&data[..data.len() / 2]),
            Some(Moment::After) | None => write(data),
        };
        if moment.is_some() {
            trap::spring(request.pid());
        }
        answer!(written, reply, |()| reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)));
    }

    fn flush(&mut self, _: &Request<'_>, _node: u64, _handle: u64, _owner: u64, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &mut self,
        _: &Request<'_>,
        node: u64,
        _handle: u64,
        _flags: i32,
        _owner: Option<u64>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.disk.nodes().let_go(node);
        reply.ok();
    }

    fn fsync(&mut self, request: &Request<'_>, node: u64, _handle: u64, _data: bool, reply: ReplyEmpty) {
        self.sync(request, node, reply);
    }

    fn fsyncdir(&mut self, request: &Request<'_>, node: u64, _handle: u64, _data: bool, reply: ReplyEmpty) {
        self.sync(request, node, reply);
    }

    fn readdir(&mut self, _: &Request<'_>, node: u64, _handle: u64, offset: i64, mut reply: ReplyDirectory) {
        let entries = match self.disk.nodes().list(node) {
            Ok(entries) => entries,
            Err(error) => return reply.error(number(&error)),
        };
        let skipped = usize::try_from(offset).unwrap_or(0);
        for ((name, attributes), next) in entries.iter().zip(1..).skip(skipped) {
            if reply.add(attributes.node, next, kind(attributes.kind), name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&mut self, _: &Request<'_>, _node: u64, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK_BYTES, NAME_MAX, BLOCK_BYTES);
    }
}
