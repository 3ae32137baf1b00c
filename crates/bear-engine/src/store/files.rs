//! Files that are whole or not there at all: reading, replacing and telling them apart.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Only the owner may read and write.
pub(super) const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

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
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    if_there(fs::read(path)).map_err(failed("read", path))
}

/// Creates a folder and those above it, durably and for the owner alone, unless they are there.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_folder(above)?;
    }
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(path) {
        // Another bear may have been faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(failed("create", path)(error)),
        Ok(()) => sync_folder(above.unwrap_or(Path::new("."))),
    }
}

/// Makes what was created, renamed and removed in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("flush", path))
}

/// Replaces a file durably: whenever the power goes, either the old or the new one is there, whole.
///
/// Only for files that nobody else replaces at the same time; see [`replace_by`].
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace_by(&beside(path, ".tmp"), path, bytes)
}

/// The same as [`replace`], by way of a temporary file that the caller names.
pub(super) fn replace_by(temporary: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = write_new(temporary, bytes)
        .and_then(|()| fs::rename(temporary, path).map_err(failed("replace", path)));
    if let Err(error) = written {
        // It may take the room that is missing. If it stays, the next attempt removes it.
        let _ = fs::remove_file(temporary);
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(path))
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    remove(path)?;
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(FILE_MODE).open(path).map_err(failed("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write", path))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    if_there(fs::remove_file(path)).map_err(failed("remove", path))?;
    Ok(())
}

/// The path with `suffix` added to its file name.
pub(super) fn beside(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Which file it is, whatever its name. True only while the file is open or has a name; then numbers are given out
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl Identity {
    /// That of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&file.metadata()?))
    }

    /// That of the file that has a name now, if there is one.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(if_there(fs::metadata(path))?.as_ref().map(Self::from))
    }
}
