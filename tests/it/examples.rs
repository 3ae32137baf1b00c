//! Every fleet file that comes with bear, put to use

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::Project;

/// The fleet files of the repository, by their paths within it.
pub(crate) fn fleet_files() -> Vec<(PathBuf, String)> {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let files = ["examples", "fleets"].into_iter().flat_map(|folder| {
        fs::read_dir(repository.join(folder))
            .unwrap()
            .map(move |file| Path::new(folder).join(file.unwrap().file_name()))
    });
    let mut files = files.map(|path| (path.clone(), fs::read_to_string(repository.join(path)).unwrap()));
    let mut files = files.by_ref().collect::<Vec<_>>();
    files.sort();
    files
}

/// A project with a copy of `examples/` and `fleets/`.
pub(crate) fn project() -> Project {
    fleet_files()
        .iter()
        .fold(Project::new(), |project, (path, text)| project.with(path.to_str().unwrap(), elsewhere(text)))
}

/// The same fleet on ports that are free right now: whoever tries an example may well be running the tests, too.
pub(crate) fn elsewhere(fleet: &str) -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    // Below the ports that the system gives to connections, which come and go; and twenty by twenty, so that neither
    // other tests nor other runs of them begin at the same place.
    let block = (std::process::id() * 13 + CALLS.fetch_add(1, Ordering::Relaxed)) % 130;
    let mut candidates = 30_000 + u16::try_from(block * 20).unwrap()..32_768;
    // The ports of other hosts are in nobody's way, and not every number there is a port.
    if !fleet.contains("\nprovider: local\n") {
        return fleet.to_owned();
    }
    let words = fleet.split_inclusive([' ', '\n']).map(|word| {
        let digits = word.trim_end_matches([' ', '\n', ',']);
        match digits.parse::<u16>() {
            Ok(1024..) => {
                // Asked from outside: to bind it would lend it to whatever other tests start just then.
                let free = candidates.find(|&port| TcpStream::connect(("127.0.0.1", port)).is_err());
                word.replace(digits, &free.unwrap().to_string())
            }
            _ => word.to_owned(),
        }
    });
    words.collect()
}

#[test]
fn are_valid_and_can_be_planned() {
    let project = project();
    for (path, _) in fleet_files() {
        for command in ["validate", "plan", "graph"] {
            project.bear_with([command, path.to_str().unwrap()]).ok();
        }
    }
}

#[test]
fn can_be_applied_proven_and_destroyed() {
    let project = project();
    let local = fleet_files().into_iter().filter(|(_, text)| text.contains("\nprovider: local\n"));
    let local = local.map(|(path, _)| path.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(local, ["examples/local.yaml", "examples/members.yaml", "examples/password.yaml"]);
    for path in local {
        for command in ["apply --yes", "verify", "plan --detailed-exitcode", "destroy --yes"] {
            project.bear(&format!("{command} {path}")).ok();
        }
    }
    for fleet in ["demo", "plant-lab", "guarded"] {
        project.expect_gone(fleet);
    }
}
