//! The seam below the store: all that it asks of a file system. The operating system's is behind it, unless a test
//! puts one there that knows what a power cut would take.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Only the owner may read and write.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// What the store does with files and folders.
pub trait Filesystem: fmt::Debug + Send + Sync {
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OpenFile>>;

    /// What is known of a file or folder.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;

    /// The names in a folder, in any order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// Creates a folder for its owner alone.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes what was created, renamed and removed in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, and takes that name from whichever file had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The time, to measure a wait by.
    fn now(&self) -> Instant;

    /// Lets time pass.
    fn sleep(&self, pause: Duration);
}

/// How a file is opened. One that this creates is for its owner alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// To read what is there.
    Read,
    /// To write a file that is not there yet.
    New,
    /// To append to a file, which is created if it is not there.
    Append,
    /// To lock a file and write into it, which is created if it is not there.
    Lock,
    /// To change a file that is there.
    Write,
}

/// A file that is open, until this is dropped.
pub trait OpenFile: fmt::Debug + Send {
    /// Reads it from its beginning to its end. Once only.
    fn read(&mut self) -> io::Result<Vec<u8>>;

    /// Writes all of `bytes` at its end. For files opened by [`Open::New`] and [`Open::Append`].
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`. For files opened by [`Open::Lock`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts it off after `length` bytes, or fills it up with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes its bytes durable.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes its bytes durable, and all that is known of it.
    fn sync_all(&self) -> io::Result<()>;

    /// What is known of it.
    fn metadata(&self) -> io::Result<Metadata>;

    /// Locks it, as flock(2) does; whether nobody else has.
    fn try_lock(&self) -> io::Result<bool>;

    /// Gives up the lock.
    fn unlock(&self) -> io::Result<()>;
}

/// What is known of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Which one it is.
    pub identity: Identity,
    /// In bytes.
    pub length: u64,
    /// When its bytes were last changed.
    pub modified: SystemTime,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Which file it is, whatever its name. True only while the file is open or has a name; then numbers are given out
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device that it lies on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// The file system of the operating system.
#[derive(Clone, Copy, Debug)]
pub(super) struct OsFilesystem;

impl Filesystem for OsFilesystem {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        match how {
            Open::Read => options.read(true),
            Open::New => options.write(true).create_new(true),
            Open::Append => options.read(true).append(true).create(true),
            Open::Lock => options.read(true).write(true).create(true).truncate(false),
            Open::Write => options.write(true),
        };
        Ok(Box::new(options.mode(FILE_MODE).open(path)?))
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        Metadata::new(&fs::metadata(path)?)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(FOLDER_MODE).create(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

impl OpenFile for File {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Metadata::new(&File::metadata(self)?)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(cause)) => Err(cause),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        File::unlock(self)
    }
}

impl Metadata {
    fn new(of: &fs::Metadata) -> io::Result<Self> {
        Ok(Self {
            identity: Identity { device: of.dev(), inode: of.ino() },
            length: of.len(),
            modified: of.modified()?,
            is_folder: of.is_dir(),
        })
    }
}
