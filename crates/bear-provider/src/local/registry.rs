//! The registry of ports: which port belongs to which instance, for all fleets and projects of one user.
//!
//! It is one file, changed only under a lock and replaced whole, so that the ports of an instance are claimed all at
//! once or not at all.

mod book;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bear_core::event::StepError;
use bear_core::fleet::model::Ports;

use super::error;
use super::{durable, listener};

pub(super) use book::{Book, Owner, Wish, belongs_to};

/// How long the lock may be held by others; each holds it for milliseconds.
const LOCK_MAX: Duration = Duration::from_secs(10);

/// The pause between two tries to get the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The registry of one user.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    folder: PathBuf,
    /// [`listener::is_free`]; tests say themselves what is free, so that they disturb nobody.
    is_free: fn(u16) -> bool,
}

impl Registry {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, is_free: listener::is_free }
    }

    /// Claims the ports of an instance. What it claimed before and does not need any more is released.
    pub(super) fn claim(&self, owner: &Owner, wish: &Wish) -> Result<Ports, StepError> {
        self.change(|book| book.claim(owner, wish, self.is_free))
    }

    /// Releases all ports of an instance.
    pub(super) fn release(&self, owner: &Owner) -> Result<(), StepError> {
        // Where nothing was ever claimed, no registry is made.
        if !self.file().exists() {
            return Ok(());
        }
        self.change(|book| {
            book.release(owner);
            Ok(())
        })
    }

    /// All claims as they stand right now.
    pub(super) fn read(&self) -> Result<Book, StepError> {
        let path = self.file();
        match fs::read(&path) {
            Ok(bytes) => Book::parse(&bytes).map_err(|why| error::failed("reading", &path, why)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(error::failed("reading", &path, error)),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Book) -> Result<T, StepError>) -> Result<T, StepError> {
        let _lock = self.lock()?;
        let before = self.read()?;
        let mut book = before.clone();
        let changed = change(&mut book)?;
        if book != before {
            let path = self.file();
            let bytes =
                serde_json::to_vec_pretty(&book).map_err(|why| error::failed("writing", &path, why))?;
            // Whoever else writes here holds the lock, so what is unfinished now stays so for ever.
            durable::sweep(&self.folder).map_err(error::io("tidying", &self.folder))?;
            durable::write(&path, &bytes, 0o600).map_err(error::io("writing", &path))?;
        }
        Ok(changed)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("ports.json")
    }

    /// The lock is on a file of its own: the registry's file is another one after each change.
    fn lock(&self) -> Result<File, StepError> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&self.folder).map_err(error::io("making", &self.folder))?;
        let path = self.folder.join("lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(error::io("opening", &path))?;
        let deadline = Instant::now() + LOCK_MAX;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => return Err(error::registry_busy(&path, LOCK_MAX)),
                Err(TryLockError::Error(error)) => return Err(error::failed("locking", &path, error)),
            }
        }
    }
}
