//! Reading and replacing the small JSON files of a broker.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::BrokerError;

/// The one field that every version of every file has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a JSON file of at most version `known`; one of a newer version is refused before its fields are looked at.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    what: &'static str,
    known: u32,
) -> Result<T, BrokerError> {
    let bytes = fs::read(path).map_err(|source| file_error("read", path, source))?;
    let malformed = |source| BrokerError::Malformed { what, path: path.to_owned(), source };
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if version > known {
        return Err(BrokerError::TooNew { path: path.to_owned(), found: version, known });
    }
    serde_json::from_slice(&bytes).map_err(malformed)
}

/// Replaces a file as one step: a reader sees the old or the new one, and so does whoever comes after a crash.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), BrokerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| file_error("write", path, source))
}

pub(crate) fn file_error(action: &'static str, path: &Path, source: std::io::Error) -> BrokerError {
    BrokerError::File { action, path: path.to_owned(), source }
}
