//! Writing files so that a crash leaves the old one or the new one, whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What the name of a file begins with that was not yet written to its end.
pub(super) const UNFINISHED: &str = ".new-";

/// Writes a file beside its place, makes it durable and puts it there, with permissions `mode`.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().expect("a file that bear writes stands in a folder");
    let mut unfinished = tempfile::Builder::new()
        .prefix(&ours())
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(path)?;
    sync_folder(folder)
}

/// Removes what writers that were killed have left unfinished in a folder. Only for a folder in which no other process
/// writes now; what this one is about to finish stays.
pub(super) fn sweep(folder: &Path) -> io::Result<()> {
    let ours = ours();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(UNFINISHED.as_bytes()) && !name.starts_with(ours.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The same for what this process writes.
fn ours() -> String {
    format!("{UNFINISHED}{}-", std::process::id())
}

/// Makes durable which files a folder has.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
