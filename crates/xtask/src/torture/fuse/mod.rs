//! A real mount whose disk is the simulated one: everything that `bear` and its brokers write, rename and flush in it
//! goes through this process, which can lose what was not flushed, refuse, and take its time.

mod adapter;
mod trap;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bear_lab::disk::SimulatedDisk;
use fuser::{BackgroundSession, MountOption};
use tempfile::TempDir;

use super::random::Random;
use adapter::Adapter;
pub(super) use trap::{Moment, Target, Trap};

/// The variable that makes a torture fail rather than be left out where nothing can be mounted.
const REQUIRED: &str = "BEAR_TEST_FUSE";

/// A simulated disk, and where it is mounted.
pub(super) struct Mounted {
    pub(super) disk: SimulatedDisk,
    shared: Arc<Mutex<Shared>>,
    folder: TempDir,
    /// None only while it is mounted anew.
    session: Option<BackgroundSession>,
}

/// What both sides know: who tortures, and the mount.
#[derive(Debug, Default)]
struct Shared {
    trap: Option<Trap>,
    slow: Option<Slow>,
}

/// How long each flush takes.
#[derive(Clone, Debug)]
pub(super) struct Slow {
    pub(super) least: Duration,
    pub(super) most: Duration,
    pub(super) random: Random,
}

/// Why tortures that need a mount are left out here; none if they are not.
///
/// # Errors
///
/// Nothing can be mounted, though the environment says that it must be possible.
pub(super) fn missing() -> Result<Option<String>, String> {
    let tried = Mounted::new().map(drop);
    let Err(why) = tried else { return Ok(None) };
    if std::env::var_os(REQUIRED).is_some_and(|value| value == "required") {
        return Err(format!("{REQUIRED} says that file systems can be mounted here, but {why}"));
    }
    Ok(Some(why))
}

impl Mounted {
    /// A new disk, mounted in a folder of its own.
    pub(super) fn new() -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("bear-disk-").tempdir();
        let folder = folder.map_err(|error| format!("no folder to mount in can be made: {error}"))?;
        let mut mounted = Self { disk: SimulatedDisk::new(), shared: Arc::default(), folder, session: None };
        mounted.mount()?;
        Ok(mounted)
    }

    fn mount(&mut self) -> Result<(), String> {
        let adapter = Adapter::new(self.disk.clone(), Arc::clone(&self.shared));
        let options = [MountOption::FSName("bear-torture".to_owned()), MountOption::DefaultPermissions];
        let session = fuser::spawn_mount2(adapter, self.folder.path(), &options);
        let session =
            session.map_err(|error| format!("nothing can be mounted through /dev/fuse: {error}"))?;
        self.session = Some(session);
        Ok(())
    }

    /// Unmounts the disk and mounts it again, as a machine does that was off: nothing is known of it any more but what
    /// it holds. No process may work in it.
    pub(super) fn mount_again(&mut self) -> Result<(), String> {
        // Unmounts when it is dropped.
        self.session = None;
        self.mount()
    }

    /// Where it is mounted.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap_or_else(|_| self.folder.path().to_path_buf())
    }

    /// Lays a trap, in place of the one before.
    pub(super) fn lay(&self, trap: Trap) {
        self.shared().trap = Some(trap);
    }

    /// Takes up the trap, and with it what it saw.
    pub(super) fn take_up(&self) -> Option<Trap> {
        self.shared().trap.take()
    }

    /// From now on each flush takes so long; none makes the disk quick again.
    pub(super) fn slow_down(&self, slow: Option<Slow>) {
        self.shared().slow = slow;
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the brokers and bear of a mounted disk keep what is not of the project.
pub(super) fn home(mounted: &Path) -> PathBuf {
    mounted.join("home")
}
