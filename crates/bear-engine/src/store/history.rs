//! The history of a fleet: its last snapshots, and going back to one.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use bear_core::name::FleetName;
use bear_core::state::journal::{self, JournalError};
use bear_core::state::v1::{FoundationPhase, Phase, Recorded, RecordedFoundation, State};
use bear_core::state::{self, SnapshotError};
use jiff::Timestamp;

use super::error::StoreError;
use super::files::{self, failed};
use super::folder::FleetFolder;
use super::load::read_state;
use super::lock::FleetLock;

/// How many snapshots are kept: some weeks of daily work, and few enough to choose from by eye.
const KEPT: usize = 20;

/// A snapshot that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The serial of its state.
    pub serial: u64,
    /// When it was made.
    pub at: Timestamp,
    /// How many instances it has; none if it can't be read.
    pub instances: Option<usize>,
}

impl FleetFolder {
    /// The snapshots that are kept, oldest first. The last is a copy of the present snapshot.
    pub fn snapshots(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        self.kept_serials()?.into_iter().map(|serial| self.entry(serial)).collect()
    }

    fn entry(&self, serial: u64) -> Result<HistoryEntry, StoreError> {
        let path = self.kept(serial);
        let modified =
            fs::metadata(&path).and_then(|metadata| metadata.modified()).map_err(failed("read", &path))?;
        let text = fs::read(&path).map_err(failed("read", &path))?;
        Ok(HistoryEntry {
            serial,
            at: Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH),
            instances: state::read(&text).ok().map(|state| state.instances.len()),
        })
    }

    /// Whether the fleet was ever applied.
    pub(super) fn has_history(&self) -> Result<bool, StoreError> {
        Ok(!self.kept_serials()?.is_empty())
    }

    fn kept(&self, serial: u64) -> PathBuf {
        self.history().join(format!("{serial:012}.json"))
    }

    /// In ascending order.
    fn kept_serials(&self) -> Result<Vec<u64>, StoreError> {
        let path = self.history();
        let Some(entries) = files::if_there(fs::read_dir(&path)).map_err(failed("list", &path))? else {
            return Ok(Vec::new());
        };
        let mut serials = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed("list", &path))?.file_name();
            let serial = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u64>().ok());
            serials.extend(serial);
        }
        serials.sort_unstable();
        Ok(serials)
    }

    /// Refuses a state that belongs to another fleet.
    pub(super) fn expect_fleet(&self, state: &State, fleet: &FleetName) -> Result<(), StoreError> {
        if state.fleet == *fleet {
            return Ok(());
        }
        let found = state.fleet.clone();
        Err(StoreError::OtherFleet { path: self.path().to_owned(), found, expected: fleet.clone() })
    }
}

/// Makes `state` the snapshot, and keeps a copy of it.
pub(super) fn put(folder: &FleetFolder, state: &State) -> Result<(), StoreError> {
    let text = state::write(state);
    files::replace(&folder.state(), text.as_bytes())?;
    keep(folder, state.serial, &text)
}

/// Keeps a copy of a snapshot. A copy of its own, not a second name: whatever damages the one spares the other.
fn keep(folder: &FleetFolder, serial: u64, text: &str) -> Result<(), StoreError> {
    files::create_folder(&folder.history())?;
    // One name for all, so that what a crash left behind is removed the next time.
    files::replace_by(&folder.history().join("new.tmp"), &folder.kept(serial), text.as_bytes())?;
    let serials = folder.kept_serials()?;
    let surplus = serials.len().saturating_sub(KEPT);
    serials[..surplus].iter().try_for_each(|&old| files::remove(&folder.kept(old)))
}

