//! Machines as folders: what marks one, and how one is made and removed so that any crash on the way can be repaired
//! by doing the same again.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use bear_core::event::StepError;
use bear_core::name::InstanceName;
use serde::{Deserialize, Serialize};

use super::durable;
use super::error::{self, FOLDER_TAKEN};

/// The file that makes a folder a machine: it comes first and goes last.
const MARKER_FILE: &str = "instance.json";

/// The version of the marker's format.
const VERSION: u32 = 1;

/// Whose machine a folder is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marker {
    version: u32,
    pub(super) instance: InstanceName,
    pub(super) token: String,
}

impl Marker {
    pub(super) fn new(instance: InstanceName, token: String) -> Self {
        Self { version: VERSION, instance, token }
    }
}

/// What is in the place of a machine.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Nothing, or an empty folder: what a making or a removal leaves when it is cut off.
    Nothing,
    /// A machine.
    Marked(Marker),
    /// Something that bear did not make, and why that is known.
    Foreign(&'static str),
}

/// Looks at the place of a machine.
pub(super) fn look(folder: &Path) -> Result<Found, StepError> {
    match fs::symlink_metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(Found::Foreign("it is not a folder")),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error::failed("looking at", folder, error)),
    }
    let path = folder.join(MARKER_FILE);
    match fs::read(&path) {
        Ok(bytes) => parse(&bytes).map(Found::Marked).map_err(|why| error::failed("reading", &path, why)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let empty = is_empty(folder).map_err(error::io("reading", folder))?;
            Ok(if empty { Found::Nothing } else { Found::Foreign("bear did not make it") })
        }
        Err(error) => Err(error::failed("reading", &path, error)),
    }
}

fn parse(bytes: &[u8]) -> Result<Marker, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let version = serde_json::from_slice::<Versioned>(bytes).map_err(|error| error.to_string())?.version;
    if version > VERSION {
        return Err(format!("it was written by a newer bear: version {version}, this bear reads {VERSION}"));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn is_empty(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !entry?.file_name().as_encoded_bytes().starts_with(durable::UNFINISHED.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the machine with this token is there.
///
/// # Errors
///
/// Something else stands in its place, or it can't be looked at.
pub(super) fn is_there(folder: &Path, token: &str) -> Result<bool, StepError> {
    match look(folder)? {
        Found::Nothing => Ok(false),
        Found::Marked(marker) if marker.token == token => Ok(true),
        Found::Marked(_) => Err(taken(folder, "it belongs to another machine of that name")),
        Found::Foreign(why) => Err(taken(folder, why)),
    }
}

/// The error for what stands in the place of a machine.
pub(super) fn taken(folder: &Path, why: &str) -> StepError {
    StepError::permanent(FOLDER_TAKEN, format!("{} is in the way: {why}", folder.display()))
        .with_help("move it elsewhere, or remove it if nothing in it is needed")
}

/// Makes a machine, or finds the one that is there already.
pub(super) fn make(folder: &Path, marker: &Marker) -> Result<(), StepError> {
    if is_there(folder, &marker.token)? {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error::io("making", folder))?;
    let parent = folder.parent().expect("an instance's folder stands in the folder of all instances");
    durable::sync_folder(parent).map_err(error::io("making", folder))?;
    let path = folder.join(MARKER_FILE);
    let bytes = serde_json::to_vec(marker).map_err(|why| error::failed("writing", &path, why))?;
    durable::write(&path, &bytes, 0o600).map_err(error::io("writing", &path))
}

/// Removes the machine with this token, or what is left of it.
pub(super) fn remove(folder: &Path, token: &str) -> Result<(), StepError> {
    is_there(folder, token)?;
    match empty_and_remove(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error::failed("removing", folder, error)),
        _ => Ok(()),
    }
}

/// The marker goes last, and only once all else is durably gone: a folder that still has something in it is still known
/// to be a machine, and can be removed again.
fn empty_and_remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == MARKER_FILE {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    durable::sync_folder(folder)?;
    match fs::remove_file(folder.join(MARKER_FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_dir(folder)?;
    durable::sync_folder(folder.parent().expect("an instance's folder stands in the folder of all instances"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(token: &str) -> Marker {
        Marker::new(InstanceName::new("demo-broker-1").unwrap(), token.to_owned())
    }

    /// Looks at a place that `leave` has left behind; what is no obstacle is then made a machine and removed.
    #[track_caller]
    fn check(leave: impl FnOnce(&Path), expected: &Found) {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("demo-broker-1");
        leave(&folder);
        assert_eq!(look(&folder).unwrap(), *expected);
        if matches!(expected, Found::Foreign(_)) {
            assert_eq!(make(&folder, &marker("token")).unwrap_err().code, FOLDER_TAKEN);
            assert_eq!(remove(&folder, "token").unwrap_err().code, FOLDER_TAKEN);
        } else {
            make(&folder, &marker("token")).unwrap();
            assert_eq!(look(&folder).unwrap(), Found::Marked(marker("token")));
            remove(&folder, "token").unwrap();
            assert!(!folder.exists());
            remove(&folder, "token").unwrap();
        }
    }

    #[test]
    fn what_a_crash_leaves_reads_as_nothing_or_as_the_whole_machine() {
        let unfinished = |folder: &Path| {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(".new-aB3xyz"), "{\"vers").unwrap();
        };
        let machine = |folder: &Path| {
            make(folder, &marker("token")).unwrap();
            fs::create_dir_all(folder.join("data/deep")).unwrap();
        };
        check(|_| (), &Found::Nothing);
        check(|folder| fs::create_dir(folder).unwrap(), &Found::Nothing);
        check(unfinished, &Found::Nothing);
        check(machine, &Found::Marked(marker("token")));
    }

    #[test]
    fn what_bear_did_not_make_is_foreign() {
        let thesis = |folder: &Path| {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("thesis.tex"), "").unwrap();
        };
        check(thesis, &Found::Foreign("bear did not make it"));
        check(|folder| fs::write(folder, "").unwrap(), &Found::Foreign("it is not a folder"));
        check(
            |folder| std::os::unix::fs::symlink("/", folder).unwrap(),
            &Found::Foreign("it is not a folder"),
        );
    }

    #[test]
    fn removing_leaves_what_links_lead_to() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("demo-broker-1");
        let elsewhere = project.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("kept"), "").unwrap();
        make(&folder, &marker("token")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join("data")).unwrap();
        remove(&folder, "token").unwrap();
        assert!(elsewhere.join("kept").exists());
    }

    #[test]
    fn a_marker_that_cannot_be_understood_is_an_error_and_never_absence() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let project = tempfile::tempdir().unwrap();
            fs::write(project.path().join(MARKER_FILE), text).unwrap();
            let message = look(project.path()).unwrap_err().message;
            assert!(message.ends_with(expected), "{message}");
        }
        check("{\"version\":1,\"inst", "EOF while parsing a string at line 1 column 18");
        check("{\"version\":2}", "it was written by a newer bear: version 2, this bear reads 1");
    }
}
