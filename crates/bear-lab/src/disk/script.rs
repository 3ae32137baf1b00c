//! What goes wrong on a disk, and when.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;

/// What changes something on a disk, or makes it durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file is created.
    Create,
    /// A folder is created.
    CreateFolder,
    /// Bytes are written.
    Write,
    /// A file is cut off or filled up.
    SetLength,
    /// The bytes of a file are made durable.
    Sync,
    /// The names in a folder are made durable.
    SyncFolder,
    /// A file gets another name, or one more.
    Rename,
    /// A name is removed.
    Remove,
}

/// What happens at one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before it.
    DieBefore,
    /// The process dies within it: so many thousandths of a write are there, and nothing of any other change.
    DieDuring(u16),
    /// The process dies before it knows that the change was made.
    DieAfter,
    /// The power goes. The change was made, but is as little durable as any other; a sync was not carried out.
    PowerCut(Survives),
    /// It fails. Half of a write may be there nevertheless.
    Once(Trouble),
    /// It fails, and so does every one after it.
    FromNow(Trouble),
}

/// What survives a power cut of all that was not made durable. What was made durable always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// All of it.
    Everything,
    /// None of it.
    Nothing,
    /// All names, and of the last change to each file so many thousandths.
    Torn(u16),
    /// All names, and the lengths of all files; but the first half of each write is zeros.
    Holed,
    /// Whatever this seed draws: for the names and for each file apart, nothing, everything, what came first, or of
    /// each change something else, in whatever order a file system may have written them.
    Drawn(u64),
}

/// Why a change fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is no room: nothing is created, written or renamed. Removing, cutting off and syncing work.
    NoSpace,
    /// The same, because somebody's part is used up.
    Quota,
    /// The file system became read-only, so that nothing at all is changed.
    ReadOnly,
    /// The device fails. What was dirty when a sync of a file failed is never written, and no later sync tells: so
    /// does Linux (fsync(2), and LWN of 2018-04-18).
    Io,
}

/// What a death unwinds with: the process is gone at once, and nothing that it held does anything more.
#[derive(Clone, Copy, Debug)]
pub struct Crash;

/// The numbers of errors on Linux, errno(3).
pub(super) mod errno {
    pub(in super::super) const ENOENT: i32 = 2;
    pub(in super::super) const EIO: i32 = 5;
    pub(in super::super) const EBADF: i32 = 9;
    pub(in super::super) const EEXIST: i32 = 17;
    pub(in super::super) const ENOTDIR: i32 = 20;
    pub(in super::super) const EISDIR: i32 = 21;
    pub(in super::super) const EINVAL: i32 = 22;
    pub(in super::super) const EFBIG: i32 = 27;
    pub(in super::super) const ENOSPC: i32 = 28;
    pub(in super::super) const EROFS: i32 = 30;
    pub(in super::super) const ENOTEMPTY: i32 = 39;
    pub(in super::super) const EDQUOT: i32 = 122;
}

/// The error of this number.
pub(super) fn error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

impl Trouble {
    pub(super) fn error(self) -> io::Error {
        error(match self {
            Self::NoSpace => errno::ENOSPC,
            Self::Quota => errno::EDQUOT,
            Self::ReadOnly => errno::EROFS,
            Self::Io => errno::EIO,
        })
    }

    pub(super) fn stops(self, kind: Kind) -> bool {
        let frees = matches!(kind, Kind::Remove | Kind::SetLength | Kind::Sync | Kind::SyncFolder);
        match self {
            Self::NoSpace | Self::Quota => !frees,
            Self::ReadOnly | Self::Io => true,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::CreateFolder => "create folder",
            Self::Write => "write",
            Self::SetLength => "set length",
            Self::Sync => "sync",
            Self::SyncFolder => "sync folder",
            Self::Rename => "rename",
            Self::Remove => "remove",
        })
    }
}

/// What is still to happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Script(Vec<Scene>);

#[derive(Clone, Debug)]
struct Scene {
    of: Option<(Kind, OsString)>,
    /// How many changes like that come before it.
    before: usize,
    fault: Fault,
}

impl Script {
    pub(super) fn add(&mut self, of: Option<(Kind, &str)>, before: usize, fault: Fault) {
        self.0.push(Scene { of: of.map(|(kind, name)| (kind, name.into())), before, fault });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens at this change.
    pub(super) fn next(&mut self, kind: Kind, name: &OsStr) -> Option<Fault> {
        let mut happens = None;
        self.0.retain_mut(|scene| {
            if scene.of.as_ref().is_some_and(|of| of.0 != kind || of.1 != name) {
                return true;
            }
            let is_now = scene.before == 0 && happens.is_none();
            if is_now {
                happens = Some(scene.fault);
            }
            scene.before = scene.before.saturating_sub(1);
            !is_now
        });
        happens
    }
}
