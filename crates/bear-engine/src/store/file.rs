//! The store in files: a snapshot, and a journal of everything since.

use std::io;
use std::path::Path;

use bear_core::name::FleetName;
use bear_core::state::journal::{self, Recovered};
use bear_core::state::v1::{Record, State};

use super::error::StoreError;
use super::files::{self, failed};
use super::filesystem::{Filesystem, Identity, Open, OpenFile};
use super::folder::FleetFolder;
use super::load::{Recovery, read_state};
use super::lock::FleetLock;
use super::{Store, history};

/// Those with a name that leads to the state: the fleet's, `.bear` and the project's.
const FOLDERS: usize = 3;

/// Keeps the state of a fleet in its folder.
///
/// Once a write failed, or the lock or the journal turned out not to be this store's any more, it writes nothing more.
#[derive(Debug)]
pub struct FileStore {
    lock: FleetLock,
    state: State,
    recovery: Recovery,
    journal: Journal,
    stopped: bool,
}

#[derive(Debug)]
struct Journal {
    file: Box<dyn OpenFile>,
    identity: Identity,
    /// In bytes, all of them durable.
    length: u64,
    /// Kept for its memory.
    text: Vec<u8>,
}

impl FileStore {
    /// Opens the state of `fleet`, or begins a new one with the lineage that `new_lineage` draws.
    ///
    /// What a crash left half written is cut off. Whatever else is wrong with a file is an error, and changes nothing.
    pub fn open(
        lock: FleetLock,
        fleet: &FleetName,
        new_lineage: impl FnOnce() -> String,
    ) -> Result<Self, StoreError> {
        let folder = lock.folder();
        let (state, recovered) = if let Some(read) = read_state(folder)? {
            read
        } else {
            let state = State::new(fleet.clone(), new_lineage());
            history::put(folder, &state)?;
            (state, Recovered::default())
        };
        folder.expect_fleet(&state, fleet)?;
        history::tidy(folder, &state, recovered.applied == 0)?;
        // Entries that are all in the snapshot were left by a crash in a fold, just before it was done.
        let length = if recovered.applied == 0 { 0 } else { recovered.good_bytes as u64 };
        let journal = Journal::open(folder, length)?;
        Ok(Self { lock, state, recovery: recovered.into(), journal, stopped: false })
    }

    /// What a crash left in the journal; none after a run that came to its end.
    pub fn recovered(&self) -> Option<Recovery> {
        Some(self.recovery).filter(|recovery| *recovery != Recovery::default())
    }

    /// The fleet's folder.
    pub fn folder(&self) -> &FleetFolder {
        self.lock.folder()
    }

    /// Refuses if an earlier write failed, or if somebody else may be writing.
    fn check(&mut self) -> Result<(), StoreError> {
        let path = self.folder().journal();
        if self.stopped {
            return Err(StoreError::Stopped { path });
        }
        self.stopped = true;
        self.lock.check()?;
        if !self.journal.is_at(self.folder().files(), &path).map_err(failed("look at", &path))? {
            return Err(StoreError::Changed { path });
        }
        self.stopped = false;
        Ok(())
    }
}

impl Store for FileStore {
    fn state(&self) -> &State {
        &self.state
    }

    fn record(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.check()?;
        if records.is_empty() {
            return Ok(());
        }
        if let Err(cause) = self.journal.append(self.state.serial + 1, records) {
            self.stopped = true;
            return Err(failed("append to", &self.folder().journal())(cause));
        }
        for record in records {
            self.state.apply(record);
        }
        Ok(())
    }

    fn fold(&mut self) -> Result<(), StoreError> {
        if self.journal.length == 0 {
            return Ok(());
        }
        self.check()?;
        history::put(self.folder(), &self.state)?;
        self.journal.clear().map_err(failed("empty", &self.folder().journal()))
    }
}

impl Journal {
    /// Opens the journal, or creates it, and cuts off what comes after `length` bytes.
    ///
    /// What was read is made durable, because it counts now, and an earlier bear may have left entries and names that
    /// are not. The names come first: if that of the snapshot were lost after the journal of what it holds was cut off,
    /// all of it would be lost. The journal is written anew, even an empty one: to flush it would not do after a flush
    /// that failed, because the kernel forgets what it could not write, and says so only once (fsync(2)).
    fn open(folder: &FleetFolder, length: u64) -> Result<Self, StoreError> {
        let path = folder.journal();
        for named in folder.path().ancestors().take(FOLDERS) {
            files::sync_folder(folder.files(), named)?;
        }
        let mut entries = files::read(folder.files(), &path)?.unwrap_or_default();
        entries.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        files::replace(folder.files(), &path, &entries)?;
        let file = folder.files().open(&path, Open::Append).map_err(failed("open", &path))?;
        let identity = file.metadata().map_err(failed("open", &path))?.identity;
        Ok(Self { file, identity, length, text: Vec::new() })
    }

    /// Whether the file at `path` is this one, as it was left.
    fn is_at(&self, files: &dyn Filesystem, path: &Path) -> io::Result<bool> {
        let metadata = files::if_there(files.metadata(path))?;
        Ok(metadata.is_some_and(|now| now.identity == self.identity && now.length == self.length))
    }

    /// Writes all the records, the first of which has serial `first`, and makes them durable together.
    fn append(&mut self, first: u64, records: &[Record]) -> io::Result<()> {
        self.text.clear();
        for (serial, record) in (first..).zip(records) {
            journal::write(&mut self.text, first, serial, record);
        }
        let appended = self.file.append(&self.text).and_then(|()| self.file.sync_data());
        match appended {
            Ok(()) => self.length += self.text.len() as u64,
            // Whatever of it is there was never acted upon. If it can't be taken back, the next bear will read it as a
            // torn tail, or as steps that are in doubt.
            Err(_) => drop(self.file.set_length(self.length).and_then(|()| self.file.sync_all())),
        }
        appended
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_length(0)?;
        self.length = 0;
        self.file.sync_all()
    }
}
