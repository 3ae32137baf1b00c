//! The simulated disk that the real store runs on, and what is certain there.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bear_core::state::journal;
use bear_core::state::v1::State;
use bear_engine::StoreError;
use bear_engine::store::{FileStore, FleetFolder, FleetLock, Holder};
use bear_lab::disk::{SimulatedDisk, SimulatedProcess};
use jiff::Timestamp;

use crate::fleets::fleet_name;

type Certain = Option<(usize, Option<State>)>;

/// A disk with the folder of one fleet. Its clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    disk: SimulatedDisk,
    /// What was certain after so many syncs.
    certain: Arc<Mutex<Certain>>,
}

impl Deref for Disk {
    type Target = SimulatedDisk;

    fn deref(&self) -> &SimulatedDisk {
        &self.disk
    }
}

impl Disk {
    /// Takes the lock and opens the real store, as one process.
    pub(crate) fn open(process: &SimulatedProcess) -> Result<FileStore, StoreError> {
        let folder = FleetFolder::on(Arc::new(process.clone()), "/".as_ref(), &fleet_name());
        let holder = Holder {
            user: "ann".into(),
            host: "mill".into(),
            pid: 1,
            boot_id: "b007".into(),
            command: "bear apply".into(),
            since: Timestamp::UNIX_EPOCH,
        };
        let lock = FleetLock::take(&folder, &holder, Duration::ZERO, |_| {})?;
        FileStore::open(lock, &fleet_name(), || "lineage".into())
    }

    /// The bytes of the journal that are certain.
    pub(crate) fn journal(&self) -> Vec<u8> {
        self.certain("/.bear/demo/journal.ndjson").unwrap_or_default()
    }

    /// The state that would be read if the power went right now, and took all that it can; none if there is none yet.
    pub(crate) fn state(&self) -> Option<State> {
        let mut certain = self.certain.lock().unwrap();
        let syncs = self.disk.syncs();
        let state = match certain.take() {
            Some((then, state)) if then == syncs => state,
            _ => self.read(),
        };
        *certain = Some((syncs, state.clone()));
        state
    }

    fn read(&self) -> Option<State> {
        let snapshot = self.certain("/.bear/demo/state.json")?;
        let mut state = bear_core::state::read(&snapshot).expect("the snapshot must be readable");
        journal::replay(&mut state, &self.journal())
            .expect("every journal that bear leaves must be readable");
        Some(state)
    }

    /// What `look` finds in that state.
    pub(crate) fn recorded<T>(&self, look: impl FnOnce(&State) -> Option<T>) -> Option<T> {
        look(&self.state()?)
    }
}
