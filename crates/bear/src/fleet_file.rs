//! Fleet files: which one a command is about, and reading it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bear_core::fleet::{self, Parsed};
use bear_core::state::State;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::fault::Fault;
use crate::project::{Project, fleet_files};
use crate::similar::nearest;

/// The largest fleet file that is read, in bytes: 4 MiB.
const BYTES_MAX: u64 = 4 << 20;

/// A fleet file that a command is about. It need not exist.
#[derive(Clone, Debug)]
pub(crate) struct FleetFile {
    /// The project it belongs to.
    pub(crate) project: Project,
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// The name that people know it by: what they typed, or its path from where they are.
    pub(crate) shown: String,
}

/// A fleet file that was read.
#[derive(Clone, Debug)]
pub(crate) struct ReadFile {
    /// What it says.
    pub(crate) parsed: Parsed,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub(crate) digest: String,
}

impl FleetFile {
    /// The fleet file that was given; else the one that `BEAR_FLEET` names, the one that was planned last, or the
    /// only one in `fleets/`.
    pub(crate) fn find(given: Option<&Path>, context: &Context) -> Result<Self, Fault> {
        let file = Self::at(&context.environment.folder, &choose(given, context)?);
        let root = file.project.root().display();
        context
            .printer
            .detail(format_args!("the fleet file is {}, in the project {root}", file.path.display()));
        Ok(file)
    }

    /// The fleet file at `file`, a path from `here`.
    pub(crate) fn at(here: &Path, file: &Path) -> Self {
        let absolute = here.join(file);
        let (folder, name) = match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) => (folder, Path::new(name)),
            // `/` and what ends in `..`: folders, and refused as such when they are read.
            _ => (here, absolute.as_path()),
        };
        let project = Project::around(folder);
        let path = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf()).join(name);
        Self { project, path, shown: shown(here, file) }
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Result<ReadFile, Fault> {
        let bytes = self.bytes()?;
        let parsed = fleet::parse(&self.shown, &bytes)?;
        let digest = format!("{:x}", Sha256::digest(&bytes));
        Ok(ReadFile { parsed, digest })
    }

    /// Refuses to go on where what is deployed as `state` was made from another file that still claims the fleet.
    /// The two would undo each other's work, run by run.
    pub(crate) fn refuse_second(&self, state: &State) -> Result<(), Fault> {
        let other = self.project.root().join(&state.file);
        if state.instances.is_empty() || other == self.path || !other.is_file() || same(&other, &self.path) {
            return Ok(());
        }
        let other = Self { shown: state.file.clone(), path: other, project: self.project.clone() };
        match other.read() {
            Ok(read) if read.parsed.fleet.name == state.fleet => Err(Fault::input(
                "bear::fleet::two_files",
                format!(
                    "fleet `{}` is deployed from `{}`, and `{}` is called the same",
                    state.fleet, other.shown, self.shown
                ),
            )
            .with_help("give one of the two fleets another name, or delete the file that is out of use")),
            // A file that is about another fleet now, or about none, has no say in this one.
            _ => Ok(()),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, Fault> {
        let metadata = fs::metadata(&self.path).map_err(|error| self.unreadable(&error))?;
        if metadata.is_dir() {
            return Err(self.folder());
        }
        if !metadata.is_file() {
            let message = format!("`{}` is no regular file", self.shown);
            return Err(
                Fault::input("bear::fleet::no_file", message).with_help("give the path of a fleet file")
            );
        }
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
        // One byte more than allowed tells that it is too large, however large it grows while it is read.
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| self.unreadable(&error))?;
        if bytes.len() as u64 > BYTES_MAX {
            let message = format!("`{}` is larger than 4 MiB", self.shown);
            return Err(Fault::input("bear::fleet::too_large", message)
                .with_help("use `count`, anchors and merge keys for what is alike, or split the fleet"));
        }
        Ok(bytes)
    }

    fn unreadable(&self, error: &io::Error) -> Fault {
        if error.kind() != io::ErrorKind::NotFound {
            let message = format!("could not read the fleet file `{}`", self.shown);
            return Fault::input("bear::fleet::unreadable", message)
                .caused_by(error)
                .with_help("bear must be allowed to read it");
        }
        let fault = Fault::input("bear::fleet::not_found", format!("there is no file `{}`", self.shown));
        let name = |path: &PathBuf| Some(path.file_name()?.to_str()?.to_owned());
        let beside = self.path.parent().map(fleet_files).unwrap_or_default();
        let names = beside.iter().filter_map(name).collect::<Vec<_>>();
        let wanted = name(&self.path).unwrap_or_default();
        match nearest(&wanted, names.iter().map(String::as_str)) {
            Some(near) => {
                let near = Path::new(&self.shown).with_file_name(near);
                fault.with_help(format!("did you mean `{}`?", near.display()))
            }
            None => fault.with_help("`bear init NAME` writes a new fleet file"),
        }
    }

    fn folder(&self) -> Fault {
        let fault =
            Fault::input("bear::fleet::folder", format!("`{}` is a folder, not a fleet file", self.shown));
        let files = fleet_files(&self.path);
        if files.is_empty() {
            return fault.with_help("give the path of a fleet file; `bear init NAME` writes one");
        }
        let folder = Path::new(&self.shown);
        let list = files.iter().filter_map(|file| Some(folder.join(file.file_name()?))).collect::<Vec<_>>();
        fault.with_help(format!("fleet files in it: {}", listed(&list)))
    }
}

