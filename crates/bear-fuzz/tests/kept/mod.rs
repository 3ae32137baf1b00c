//! Where the inputs lie.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz");

/// The inputs of a target, in the order of their names.
pub(crate) fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["corpus", "regressions"].map(|kind| Path::new(FUZZ).join(kind).join(target));
    // Not every target was ever wrong.
    let files = folders.iter().flat_map(fs::read_dir).flatten().map(|file| file.unwrap().path());
    let mut files = files.collect::<Vec<_>>();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}
