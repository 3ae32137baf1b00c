//! What can go wrong with a fleet's files, and what to do about it.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use bear_core::name::FleetName;
use bear_core::plan::PlanError;
use bear_core::state::SnapshotError;
use bear_core::state::journal::JournalError;

use super::lock::Holder;
use super::secrets::SecretsError;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("could not {attempt} {}: {cause}", path.display())]
    Io {
        /// What was attempted, such as `append to`.
        attempt: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: Error,
    },
    /// Another bear holds the fleet's lock.
    #[error("{} is held by {}", path.display(), named(holder.as_deref()))]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Who holds it, if they said so.
        holder: Option<Box<Holder>>,
    },
    /// The lock was deleted or replaced while it was held, so that another bear may hold it now.
    #[error("the lock {} was deleted or replaced while this bear held it", path.display())]
    LockLost {
        /// The lock.
        path: PathBuf,
    },
    /// The journal is not what this bear left.
    #[error("{} was changed by something else while this bear wrote to it", path.display())]
    Changed {
        /// The journal.
        path: PathBuf,
    },
    /// An earlier write failed.
    #[error("nothing more is written to {}, because an earlier write to it failed", path.display())]
    Stopped {
        /// The journal.
        path: PathBuf,
    },
    /// The files of a fleet were folded again and again while they were read.
    #[error("could not read {}: it was replaced each time", path.display())]
    Unsettled {
        /// The snapshot.
        path: PathBuf,
    },
    /// The snapshot can't be read.
    #[error("could not read {}: {cause}", path.display())]
    Snapshot {
        /// The snapshot.
        path: PathBuf,
        /// Why.
        #[source]
        cause: SnapshotError,
    },
    /// The journal can't be read.
    #[error("could not read {}: {cause}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        cause: JournalError,
    },
    /// There is no snapshot, but a journal or a history of the fleet.
    #[error("{} is missing, though the fleet was applied before", path.display())]
    SnapshotMissing {
        /// The snapshot.
        path: PathBuf,
    },
    /// The state belongs to another fleet.
    #[error("{} is the state of fleet `{found}`, not of `{expected}`", path.display())]
    OtherFleet {
        /// The snapshot.
        path: PathBuf,
        /// The fleet that it belongs to.
        found: FleetName,
        /// The fleet that was asked for.
        expected: FleetName,
    },
    /// A kept snapshot comes from another life of the fleet.
    #[error("{} has another lineage than the present state", path.display())]
    OtherLineage {
        /// The kept snapshot.
        path: PathBuf,
    },
    /// There is no such snapshot.
    #[error("no snapshot with serial {serial} is kept in {}", path.display())]
    NoSnapshot {
        /// The folder of kept snapshots.
        path: PathBuf,
        /// The serial that was asked for.
        serial: u64,
    },
    /// The recorded plan can't be read.
    #[error("could not read {}: {cause}", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: PlanError,
    },
    /// The generated secrets can't be read.
    #[error("could not read {}: {cause}", path.display())]
    Secrets {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: SecretsError,
    },
}

fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".into(), Holder::to_string)
}

const USE_NEWER: &str = "use the bear that wrote it, or a later one; nothing was changed";
const RESTORE: &str = "nothing was changed; `bear state history` lists the snapshots that are kept, and \
                       `bear state restore SERIAL` goes on from one of them, best from the newest";

impl StoreError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Io { path, cause, .. } => help_with_io(path, cause),
            Self::Locked { holder: Some(holder), .. } => Some(format!(
                "wait for it with `--lock-wait 5m`; if it hangs, end process {} on {}, which frees the lock",
                holder.pid, holder.host
            )),
            Self::Locked { holder: None, .. } => Some("wait for it with `--lock-wait 5m`".into()),
            Self::LockLost { .. } | Self::Changed { .. } => Some(
                "nothing was written after that; see that nothing but bear changes the `.bear` folder, then run the \
                 command again"
                    .into(),
            ),
            Self::Stopped { .. } => {
                Some("what was recorded before is safe; run the command again to go on from there".into())
            }
            Self::Unsettled { .. } => Some("run the command again".into()),
            Self::Snapshot { cause: SnapshotError::Newer { .. }, .. }
            | Self::Journal { cause: JournalError::Newer { .. }, .. }
            | Self::Secrets { cause: SecretsError::Newer { .. }, .. } => Some(USE_NEWER.into()),
            Self::Snapshot { .. } | Self::Journal { .. } | Self::SnapshotMissing { .. } => Some(RESTORE.into()),
            Self::OtherFleet { found, .. } => {
                Some(format!("nothing was changed; move the folder to where fleet `{found}` keeps its state"))
            }
            Self::OtherLineage { .. } => Some("nothing was changed; choose another snapshot".into()),
            Self::NoSnapshot { .. } => Some("`bear state history` lists the snapshots that are kept".into()),
            Self::Plan { .. } => Some("run `bear plan` to record a new plan".into()),
            Self::Secrets { path, .. } => Some(format!(
                "nothing was changed; put a backup of {} in its place, because running brokers know its secrets",
                path.display()
            )),
        }
    }
}

/// The device failed, errno(3); the standard library has no name for it.
const EIO: i32 = 5;

fn help_with_io(path: &Path, cause: &Error) -> Option<String> {
    let folder = path.parent().unwrap_or(path).display();
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Some(format!(
            "make room where {folder} lies, then run the command again: what was recorded before is safe, and it \
             goes on from there"
        )),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Some(format!("bear must be able to read and write {folder}"))
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            Some("something that is no folder stands where a folder belongs; move it away".into())
        }
        ErrorKind::IsADirectory => Some("a folder stands where a file belongs; move it away".into()),
        _ if cause.raw_os_error() == Some(EIO) => Some(format!(
            "the disk on which {folder} lies fails; see what the kernel says of it with `dmesg`, then run the command \
             again: what was recorded before is safe, and it goes on from there"
        )),
        _ => None,
    }
}
