//! Files that are whole or not there at all: reading and replacing them.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::filesystem::{Filesystem, Identity, Open};

/// What is added to the name of a file while its next bytes are written beside it.
pub(super) const TEMPORARY: &str = ".tmp";

/// Turns the failure of `attempt` on `path` into an error.
pub(super) fn failed(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |cause| StoreError::Io { attempt, path: path.to_owned(), cause }
}

/// None where there is no such file or folder.
pub(super) fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file, if it is there.
pub(super) fn read(files: &dyn Filesystem, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    if_there(files.read(path)).map_err(failed("read", path))
}

/// Which file has a name now, if there is one.
pub(super) fn identity_at(files: &dyn Filesystem, path: &Path) -> io::Result<Option<Identity>> {
    Ok(if_there(files.metadata(path))?.map(|metadata| metadata.identity))
}

/// Creates a folder and those above it, durably and for the owner alone, unless they are there.
pub(super) fn create_folder(files: &dyn Filesystem, path: &Path) -> Result<(), StoreError> {
    let is_there = || files.metadata(path).is_ok_and(|metadata| metadata.is_folder);
    if is_there() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        create_folder(files, above)?;
    }
    match files.create_folder(path) {
        // Another bear may have been faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_there() => Ok(()),
        Err(error) => Err(failed("create", path)(error)),
        Ok(()) => sync_folder(files, path.parent().unwrap_or(path)),
    }
}

/// Makes what was created, renamed and removed in a folder durable.
pub(super) fn sync_folder(files: &dyn Filesystem, path: &Path) -> Result<(), StoreError> {
    // The folder above a lone name is the one that bear was started in.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    files.sync_folder(path).map_err(failed("flush", path))
}

/// Replaces a file durably: whenever the power goes, either the old or the new one is there, whole.
///
/// Only for files that nobody else replaces at the same time; see [`replace_by`].
pub(super) fn replace(files: &dyn Filesystem, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace_by(files, &beside(path, TEMPORARY), path, bytes)
}

/// The same as [`replace`], by way of a temporary file that the caller names.
pub(super) fn replace_by(
    files: &dyn Filesystem,
    temporary: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let written = write_new(files, temporary, bytes)
        .and_then(|()| files.rename(temporary, path).map_err(failed("replace", path)));
    if let Err(error) = written {
        // It may take the room that is missing. If it stays, the next attempt removes it.
        let _ = files.remove(temporary);
        return Err(error);
    }
    sync_folder(files, path.parent().unwrap_or(path))
}

fn write_new(files: &dyn Filesystem, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    remove(files, path)?;
    let mut file = files.open(path, Open::New).map_err(failed("create", path))?;
    file.append(bytes).and_then(|()| file.sync_all()).map_err(failed("write", path))
}

/// Removes a file, if it is there.
pub(super) fn remove(files: &dyn Filesystem, path: &Path) -> Result<(), StoreError> {
    if_there(files.remove(path)).map_err(failed("remove", path))?;
    Ok(())
}

/// The path with `suffix` added to its file name.
pub(super) fn beside(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
