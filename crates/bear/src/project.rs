//! The project: the folder that a fleet file belongs to, and that holds `.bear/`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use bear_core::name::FleetName;
use bear_engine::store::FleetFolder;

/// Where a project keeps what bear records.
const BEAR: &str = ".bear";

/// The folders that fleet files are put in, straight below a project.
const FLEET_FOLDERS: [&str; 2] = ["fleets", "examples"];

/// The folder that fleet files belong to: the place of `.bear/`, and what paths in a state are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The project around `folder`: the nearest folder upwards that holds `.bear` or `.git`. Without any, it is the
    /// folder itself, or the one above where the folder is one that fleet files are put in.
    pub(crate) fn around(folder: &Path) -> Self {
        // Without links and `..`, the folders upwards are those that the path names.
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let marked =
            folder.ancestors().find(|above| above.join(BEAR).is_dir() || above.join(".git").exists());
        let root = marked.unwrap_or_else(|| above_fleet_folder(&folder));
        Self { root: root.to_path_buf() }
    }

    /// The folder of the project.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything about one fleet is recorded.
    pub(crate) fn folder_of(&self, fleet: &FleetName) -> FleetFolder {
        FleetFolder::new(&self.root, fleet)
    }

    /// A file as a state names it: relative to the project where that is possible, so that a project can be moved.
    pub(crate) fn name_of(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).to_string_lossy().into_owned()
    }

    /// The fleets that something is recorded about, sorted by name.
    pub(crate) fn fleets(&self) -> Vec<FleetName> {
        let names = entries(&self.root.join(BEAR))
            .into_iter()
            .filter_map(|path| FleetName::new(path.file_name()?.to_str()?).ok());
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        names
    }
}

/// `folder`, or the one above where it is one that fleet files are put in.
pub(crate) fn above_fleet_folder(folder: &Path) -> &Path {
    let named = folder.file_name().and_then(OsStr::to_str).is_some_and(|name| FLEET_FOLDERS.contains(&name));
    if named { folder.parent().unwrap_or(folder) } else { folder }
}

/// The fleet files that lie in a folder, sorted by name.
pub(crate) fn fleet_files(folder: &Path) -> Vec<PathBuf> {
    let yaml = |path: &PathBuf| {
        path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml") && path.is_file()
    };
    let mut files = entries(folder).into_iter().filter(yaml).collect::<Vec<_>>();
    files.sort();
    files
}

/// What lies in a folder; nothing where it can't be looked into.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of the project around `folder`, where `made` was made; both are below a folder that is a project.
    #[track_caller]
    fn check(made: &[&str], folder: &str, expected: &str) {
        let temporary = tempfile::tempdir().unwrap();
        let top = temporary.path().canonicalize().unwrap().join("top");
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir_all(top.join(folder)).unwrap();
        for made in made {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        let root = Project::around(&top.join(folder)).root;
        assert_eq!(root, top.join(expected).components().collect::<PathBuf>());
    }

    #[test]
    fn the_nearest_folder_that_is_marked() {
        check(&[], "a/b", "");
        check(&["a/.bear"], "a/b/fleets", "a");
        check(&["a/.git"], "a/b", "a");
        check(&["a/.git", "a/b/.bear"], "a/b", "a/b");
        check(&["a/.bear"], "a/b/..", "a");
        check(&["a/b/.bear"], "a/b/..", "");
    }

    #[test]
    fn folders_that_fleet_files_are_put_in() {
        assert_eq!(above_fleet_folder(Path::new("/x/fleets")), Path::new("/x"));
        assert_eq!(above_fleet_folder(Path::new("/x/examples")), Path::new("/x"));
        assert_eq!(above_fleet_folder(Path::new("/x/other")), Path::new("/x/other"));
        assert_eq!(above_fleet_folder(Path::new("/")), Path::new("/"));
    }

    #[test]
    fn files_are_named_from_the_project_on() {
        let project = Project { root: "/x".into() };
        assert_eq!(project.name_of(Path::new("/x/fleets/a.yaml")), "fleets/a.yaml");
        assert_eq!(project.name_of(Path::new("/y/a.yaml")), "/y/a.yaml");
    }
}
