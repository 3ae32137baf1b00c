//! Where the lab keeps what it has, and how it knows whether that is still what it wants.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Sockets and process ids. Paths of sockets must be short, and there is one lab on a machine.
pub(super) const RUNTIME: &str = "/run/bear-lab";

/// The folders of the lab.
pub(super) struct State {
    /// What is worth keeping between two runs: images, packages, keys.
    pub(super) folder: PathBuf,
    /// The files in this repository that the lab is made of.
    pub(super) sources: PathBuf,
}

impl State {
    /// Opens the folders, making those that are not there.
    ///
    /// # Errors
    ///
    /// The user is not root, who alone can make networks and mounts; or a folder can't be made.
    pub(super) fn open() -> Result<Self, String> {
        let user = fs::metadata("/proc/self").map_err(|error| format!("could not look at /proc: {error}"))?;
        if user.uid() != 0 {
            return Err("the lab makes networks and mounts: run it as root".to_owned());
        }
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = cache.or(home).ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lab");
        let sources = sources
            .canonicalize()
            .map_err(|error| format!("could not find `{}`: {error}", sources.display()))?;
        let state = Self { folder: cache.join("bear-lab"), sources };
        make_folder(&state.folder)?;
        make_folder(Path::new(RUNTIME))?;
        Ok(state)
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Removes what earlier runs made of other inputs: all whose name begins so, but one.
    pub(super) fn keep_only(&self, prefix: &str, kept: &Path) -> Result<(), String> {
        let refuse = |error| format!("could not clean `{}`: {error}", self.folder.display());
        for entry in fs::read_dir(&self.folder).map_err(refuse)? {
            let path = entry.map_err(refuse)?.path();
            let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
            if named && path != kept {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(refuse)?;
            }
        }
        Ok(())
    }

    /// Waits for whoever else brings the lab up or down. It ends with the file.
    pub(super) fn lock(&self) -> Result<File, String> {
        let path = self.path("lock");
        let refuse = |error| format!("could not lock `{}`: {error}", path.display());
        let file = File::create(&path).map_err(refuse)?;
        if file.try_lock().is_err() {
            say(&format!("waiting for another run, which holds {}", path.display()));
            file.lock().map_err(refuse)?;
        }
        Ok(file)
    }
}

/// Tells whoever runs the chore. Results alone go to stdout.
pub(super) fn say(text: &str) {
    eprintln!("lab: {text}");
}

/// One thing that must be there: made if it is not, and looked for again after that.
///
/// # Errors
///
/// It can't be made, or is still not there after that.
pub(super) fn ensure(
    what: &str,
    is_there: impl Fn() -> bool,
    make: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    if is_there() {
        say(&format!("{what}: there"));
        return Ok(());
    }
    say(&format!("{what} …"));
    let began = Instant::now();
    make().map_err(|error| format!("{what}: {error}"))?;
    if !is_there() {
        return Err(format!("{what}: it was made without an error, and is not there"));
    }
    say(&format!("{what}: done in {:.1}s", began.elapsed().as_secs_f64()));
    Ok(())
}

/// Tells inputs from each other: what was made from others is made again.
#[derive(Default)]
pub(super) struct Inputs(DefaultHasher);

impl Inputs {
    /// A text among them.
    pub(super) fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// A large file, by when it was written and how long it is.
    pub(super) fn written(mut self, file: &Path) -> Result<Self, String> {
        let refuse = |error| format!("could not look at `{}`: {error}", file.display());
        let found = fs::metadata(file).map_err(refuse)?;
        (found.len(), found.mtime(), found.mtime_nsec()).hash(&mut self.0);
        Ok(self)
    }

    /// Every file of a folder, with its name, its mode and what it holds.
    pub(super) fn folder(mut self, folder: &Path) -> Result<Self, String> {
        for path in files(folder)? {
            let refuse = |error| format!("could not read `{}`: {error}", path.display());
            path.strip_prefix(folder).unwrap_or(&path).hash(&mut self.0);
            fs::metadata(&path).map_err(refuse)?.mode().hash(&mut self.0);
            fs::read(&path).map_err(refuse)?.hash(&mut self.0);
        }
        Ok(self)
    }

    /// Their mark.
    pub(super) fn mark(self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// The files below a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let refuse = |error| format!("could not list `{}`: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("could not make `{}`: {error}", path.display()))
}

/// Makes an empty folder, whatever was there before.
pub(super) fn make_empty_folder(path: &Path) -> Result<(), String> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| format!("could not empty `{}`: {error}", path.display()))?;
    }
    make_folder(path)
}

/// Writes a file.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("could not write `{}`: {error}", path.display()))
}