fn choose(given: Option<&Path>, context: &Context) -> Result<PathBuf, Fault> {
    if let Some(file) = given.or(context.environment.fleet.as_deref()) {
        return Ok(file.to_path_buf());
    }
    let here = &context.environment.folder;
    let project = Project::around(here);
    if let Some(file) = planned_last(&project) {
        return Ok(file);
    }
    match fleet_files(&project.root().join("fleets")).as_slice() {
        [only] => Ok(only.clone()),
        several => Err(not_said(several, &project, here)),
    }
}

/// The fleet file of the plan that was recorded last.
fn planned_last(project: &Project) -> Option<PathBuf> {
    // A plan of another bear can't be run, but it still says which fleet people were busy with.
    #[derive(Deserialize)]
    struct Header {
        file: PathBuf,
    }
    let plans = project.fleets().into_iter().map(|fleet| project.folder_of(&fleet).plan());
    let recorded = |plan: PathBuf| -> Option<(SystemTime, PathBuf)> {
        Some((fs::metadata(&plan).ok()?.modified().ok()?, plan))
    };
    let (_, plan) = plans.filter_map(recorded).max()?;
    let header = serde_json::from_slice::<Header>(&fs::read(plan).ok()?).ok()?;
    Some(project.root().join(header.file))
}

fn not_said(in_fleets: &[PathBuf], project: &Project, here: &Path) -> Fault {
    let fault = Fault::input("bear::fleet::not_said", "it is not said which fleet is meant");
    let examples = fleet_files(&project.root().join("examples"));
    let choices = if in_fleets.is_empty() { examples.as_slice() } else { in_fleets };
    if choices.is_empty() {
        return fault.with_help("give the path of a fleet file; `bear init NAME` writes one");
    }
    let choices = choices.iter().map(|file| PathBuf::from(shown(here, file))).collect::<Vec<_>>();
    fault.with_help(format!("give the path of one, or set BEAR_FLEET: {}", listed(&choices)))
}

/// Whether two paths lead to one file.
fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// The path of a file from where people are; its whole path where it lies elsewhere.
fn shown(here: &Path, file: &Path) -> String {
    file.strip_prefix(here).unwrap_or(file).display().to_string()
}

fn listed(files: &[PathBuf]) -> String {
    let files = files.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>();
    files.join(", ")
}
