//! The history of a fleet: its last snapshots, and going back to one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bear_core::name::FleetName;
use bear_core::state::journal::{self, JournalError};
use bear_core::state::v1::{FoundationPhase, Phase, Recorded, RecordedFoundation, State};
use bear_core::state::{self, SnapshotError};
use jiff::Timestamp;

use super::error::StoreError;
use super::files::{self, TEMPORARY, failed};
use super::filesystem::Open;
use super::folder::FleetFolder;
use super::load::read_state;
use super::lock::FleetLock;

/// How many snapshots are kept: some weeks of daily work, and few enough to choose from by eye.
const KEPT: usize = 20;

/// The name that a copy is written under.
const NEW: &str = "new.tmp";

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
        let modified = self.files().metadata(&path).map_err(failed("read", &path))?.modified;
        let text = self.files().read(&path).map_err(failed("read", &path))?;
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
        let names = files::if_there(self.files().list(&path)).map_err(failed("list", &path))?;
        let serial = |name: &OsString| name.to_str()?.strip_suffix(".json")?.parse::<u64>().ok();
        let mut serials = names.unwrap_or_default().iter().filter_map(serial).collect::<Vec<_>>();
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
    files::replace(folder.files(), &folder.state(), text.as_bytes())?;
    keep(folder, state.serial, &text)
}

/// Puts in order what a crash has left in the midst of [`put`]: temporary files, and a snapshot of which no copy is kept.
/// `is_snapshot` says whether `state` is the snapshot, with nothing added to it from the journal.
pub(super) fn tidy(folder: &FleetFolder, state: &State, is_snapshot: bool) -> Result<(), StoreError> {
    let beside = |path: &Path| files::beside(path, TEMPORARY);
    for temporary in [beside(&folder.state()), beside(&folder.journal()), folder.history().join(NEW)] {
        // To tidy up is no reason to fail.
        let _ = files::remove(folder.files(), &temporary);
    }
    if is_snapshot && folder.kept_serials()?.last().is_none_or(|&newest| newest < state.serial) {
        keep(folder, state.serial, &state::write(state))?;
    }
    Ok(())
}

/// Keeps a copy of a snapshot. A copy of its own, not a second name: whatever damages the one spares the other.
fn keep(folder: &FleetFolder, serial: u64, text: &str) -> Result<(), StoreError> {
    files::create_folder(folder.files(), &folder.history())?;
    // One name for all, so that what a crash left behind is removed the next time.
    let temporary = folder.history().join(NEW);
    files::replace_by(folder.files(), &temporary, &folder.kept(serial), text.as_bytes())?;
    let serials = folder.kept_serials()?;
    let surplus = serials.len().saturating_sub(KEPT);
    serials[..surplus].iter().try_for_each(|&old| files::remove(folder.files(), &folder.kept(old)))
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
    let Some(text) = files::read(folder.files(), &path)? else {
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
            // Of a machine that was only asked for then, more is known now, even if that is only that its end was asked
            // for. Nobody may ask for it again by the same token.
            Some(now) if old.phase == Phase::Creating => *now = as_far_as_its_machine(now.clone()),
            Some(now) => *now = as_far_as_its_machine(old),
            None => drop(restored.instances.insert(name, as_if_its_machine_went(old))),
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

/// The present state does not know it, so its machine has ended as a rule. Then it is not proven, and its token is not to
/// be asked for again: one that was never seen is ended for good, should it be there, before another is made.
fn as_if_its_machine_went(recorded: Recorded) -> Recorded {
    match recorded.phase {
        Phase::Creating => Recorded { phase: Phase::Destroying, ..recorded },
        _ => as_far_as_its_machine(recorded),
    }
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
        if let Some(damaged) = files::read(folder.files(), &path)? {
            files::replace(folder.files(), &files::beside(&path, ".damaged"), &damaged)?;
        }
    }
    let journal = files::read(folder.files(), &folder.journal())?.unwrap_or_default();
    journal::salvage(&mut chosen, &journal);
    Ok(chosen)
}

fn empty_journal(folder: &FleetFolder) -> Result<(), StoreError> {
    let path = folder.journal();
    let Some(file) =
        files::if_there(folder.files().open(&path, Open::Write)).map_err(failed("open", &path))?
    else {
        return Ok(());
    };
    file.set_length(0).and_then(|()| file.sync_all()).map_err(failed("empty", &path))
}
