//! The files that a broker is started with: what they are, and whether those on disk are the ones wanted.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bear_core::event::StepError;
use sha2::{Digest, Sha256};

use super::durable;
use super::error;

/// The file that a broker's specification stands in.
pub const SPEC_FILE: &str = "broker.json";

/// A file that a broker is started with.
#[derive(Clone, PartialEq, Eq)]
pub struct InstanceFile {
    /// Its name within the instance's folder.
    pub name: &'static str,
    /// What stands in it.
    pub bytes: Vec<u8>,
    /// Its permissions, such as `0o600`.
    pub mode: u32,
}

/// Leaves out what stands in the file: it may be a secret.
impl std::fmt::Debug for InstanceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstanceFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All files that a broker is started with.
pub(super) struct Files {
    files: Vec<InstanceFile>,
    digest: String,
}

impl Files {
    pub(super) fn new(files: Vec<InstanceFile>, version: &str) -> Self {
        let digest = digest(&files, version);
        Self { files, digest }
    }

    /// Tells these files, read by this version of the broker, from all others: 64 hexadecimal digits.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether the files on disk are these.
    pub(super) fn are_in(&self, folder: &Path) -> Result<bool, StepError> {
        for file in &self.files {
            let path = folder.join(file.name);
            if !is_on_disk(&path, file).map_err(error::io("reading", &path))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the files on disk these.
    pub(super) fn write_to(&self, folder: &Path) -> Result<(), StepError> {
        for file in &self.files {
            let path = folder.join(file.name);
            durable::write(&path, &file.bytes, file.mode).map_err(error::io("writing", &path))?;
        }
        Ok(())
    }
}

fn is_on_disk(path: &Path, file: &InstanceFile) -> io::Result<bool> {
    let found = fs::metadata(path).and_then(|metadata| Ok((metadata, fs::read(path)?)));
    match found {
        Ok((metadata, bytes)) => {
            Ok(bytes == file.bytes && metadata.permissions().mode() & 0o777 == file.mode)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Every part is preceded by its length, so that no two lists of files read the same.
fn digest(files: &[InstanceFile], version: &str) -> String {
    let mut hasher = Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    };
    add(version.as_bytes());
    for file in files {
        add(file.name.as_bytes());
        add(&file.bytes);
    }
    hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &'static str, bytes: &str) -> InstanceFile {
        InstanceFile { name, bytes: bytes.into(), mode: 0o600 }
    }

    #[test]
    fn the_digest_tells_apart_what_differs() {
        let digests = [
            digest(&[], "1"),
            digest(&[], "2"),
            digest(&[file("a", "b")], "1"),
            digest(&[file("a", "c")], "1"),
            digest(&[file("ab", "")], "1"),
            digest(&[file("a", "b"), file("c", "d")], "1"),
            digest(&[file("c", "d"), file("a", "b")], "1"),
        ];
        let different = digests.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(different.len(), digests.len());
        assert_eq!(digest(&[file("a", "b")], "1"), digests[2]);
    }

    #[test]
    fn files_are_the_same_only_with_their_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(vec![file("credentials.json", "{}")], "1");
        assert!(!files.are_in(folder.path()).unwrap());
        files.write_to(folder.path()).unwrap();
        assert!(files.are_in(folder.path()).unwrap());
        let path = folder.path().join("credentials.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!files.are_in(folder.path()).unwrap());
    }

    #[test]
    fn what_stands_in_a_file_is_never_shown() {
        insta::assert_snapshot!(format!("{:?}", file("a", "secret")), @r#"InstanceFile { name: "a", .. }"#);
    }
}