/// Makes bear believe again what the kept snapshot `serial` says of `fleet`, and returns the new state.
///
/// It changes what bear believes, not the world, so nothing that is known now is forgotten: an instance that only the
/// present state knows stays, and so does one whose machine is newer there. One that differs otherwise is believed no
/// further than that its machine exists, so that the next apply puts its broker right. The serial goes on from the
/// present one, and used plans stay used.
///
/// If the present state can't be read, the snapshot is taken with whatever the journal still says after it, and what
/// can't be read is set aside beside its old place, with `.damaged` added to its name.
pub fn restore(lock: &FleetLock, fleet: &FleetName, serial: u64) -> Result<State, StoreError> {
    let folder = lock.folder();
    lock.check()?;
    let chosen = read_kept(folder, serial)?;
    folder.expect_fleet(&chosen, fleet)?;
    let mut restored = match read_state(folder) {
        Ok(Some((present, _))) => {
            if present.lineage != chosen.lineage {
                return Err(StoreError::OtherLineage { path: folder.kept(serial) });
            }
            keep(folder, present.serial, &state::write(&present))?;
            believe_again(chosen, present)
        }
        Ok(None) => chosen,
        Err(error) if is_damage(&error) => salvage(folder, chosen)?,
        Err(error) => return Err(error),
    };
    let newest = folder.kept_serials()?.last().copied().unwrap_or_default();
    restored.serial = restored.serial.max(newest) + 1;
    put(folder, &restored)?;
    empty_journal(folder)?;
    Ok(restored)
}

fn read_kept(folder: &FleetFolder, serial: u64) -> Result<State, StoreError> {
    let path = folder.kept(serial);
    let Some(text) = files::read(&path)? else {
        return Err(StoreError::NoSnapshot { path: folder.history(), serial });
    };
    state::read(&text).map_err(|cause| StoreError::Snapshot { path, cause })
}

fn believe_again(chosen: State, present: State) -> State {
    let generation = present.generation.max(chosen.generation);
    let mut restored = State { file: chosen.file, generation, ..present };
    for (name, old) in chosen.instances {
        match restored.instances.get_mut(&name) {
            Some(now) if now.generation > old.generation || *now == old => {}
            Some(now) => *now = as_far_as_its_machine(old),
            None => drop(restored.instances.insert(name, old)),
        }
    }
    for (region, old) in chosen.foundations {
        if restored.foundations.get(&region) != Some(&old) {
            // Nobody knows how much of it is there, so the next apply makes sure of all of it.
            let laying = RecordedFoundation { phase: FoundationPhase::Laying, ..old };
            restored.foundations.insert(region, laying);
        }
    }
    restored
}

fn as_far_as_its_machine(recorded: Recorded) -> Recorded {
    let phase = match recorded.phase {
        Phase::Installed | Phase::Verified => Phase::Created,
        uncertain => uncertain,
    };
    Recorded { phase, checks: None, ..recorded }
}

/// What a newer bear wrote is no damage.
fn is_damage(error: &StoreError) -> bool {
    match error {
        StoreError::Snapshot { cause, .. } => matches!(cause, SnapshotError::Damaged(_)),
        StoreError::Journal { cause, .. } => !matches!(cause, JournalError::Newer { .. }),
        StoreError::SnapshotMissing { .. } => true,
        _ => false,
    }
}

fn salvage(folder: &FleetFolder, mut chosen: State) -> Result<State, StoreError> {
    for path in [folder.state(), folder.journal()] {
        files::if_there(fs::copy(&path, files::beside(&path, ".damaged")))
            .map_err(failed("set aside", &path))?;
    }
    let journal = files::read(&folder.journal())?.unwrap_or_default();
    journal::salvage(&mut chosen, &journal);
    Ok(chosen)
}

fn empty_journal(folder: &FleetFolder) -> Result<(), StoreError> {
    let path = folder.journal();
    let Some(file) =
        files::if_there(OpenOptions::new().write(true).open(&path)).map_err(failed("open", &path))?
    else {
        return Ok(());
    };
    file.set_len(0).and_then(|()| file.sync_all()).map_err(failed("empty", &path))
}
