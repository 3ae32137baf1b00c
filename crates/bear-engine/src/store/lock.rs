//! The lock of a fleet: who may change its files.
//!
//! The lock is the operating system's, on a file of its own, so that the death of its holder frees it at once. The
//! file also says who holds it, as one line of JSON. It is never deleted: a lock on a deleted file keeps nobody out.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::files::{self, failed};
use super::filesystem::{Identity, Open, OpenFile};
use super::folder::FleetFolder;

/// How long to wait before the lock is tried again. Short against the patience of a person, long against the cost.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name of the user.
    pub user: String,
    /// The name of the machine.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// Which boot of the machine the process id belongs to: `/proc/sys/kernel/random/boot_id`, random(4).
    pub boot_id: String,
    /// What it does, such as `bear apply`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, pid, command, since, .. } = self;
        write!(f, "{user}@{host} (process {pid}, `{command}`, since {since:.0})")
    }
}

/// The lock of one fleet, held until this is dropped or its process dies.
#[derive(Debug)]
pub struct FleetLock {
    folder: FleetFolder,
    file: Box<dyn OpenFile>,
    identity: Identity,
}

impl FleetLock {
    /// Takes the lock, waiting for at most `wait`; `Duration::ZERO` tries once. Creates the folder if need be.
    ///
    /// `waiting` is called when the wait begins and whenever another holder is in the way; it gets none if the holder
    /// did not say who it is.
    pub fn take(
        folder: &FleetFolder,
        holder: &Holder,
        wait: Duration,
        mut waiting: impl FnMut(Option<&Holder>),
    ) -> Result<Self, StoreError> {
        let files = folder.files();
        let start = files.now();
        let mut told = None;
        loop {
            // Each try opens the file anew: whoever replaced it meanwhile took the lock along.
            if let Some(lock) = Self::try_take(folder)? {
                lock.name_holder(holder)?;
                return Ok(lock);
            }
            let in_the_way = read_holder(folder)?;
            let left = wait.saturating_sub(files.now().saturating_duration_since(start));
            if left.is_zero() {
                return Err(StoreError::Locked { path: folder.lock(), holder: in_the_way.map(Box::new) });
            }
            if told.as_ref() != Some(&in_the_way) {
                waiting(in_the_way.as_ref());
                told = Some(in_the_way);
            }
            files.sleep(left.min(TRY_EVERY));
        }
    }

    fn try_take(folder: &FleetFolder) -> Result<Option<Self>, StoreError> {
        folder.create()?;
        let path = folder.lock();
        let file = folder.files().open(&path, Open::Lock).map_err(failed("open", &path))?;
        if !file.try_lock().map_err(failed("lock", &path))? {
            return Ok(None);
        }
        let identity = file.metadata().map_err(failed("lock", &path))?.identity;
        let lock = Self { folder: folder.clone(), file, identity };
        Ok(lock.is_held().map_err(failed("lock", &path))?.then_some(lock))
    }

    fn name_holder(&self, holder: &Holder) -> Result<(), StoreError> {
        let mut line = serde_json::to_string(holder).expect("a holder has only string keys");
        line.push('\n');
        // Written first and cut then, so that whoever reads meanwhile sees a whole first line.
        self.file
            .write_at(line.as_bytes(), 0)
            .and_then(|()| self.file.set_length(line.len() as u64))
            .map_err(failed("write", &self.folder.lock()))
    }

    /// Whether the file that is locked is still the one that others would lock.
    fn is_held(&self) -> std::io::Result<bool> {
        Ok(files::identity_at(self.folder.files(), &self.folder.lock())? == Some(self.identity))
    }

    /// Refuses if the lock was lost.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.is_held() {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::LockLost { path: self.folder.lock() }),
            Err(cause) => Err(failed("look at", &self.folder.lock())(cause)),
        }
    }

    /// The fleet's folder.
    pub fn folder(&self) -> &FleetFolder {
        &self.folder
    }
}

impl Drop for FleetLock {
    fn drop(&mut self) {
        // So that nobody reads this holder's name beside the next one's lock; what stays behind is overwritten.
        let _ = self.file.set_length(0);
        // Closing the file would not do: a process that was just started has it open too, until it runs its program.
        let _ = self.file.unlock();
    }
}

/// None if the holder has not written its name yet, or a newer bear wrote it in another way.
fn read_holder(folder: &FleetFolder) -> Result<Option<Holder>, StoreError> {
    let text = files::read(folder.files(), &folder.lock())?.unwrap_or_default();
    let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    Ok(serde_json::from_slice(first_line).ok())
}
