//! The folder of one fleet: which file lies where, and the plan that was recorded in it.

use std::path::{Path, PathBuf};

use bear_core::name::FleetName;
use bear_core::plan::RecordedPlan;

use super::error::StoreError;
use super::files;

/// The folder `.bear/<fleet>` of a project. Cheap to clone; making one touches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetFolder(PathBuf);

impl FleetFolder {
    /// The folder of `fleet` in the project in folder `project`.
    pub fn new(project: &Path, fleet: &FleetName) -> Self {
        Self(project.join(".bear").join(fleet.as_str()))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The snapshot.
    pub fn state(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The records since the snapshot.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.ndjson")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The folder of kept snapshots.
    pub fn history(&self) -> PathBuf {
        self.0.join("history")
    }

    /// The plan that was recorded last.
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// The generated secrets.
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// The folder in which the local provider keeps a folder for each instance.
    pub fn instances(&self) -> PathBuf {
        self.0.join("instances")
    }

    /// The host keys of the fleet's instances.
    pub fn known_hosts(&self) -> PathBuf {
        self.0.join("known_hosts")
    }

    /// Creates the folder for its owner alone, if it is not there.
    pub fn create(&self) -> Result<(), StoreError> {
        files::create_folder(&self.0)
    }

    /// Records a plan in place of the one before.
    pub fn write_plan(&self, plan: &RecordedPlan) -> Result<(), StoreError> {
        self.create()?;
        // Planning takes no lock, so two bears may get here at once: each needs a temporary file of its own.
        let temporary = files::beside(&self.plan(), format!(".{}.tmp", std::process::id()));
        files::replace_by(&temporary, &self.plan(), plan.write().as_bytes())
    }

    /// Reads the plan that was recorded last, if `bear`, this version, recorded it. None if there is none.
    pub fn read_plan(&self, bear: &str) -> Result<Option<RecordedPlan>, StoreError> {
        let Some(text) = files::read(&self.plan())? else {
            return Ok(None);
        };
        let plan = RecordedPlan::read(&text, bear);
        plan.map(Some).map_err(|cause| StoreError::Plan { path: self.plan(), cause })
    }

    /// Removes the recorded plan, if there is one.
    pub fn remove_plan(&self) -> Result<(), StoreError> {
        files::remove(&self.plan())
    }
}
