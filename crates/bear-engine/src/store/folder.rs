//! The folder of one fleet: which file lies where, and the plan that was recorded in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bear_core::name::FleetName;
use bear_core::plan::RecordedPlan;

use super::error::StoreError;
use super::files;
use super::filesystem::{Filesystem, OsFilesystem};

/// The folder `.bear/<fleet>` of a project. Cheap to clone; making one touches nothing.
#[derive(Clone, Debug)]
pub struct FleetFolder {
    path: PathBuf,
    filesystem: Arc<dyn Filesystem>,
}

impl FleetFolder {
    /// The folder of `fleet` in the project in folder `project`.
    pub fn new(project: &Path, fleet: &FleetName) -> Self {
        Self::on(Arc::new(OsFilesystem), project, fleet)
    }

    /// The same on another file system than the operating system's.
    pub fn on(filesystem: Arc<dyn Filesystem>, project: &Path, fleet: &FleetName) -> Self {
        Self { path: project.join(".bear").join(fleet.as_str()), filesystem }
    }

    /// What it lies on.
    pub(super) fn filesystem(&self) -> &Arc<dyn Filesystem> {
        &self.filesystem
    }

    pub(super) fn files(&self) -> &dyn Filesystem {
        &*self.filesystem
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The snapshot.
    pub fn state(&self) -> PathBuf {
        self.path.join("state.json")
    }

    /// The records since the snapshot.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.ndjson")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The folder of kept snapshots.
    pub fn history(&self) -> PathBuf {
        self.path.join("history")
    }

    /// The plan that was recorded last.
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// The generated secrets.
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets.json")
    }

    /// The folder in which the local provider keeps a folder for each instance.
    pub fn instances(&self) -> PathBuf {
        self.path.join("instances")
    }

    /// The host keys of the fleet's instances.
    pub fn known_hosts(&self) -> PathBuf {
        self.path.join("known_hosts")
    }

    /// Creates the folder for its owner alone, if it is not there.
    pub fn create(&self) -> Result<(), StoreError> {
        files::create_folder(self.files(), &self.path)
    }

    /// Records a plan in place of the one before.
    pub fn write_plan(&self, plan: &RecordedPlan) -> Result<(), StoreError> {
        self.create()?;
        // Planning takes no lock, so two bears may get here at once: each needs a temporary file of its own.
        let temporary = files::beside(&self.plan(), format!(".{}.tmp", std::process::id()));
        files::replace_by(self.files(), &temporary, &self.plan(), plan.write().as_bytes())?;
        self.sweep_plans();
        Ok(())
    }

    /// Removes what bears that were killed while they recorded a plan have left. To tidy up is no reason to fail.
    fn sweep_plans(&self) {
        for name in self.files().list(&self.path).unwrap_or_default() {
            let planner =
                name.to_str().and_then(|name| name.strip_prefix("plan.json.")?.strip_suffix(".tmp"));
            if planner.is_some_and(|id| self.files().metadata(&Path::new("/proc").join(id)).is_err()) {
                let _ = files::remove(self.files(), &self.path.join(name));
            }
        }
    }

    /// Reads the plan that was recorded last, if `bear`, this version, recorded it. None if there is none.
    pub fn read_plan(&self, bear: &str) -> Result<Option<RecordedPlan>, StoreError> {
        let Some(text) = files::read(self.files(), &self.plan())? else {
            return Ok(None);
        };
        let plan = RecordedPlan::read(&text, bear);
        plan.map(Some).map_err(|cause| StoreError::Plan { path: self.plan(), cause })
    }

    /// Removes the recorded plan, if there is one.
    pub fn remove_plan(&self) -> Result<(), StoreError> {
        files::remove(self.files(), &self.plan())
    }
}
