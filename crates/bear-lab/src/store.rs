//! A store in memory, made of the same texts as the one in files, that crashes and fills up when it is told to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bear_core::name::FleetName;
use bear_core::state;
use bear_core::state::journal::{self, Recovered};
use bear_core::state::v1::{Record, State};
use bear_engine::{Store, StoreError};

/// What survives a crash: the durable bytes of a snapshot and its journal. Its clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Files>>);

#[derive(Debug, Default)]
struct Files {
    snapshot: Option<Vec<u8>>,
    journal: Vec<u8>,
    writes: usize,
    mishap: Option<(usize, Mishap)>,
    full: bool,
    /// What a reader of the files would make of them, as long as nothing went wrong with the last write.
    as_read: Option<State>,
}

/// What happens at one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Bear dies before it writes.
    CrashBefore,
    /// Bear dies in the middle: of what it appended, only the first so many thousandths are there.
    CrashTorn(u16),
    /// The power goes in the middle: of what bear appended, the first half is zeros, and the rest is there.
    CrashHoled,
    /// Bear dies after the write is durable, and before it knows.
    CrashAfter,
    /// There is no room for more than the first half. From then on there is no room for anything.
    Full,
}

/// What a crash unwinds with: bear is gone at once, and nothing that it held does anything more.
#[derive(Clone, Copy, Debug)]
pub struct Crash;

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets something happen at the `nth` write from now, counted from 0; replaces what was to happen before.
    pub fn let_happen(&self, nth: usize, mishap: Mishap) {
        let mut files = self.files();
        files.mishap = Some((files.writes + nth, mishap));
    }

    /// Makes room, and lets nothing happen any more.
    pub fn mend(&self) {
        let mut files = self.files();
        files.mishap = None;
        files.full = false;
    }

    /// How often something was written.
    pub fn writes(&self) -> usize {
        self.files().writes
    }

    /// The bytes of the journal.
    pub fn journal(&self) -> Vec<u8> {
        self.files().journal.clone()
    }

    /// The state that would be read after a crash right now; none if there is none yet.
    ///
    /// # Panics
    ///
    /// If it can't be read. That must never happen.
    pub fn state(&self) -> Option<State> {
        self.files().read().map(|(state, _)| state)
    }

    /// What `look` finds in the state that would be read after a crash right now.
    ///
    /// # Panics
    ///
    /// If the state can't be read. That must never happen.
    pub fn recorded<T>(&self, look: impl FnOnce(&State) -> Option<T>) -> Option<T> {
        let mut files = self.files();
        if files.as_read.is_none() {
            files.as_read = files.read().map(|(state, _)| state);
        }
        look(files.as_read.as_ref()?)
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        // A crash is a panic, and what it has left on the disk is what the tests are about.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn read(&self) -> Option<(State, Recovered)> {
        let mut state = state::read(self.snapshot.as_ref()?).expect("the snapshot must be readable");
        let recovered = journal::replay(&mut state, &self.journal)
            .expect("every journal that bear leaves must be readable");
        Some((state, recovered))
    }

    /// What happens at this write.
    fn next_mishap(&mut self) -> Option<Mishap> {
        let now = self.writes;
        self.writes += 1;
        let (_, mishap) = self.mishap.filter(|(at, _)| *at == now)?;
        Some(mishap)
    }

    /// Replaces the snapshot, whole or not at all.
    fn replace(&mut self, text: String) -> Result<(), StoreError> {
        match self.next_mishap() {
            None if !self.full => self.snapshot = Some(text.into_bytes()),
            None | Some(Mishap::Full) => return Err(self.fill_up("write", "state.json")),
            Some(Mishap::CrashBefore | Mishap::CrashTorn(_) | Mishap::CrashHoled) => crash(),
            Some(Mishap::CrashAfter) => {
                self.snapshot = Some(text.into_bytes());
                crash();
            }
        }
        Ok(())
    }

    fn append(&mut self, text: &[u8]) -> Result<(), StoreError> {
        let as_read = self.as_read.take();
        match self.next_mishap() {
            None if !self.full => {
                self.journal.extend_from_slice(text);
                // What is read of the whole is what is read of its parts, one after the other.
                self.as_read = as_read.map(|mut state| {
                    journal::replay(&mut state, text).expect("every entry must be readable");
                    state
                });
            }
            None => return Err(self.fill_up("append to", "journal.ndjson")),
            Some(Mishap::Full) => {
                self.journal.extend_from_slice(&text[..text.len() / 2]);
                return Err(self.fill_up("append to", "journal.ndjson"));
            }
            Some(Mishap::CrashBefore) => crash(),
            Some(Mishap::CrashTorn(thousandths)) => {
                let kept = text.len() * usize::from(thousandths.min(1000)) / 1000;
                self.journal.extend_from_slice(&text[..kept]);
                crash();
            }
            Some(Mishap::CrashHoled) => {
                let half = text.len() / 2;
                self.journal.extend(std::iter::repeat_n(0, half));
                self.journal.extend_from_slice(&text[half..]);
                crash();
            }
            Some(Mishap::CrashAfter) => {
                self.journal.extend_from_slice(text);
                crash();
            }
        }
        Ok(())
    }

    fn empty_journal(&mut self) -> Result<(), StoreError> {
        match self.next_mishap() {
            None if !self.full => self.journal.clear(),
            None | Some(Mishap::Full) => return Err(self.fill_up("empty", "journal.ndjson")),
            Some(Mishap::CrashAfter) => {
                self.journal.clear();
                crash();
            }
            Some(_) => crash(),
        }
        Ok(())
    }

    fn fill_up(&mut self, attempt: &'static str, path: &str) -> StoreError {
        self.full = true;
        let cause = std::io::ErrorKind::StorageFull.into();
        StoreError::Io { attempt, path: PathBuf::from(path), cause }
    }
}

/// Like a panic, but without a message on standard error.
fn crash() -> ! {
    std::panic::resume_unwind(Box::new(Crash))
}

/// Keeps the state of a fleet on a [`Disk`].
#[derive(Debug)]
pub struct MemoryStore {
    disk: Disk,
    state: State,
}

impl MemoryStore {
    /// Reads what is on the disk, whatever a crash has left there, or begins a new state.
    ///
    /// # Panics
    ///
    /// If what is there can't be read. That must never happen.
    pub fn recover(disk: &Disk, fleet: &FleetName) -> Result<Self, StoreError> {
        let mut files = disk.files();
        let state = if let Some((state, recovered)) = files.read() {
            files.journal.truncate(recovered.good_bytes);
            state
        } else {
            let state = State::new(fleet.clone(), "lineage".into());
            files.replace(state::write(&state))?;
            state
        };
        drop(files);
        Ok(Self { disk: disk.clone(), state })
    }
}

impl Store for MemoryStore {
    fn state(&self) -> &State {
        &self.state
    }

    fn record(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let first = self.state.serial + 1;
        let mut text = Vec::new();
        for (serial, record) in (first..).zip(records) {
            journal::write(&mut text, first, serial, record);
        }
        self.disk.files().append(&text)?;
        for record in records {
            self.state.apply(record);
        }
        Ok(())
    }

    fn fold(&mut self) -> Result<(), StoreError> {
        let mut files = self.disk.files();
        files.replace(state::write(&self.state))?;
        files.empty_journal()
    }
}
