//! What holds for all hosts of a fleet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bear_core::name::FleetName;
use bear_executor::host_keys::FirstContactRule;

/// A little less than what the engine gives to an install, so that the error can tell where it stood.
const DEADLINE: Duration = Duration::from_secs(880);

/// What holds for all hosts of a fleet.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The fleet.
    pub fleet: FleetName,
    /// The lineage of its state: each host is marked with it, so that no two fleets take the same one.
    pub lineage: String,
    /// The fleet's own host keys; the folder of this file must be there.
    pub known_hosts: PathBuf,
    /// What to do about a host whose key is neither known nor pinned.
    pub first_contact: FirstContactRule,
    /// The folder of the fleet file, where relative paths in it start.
    pub project: PathBuf,
    /// Another file in the place of `~/.ssh/config`.
    pub ssh_config: Option<PathBuf>,
    /// The variables of this process that no program is given, because secrets are in them.
    pub withheld: Vec<String>,
    /// How long one script that changes a host may take, with connecting.
    pub deadline: Duration,
    /// For labs where hosts share one machine: the folder in which each has one of its own, named like its address,
    /// that stands for its `/`.
    pub roots: Option<PathBuf>,
}

impl Settings {
    /// The settings of a fleet on real hosts, which trusts no key that it does not know.
    pub fn new(fleet: FleetName, lineage: String, known_hosts: PathBuf, project: PathBuf) -> Self {
        Self {
            fleet,
            lineage,
            known_hosts,
            first_contact: FirstContactRule::Refuse,
            project,
            ssh_config: None,
            withheld: Vec::new(),
            deadline: DEADLINE,
            roots: None,
        }
    }

    /// A path as the fleet file has it: `~/` is the home folder, and what is relative starts at the project.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        let path = Path::new(text);
        match (path.strip_prefix("~"), std::env::home_dir()) {
            (Ok(below), Some(home)) => home.join(below),
            _ => self.project.join(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_start_at_the_project() {
        let fleet = FleetName::new("plant").unwrap();
        let settings = Settings::new(fleet, "l".into(), "k".into(), "/project".into());
        assert_eq!(settings.path("keys/id"), Path::new("/project/keys/id"));
        assert_eq!(settings.path("/keys/id"), Path::new("/keys/id"));
        assert_eq!(settings.path("~/id"), std::env::home_dir().unwrap().join("id"));
    }
}
