//! What the tests stand on that really deploy something: what runs, and what is recorded about it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{DEMO, Outcome, Project};

/// How long anything may take that is waited for. Far more than it needs, for slow machines.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A fleet file with so many embedded brokers.
pub(crate) fn fleet_of(count: usize) -> String {
    DEMO.replace("count: 3", &format!("count: {count}"))
}

impl Project {
    /// A project with the fleet file `fleets/demo.yaml`, which wants so many brokers.
    pub(crate) fn of(count: usize) -> Self {
        Self::new().with("fleets/demo.yaml", fleet_of(count))
    }

    /// The folder of the project.
    pub(crate) fn root(&self) -> PathBuf {
        let mut root = self.path(".git");
        root.pop();
        root
    }

    /// Starts `bear` with the words of `arguments`. What it says on stderr goes to `said.txt`, to be read meanwhile.
    pub(crate) fn start(&self, arguments: &str) -> Child {
        let said = File::create(self.path("said.txt")).unwrap();
        self.command(arguments.split_whitespace()).stderr(said).spawn().unwrap()
    }

    /// Waits for the end of a command.
    pub(crate) fn end(&self, child: Child) -> Outcome {
        Outcome::of(child, &self.root())
    }

    /// The folder of all instances of a fleet.
    pub(crate) fn instances(&self, fleet: &str) -> PathBuf {
        self.path(&format!(".bear/{fleet}/instances"))
    }

    /// Who works in the folders of a fleet's instances, sorted: the name of the instance, and the process.
    pub(crate) fn running(&self, fleet: &str) -> Vec<(String, i32)> {
        let instances = self.instances(fleet);
        let mut running = processes()
            .into_iter()
            .filter_map(|pid| {
                let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
                Some((folder.strip_prefix(&instances).ok()?.to_str()?.to_owned(), pid))
            })
            .collect::<Vec<_>>();
        running.sort();
        running
    }

    /// The process of the one broker of an instance.
    #[track_caller]
    pub(crate) fn pid_of(&self, fleet: &str, instance: &str) -> Pid {
        let lock = self.read(&format!(".bear/{fleet}/instances/{instance}/broker.lock"));
        let pid = serde_json::from_str::<Value>(&lock).unwrap()["pid"].as_i64().unwrap();
        Pid::from_raw(pid.try_into().unwrap()).unwrap()
    }

    /// What is recorded about a fleet, as of the end of the last run.
    pub(crate) fn state(&self, fleet: &str) -> Value {
        serde_json::from_str(&self.read(&format!(".bear/{fleet}/state.json"))).unwrap()
    }

    /// What is recorded about one instance, as of the end of the last run.
    pub(crate) fn recorded(&self, fleet: &str, instance: &str) -> Value {
        self.state(fleet)["instances"][instance].clone()
    }

    /// How many lines stand in a fleet's journal right now.
    pub(crate) fn journal_lines(&self, fleet: &str) -> usize {
        let journal = fs::read_to_string(self.path(&format!(".bear/{fleet}/journal.ndjson")));
        journal.unwrap_or_default().matches('\n').count()
    }

    /// Every port that was given to a fleet.
    pub(crate) fn ports(&self, fleet: &str) -> Vec<u64> {
        let state = self.state(fleet);
        let instances = state["instances"].as_object().unwrap().values();
        let ports =
            instances.flat_map(|recorded| recorded["installed"]["ports"].as_object().unwrap().values());
        ports.map(|port| port.as_u64().unwrap()).collect()
    }

    /// The port on which an instance speaks MQTT.
    pub(crate) fn mqtt_port(&self, fleet: &str, instance: &str) -> u64 {
        self.recorded(fleet, instance)["installed"]["ports"]["mqtt"].as_u64().unwrap()
    }

    /// Holds the world against the state: so many instances, all proven, each with one process, the recorded one, and
    /// nothing besides them.
    #[track_caller]
    pub(crate) fn expect_settled(&self, fleet: &str, count: usize) {
        let state = self.state(fleet);
        let instances = state["instances"].as_object().unwrap();
        let recorded = instances.iter().map(|(name, recorded)| {
            assert_eq!(recorded["phase"], "verified", "{name}: {recorded:#}");
            (name.clone(), recorded["installed"]["process"]["pid"].as_i64().unwrap())
        });
        let recorded = recorded.collect::<Vec<_>>();
        let running = self.running(fleet).into_iter().map(|(name, pid)| (name, i64::from(pid)));
        assert_eq!(running.collect::<Vec<_>>(), recorded);
        assert_eq!(recorded.len(), count);
        assert_eq!(self.strays(fleet), count, "brokers that were started for the fleet");
        assert_eq!(self.journal_lines(fleet), 0);
    }

    /// Nothing of a fleet is left: no process, no folder, no port that is kept for it.
    #[track_caller]
    pub(crate) fn expect_gone(&self, fleet: &str) {
        assert_eq!(self.running(fleet), []);
        assert_eq!(self.strays(fleet), 0, "brokers that were started for the fleet");
        let folders = fs::read_dir(self.instances(fleet)).into_iter().flatten();
        assert_eq!(folders.map(|folder| folder.unwrap().file_name()).collect::<Vec<_>>(), [""; 0]);
        let claims = fs::read_to_string(registry()).unwrap_or_default();
        assert!(!claims.contains(self.instances(fleet).to_str().unwrap()), "{claims}");
    }

    /// How many processes say that they are a broker of the fleet, wherever they work now.
    fn strays(&self, fleet: &str) -> usize {
        let mark = format!("BEAR_BROKER_FOLDER={}/", self.instances(fleet).display());
        let environments =
            processes().into_iter().filter_map(|pid| fs::read(format!("/proc/{pid}/environ")).ok());
        environments.filter(|environment| contains(environment, mark.as_bytes())).count()
    }
}

/// The ids of all processes.
pub(crate) fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether some bytes occur in others.
pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Where bear writes down whose the ports of this machine are, see `Project::command`.
fn registry() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/state/bear/ports/ports.json"))
}

/// Sends a signal to a process that a test started.
pub(crate) fn send(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What differs between runs that deploy something, besides [`crate::support::FILTERS`].
pub(crate) const RUN_FILTERS: [(&str, &str); 6] = [
    (r"(?m) +\d+\.\d\d$", "  [SECONDS]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"(\bport|\bmqtt|\bws|\bdashboard| -p) \d{4,5}\b", "$1 [PORT]"),
    (r"embedded \d+\.\d+\.\d+", "embedded [VERSION]"),
    (r"\([^)]+\) listens there", "([PROGRAM]) listens there"),
    (r"(ann@|process \[PID\] on )[^ ,]+", "$1[HOST]"),
];

/// Holds text of a run against a snapshot.
macro_rules! check_run {
    ($text:expr, @$expected:literal) => {
        let filters = crate::support::FILTERS.into_iter().chain(crate::brokers::RUN_FILTERS);
        insta::with_settings!({ filters => filters.collect::<Vec<_>>() }, {
            insta::assert_snapshot!($text.to_string(), @$expected);
        })
    };
}

pub(crate) use check_run;
