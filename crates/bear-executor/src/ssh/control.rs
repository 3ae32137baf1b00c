//! The folders of control sockets: private, short, and removed after a bear that could not remove its own.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tempfile::TempDir;

/// A folder that is younger may be about to be locked by its owner.
const LEFT_BEHIND_AFTER: Duration = Duration::from_mins(1);

/// The longest path of a folder in which ssh can make its socket: a socket's path has at most 107 bytes, unix(7), and
/// ssh first adds `/master` and 17 characters of its own.
const FOLDER_MAX: usize = 80;

/// A new folder for one connection, and the lock that shows that its owner lives.
pub(super) fn folder() -> io::Result<(TempDir, File)> {
    static CLEANED: Once = Once::new();
    let base = base()?;
    CLEANED.call_once(|| clean(&base, LEFT_BEHIND_AFTER));
    let folder = tempfile::Builder::new().prefix("c").rand_bytes(8).tempdir_in(&base)?;
    let lock = File::create(lock_path(folder.path()))?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    Ok((folder, lock))
}

/// `$XDG_RUNTIME_DIR/bear`, or else a folder of this user's among the temporary ones.
fn base() -> io::Result<PathBuf> {
    let user = geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let own = format!("bear-{user}");
    let candidates = [
        runtime.filter(|path| path.is_dir()).map(|path| path.join("bear")),
        Some(std::env::temp_dir().join(&own)),
    ];
    let base = candidates
        .into_iter()
        .flatten()
        .find(|path| path.as_os_str().len() + "/c12345678".len() <= FOLDER_MAX)
        .unwrap_or_else(|| Path::new("/tmp").join(own));
    match DirBuilder::new().mode(0o700).create(&base) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Whoever else could write there could take our connections over.
    let found = fs::symlink_metadata(&base)?;
    if found.is_dir() && found.uid() == user && found.permissions().mode() & 0o777 == 0o700 {
        return Ok(base);
    }
    let why = format!("{} is not a folder of this user alone", base.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// Removes folders whose owner died. That it can't is no reason not to connect.
fn clean(base: &Path, least_age: Duration) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let folder = entry.path();
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= least_age));
        if old && is_left_behind(&folder) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn is_left_behind(folder: &Path) -> bool {
    match File::open(lock_path(folder)) {
        Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_left_behind_is_removed() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = base.path().join(name);
            fs::create_dir(&folder).unwrap();
            let lock = File::create(lock_path(&folder)).unwrap();
            flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
            (folder, lock)
        };
        let (used, _lock) = make("used");
        let (left, lock) = make("left");
        drop(lock);
        clean(base.path(), LEFT_BEHIND_AFTER);
        assert!(left.exists());
        clean(base.path(), Duration::ZERO);
        assert!(used.exists() && !left.exists());
    }
}
