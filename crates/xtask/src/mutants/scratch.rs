//! A copy of the sources with all faults built in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::mutation::{MODULE, MODULE_LINES, Mutation};

/// The copy, and what is built of it.
pub(super) struct Scratch {
    folder: PathBuf,
    /// Removes the folder in the end, unless somebody wants to keep it.
    _temporary: Option<TempDir>,
}

impl Scratch {
    /// Copies the sources as they are now into `folder`, or into a temporary one, and builds the faults into the copy.
    pub(super) fn new(
        folder: Option<&str>,
        faults: impl Iterator<Item = &'static Mutation>,
    ) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace is above")?;
        let (folder, temporary) = if let Some(folder) = folder {
            (std::path::absolute(folder).map_err(|error| error.to_string())?, None)
        } else {
            let temporary = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
            (temporary.path().to_owned(), Some(temporary))
        };
        let mut faults_of = BTreeMap::<&str, Vec<&Mutation>>::new();
        for fault in faults {
            faults_of.entry(fault.file).or_default().push(fault);
        }
        let scratch = Self { folder, _temporary: temporary };
        for name in sources(root)? {
            let from = root.join(&name);
            let mut bytes =
                fs::read(&from).map_err(|error| format!("could not read {}: {error}", from.display()))?;
            if let Some(faults) = faults_of.get(name.as_str()) {
                bytes = with_faults(bytes, faults)?;
            }
            if name == "crates/bear-core/src/lib.rs" {
                bytes.extend_from_slice(MODULE_LINES.as_bytes());
            }
            scratch.put(&name, &bytes)?;
        }
        scratch.put("crates/bear-core/src/fault.rs", MODULE.as_bytes())?;
        Ok(scratch)
    }

    /// Leaves alone what is the same already, so that cargo does not build it again.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.folder.join("sources").join(name);
        if fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let failed = |error| format!("could not write {}: {error}", path.display());
        fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(failed)?;
        fs::write(&path, bytes).map_err(failed)
    }

    /// Builds the simulator. The crates with faults are optimised little: most faults are found by the first few cases,
    /// sooner than a quicker simulator would be built.
    pub(super) fn build(&self) -> Result<(), String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let little = |name: &str| format!("--config=profile.lab.package.{name}.opt-level=1");
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--profile", "lab", "--package", "bear-lab", "--bin", "simulate"])
            .arg("--no-default-features")
            .args(["bear-core", "bear-engine", "bear-lab", "bear-provider"].map(little))
            .current_dir(self.folder.join("sources"))
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .output()
            .map_err(|error| format!("could not run cargo: {error}"))?;
        if built.status.success() {
            return Ok(());
        }
        Err(format!("with its faults it does not build\n{}", String::from_utf8_lossy(&built.stderr)))
    }

    /// The simulator that was built.
    pub(super) fn simulator(&self) -> PathBuf {
        self.folder.join("target/lab/simulate")
    }
}

/// The source with all of its faults, from the last to the first, so that none moves another.
fn with_faults(source: Vec<u8>, faults: &[&Mutation]) -> Result<Vec<u8>, String> {
    let mut source = String::from_utf8(source).map_err(|error| error.to_string())?;
    let mut places = Vec::new();
    for fault in faults {
        places.push((fault.place(&source)?, fault));
    }
    places.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    for (place, fault) in places {
        source.replace_range(place, &fault.both()?);
    }
    Ok(source.into_bytes())
}

/// What the workspace is built from, whether git knows it yet or not.
fn sources(root: &Path) -> Result<Vec<String>, String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "Cargo.*", "crates", ".cargo"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("could not run git: {error}"))?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).into_owned());
    }
    let names = String::from_utf8_lossy(&listed.stdout);
    // What was deleted and not committed is listed too.
    let there = names.split('\0').filter(|name| !name.is_empty() && root.join(name).is_file());
    Ok(there.map(str::to_owned).collect())
}
