//! One broker a folder: an exclusive lock for the life of the process, with who holds it written inside.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::BrokerError;
use crate::files::{self, file_error};

const VERSION: u32 = 1;
const FILE: &str = "broker.lock";

/// [`Holder::of`] can only ask for the lock by taking it for a moment, so one refusal does not mean a broker yet.
const TRIES: usize = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The process that runs the broker of a folder. A pid alone is no name: it is used again after its process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    version: u32,
    /// Its process id.
    pub pid: u32,
    /// When it started, as [`start_time`] tells.
    pub start_time: u64,
}

impl Holder {
    /// Who runs a broker in this folder at this moment; nobody where no process holds the lock, whatever the file says.
    pub fn of(folder: &Path) -> Result<Option<Self>, BrokerError> {
        let path = folder.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_error("read", &path, error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => files::read(&path, "lock file of a broker", VERSION).map(Some),
            Err(TryLockError::Error(error)) => Err(file_error("lock", &path, error)),
        }
    }
}

/// When a process started, in clock ticks since the system did: field 22 of `/proc/PID/stat`, see `proc_pid_stat(5)`.
/// None where there is no such process.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name of the program in parentheses, which may hold spaces and parentheses itself.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// The lock on a folder. The operating system frees it with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the folder, or says within the blink of an eye who has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, BrokerError> {
        let path = folder.join(FILE);
        let open = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = open.map_err(|error| file_error("write", &path, error))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = files::read::<Holder>(&path, "lock file of a broker", VERSION)
                    .ok()
                    .map(|holder| holder.pid);
                return Err(BrokerError::Held { folder: folder.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(file_error("lock", &path, error)),
        }
        sign(&mut file).map_err(|error| file_error("write", &path, error))?;
        Ok(Self { _file: file })
    }
}

fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            settled => return settled,
        }
    }
    file.try_lock()
}

/// Writes who we are in place: a new file would be another lock.
fn sign(file: &mut File) -> std::io::Result<()> {
    let pid = std::process::id();
    let holder = Holder { version: VERSION, pid, start_time: start_time(pid).unwrap_or_default() };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Holder::of(folder.path()).unwrap(), None);

        let held = FolderLock::take(folder.path()).unwrap();

        let holder = Holder::of(folder.path()).unwrap().unwrap();
        assert_eq!(
            (holder.pid, Some(holder.start_time)),
            (std::process::id(), start_time(std::process::id()))
        );
        let refused = FolderLock::take(folder.path()).unwrap_err();
        assert!(matches!(refused, BrokerError::Held { pid: Some(pid), .. } if pid == std::process::id()));

        drop(held);
        assert_eq!(Holder::of(folder.path()).unwrap(), None);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_process_that_is_gone_has_no_start_time() {
        assert_eq!(start_time(u32::MAX), None);
    }
}
