//! Reading the state without the lock, while another bear may be changing it.

use std::time::Duration;

use bear_core::state::journal::{self, Recovered};
use bear_core::state::{self, State};

use super::error::StoreError;
use super::files::{self, failed};
use super::filesystem::Open;
use super::folder::FleetFolder;

/// How often reading begins anew because the snapshot was replaced meanwhile, which takes longer than reading.
const TRIES: usize = 100;
const TRY_EVERY: Duration = Duration::from_millis(1);

/// The state as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The snapshot with every whole entry of the journal.
    pub state: State,
    /// What the journal held. A torn tail may also be an entry that is being written right now.
    pub recovery: Recovery,
}

/// What a journal held beyond its snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many entries were applied.
    pub entries: usize,
    /// How many bytes of a torn tail were not.
    pub torn_bytes: usize,
}

impl From<Recovered> for Recovery {
    fn from(recovered: Recovered) -> Self {
        Self { entries: recovered.applied, torn_bytes: recovered.torn_bytes }
    }
}

impl FleetFolder {
    /// Reads the state: the snapshot with every whole entry of the journal. None if the fleet was never applied.
    ///
    /// Takes no lock and writes nothing. What another bear is recording meanwhile may or may not be in it, but it is
    /// always a state that was true at some moment.
    pub fn load(&self) -> Result<Option<Loaded>, StoreError> {
        let read = read_state(self)?;
        Ok(read.map(|(state, recovered)| Loaded { state, recovery: recovered.into() }))
    }
}

/// Reads the state, and what there was to recover.
pub(super) fn read_state(folder: &FleetFolder) -> Result<Option<(State, Recovered)>, StoreError> {
    let Some(Texts { snapshot, journal }) = read_texts(folder)? else {
        return Ok(None);
    };
    let mut state =
        state::read(&snapshot).map_err(|cause| StoreError::Snapshot { path: folder.state(), cause })?;
    let recovered = journal::replay(&mut state, &journal)
        .map_err(|cause| StoreError::Journal { path: folder.journal(), cause })?;
    Ok(Some((state, recovered)))
}

/// A snapshot and the journal since, as they were read.
struct Texts {
    snapshot: Vec<u8>,
    journal: Vec<u8>,
}

/// Reads a snapshot and the journal that belongs to it, or to the snapshot before.
///
/// A fold replaces the snapshot before it empties the journal. So a journal that was read while the snapshot stayed
/// the same lacks nothing; entries that it has too many are told by their serials.
fn read_texts(folder: &FleetFolder) -> Result<Option<Texts>, StoreError> {
    let path = folder.state();
    let files = folder.files();
    for _ in 0..TRIES {
        // The file stays open until its name was looked at again, so that no other file can get its number.
        let mut file = files::if_there(files.open(&path, Open::Read)).map_err(failed("open", &path))?;
        let mut snapshot = Vec::new();
        let mut identity = None;
        if let Some(file) = &mut file {
            snapshot = file.read().map_err(failed("read", &path))?;
            identity = Some(file.metadata().map_err(failed("read", &path))?.identity);
        }
        let journal = files::read(files, &folder.journal())?.unwrap_or_default();
        let missing = file.is_none() && (!journal.is_empty() || folder.has_history()?);
        if files::identity_at(files, &path).map_err(failed("read", &path))? == identity {
            let texts = file.map(|_| Texts { snapshot, journal });
            return if missing { Err(StoreError::SnapshotMissing { path }) } else { Ok(texts) };
        }
        files.sleep(TRY_EVERY);
    }
    Err(StoreError::Unsettled { path })
}
