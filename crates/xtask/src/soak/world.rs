//! What there must be after a round, and nothing besides: processes, listeners, folders, files and claims.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::link::Address;
use super::process;
use crate::project::{Project, failed};

/// How many snapshots bear keeps: its own bound.
const HISTORY: usize = 20;

/// How many runs bear remembers: its own bound.
const RUNS: usize = 10;

/// What may lie in the folder of a fleet.
const RECORDS: [&str; 7] =
    ["history", "instances", "journal.ndjson", "lock", "plan.json", "runs", "state.json"];

/// Far more than the journal of a broker needs, which is rewritten when it is longer than 4 MiB.
const BROKER_JOURNAL_MAX: u64 = 8 << 20;

/// What bear has recorded about an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) phase: String,
    pub(super) ports: BTreeSet<u16>,
    pub(super) mqtt: u16,
    pub(super) pid: i32,
    pub(super) started: u64,
    /// User name and file of the password.
    login: Option<(String, String)>,
}

impl Recorded {
    fn of(recorded: &Value) -> Option<Self> {
        let installed = &recorded["installed"];
        let port = |value: &Value| u16::try_from(value.as_u64()?).ok();
        let authentication = &recorded["spec"]["broker"]["embedded"]["authentication"];
        let text = |value: &Value| Some(value.as_str()?.to_owned());
        Some(Self {
            phase: text(&recorded["phase"])?,
            ports: installed["ports"].as_object()?.values().filter_map(port).collect(),
            mqtt: port(&installed["ports"]["mqtt"])?,
            pid: i32::try_from(installed["process"]["pid"].as_i64()?).ok()?,
            started: installed["process"]["started"].as_u64()?,
            login: text(&authentication["username"]).zip(text(&authentication["password"]["file"])),
        })
    }

    /// Whether its broker checks passwords.
    pub(super) fn is_guarded(&self) -> bool {
        self.login.is_some()
    }

    /// Where its broker is, with the password that lies in the project.
    pub(super) fn address(&self, root: &Path) -> Result<Address, String> {
        let login = match &self.login {
            None => None,
            Some((user, file)) => {
                let file = root.join(file);
                Some((user.clone(), fs::read_to_string(&file).map_err(failed("read", &file))?))
            }
        };
        Ok(Address { port: self.mqtt, login })
    }
}

/// The folder in which everything about a fleet is recorded.
pub(super) fn records(project: &Project, fleet: &str) -> PathBuf {
    project.root().join(".bear").join(fleet)
}

/// Every instance that the snapshot of a fleet knows, as far as a broker is installed on it.
pub(super) fn recorded(project: &Project, fleet: &str) -> Result<BTreeMap<String, Recorded>, String> {
    let path = records(project, fleet).join("state.json");
    let text = fs::read(&path).map_err(failed("read", &path))?;
    let state: Value =
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let instances = state["instances"].as_object().cloned().unwrap_or_default();
    let of = |(name, recorded): (String, Value)| {
        let known = Recorded::of(&recorded);
        known.map(|known| (name.clone(), known)).ok_or_else(|| format!("{name} is recorded as {recorded}"))
    };
    instances.into_iter().map(of).collect()
}

/// Holds the world against what is wanted and what is recorded, after an apply that succeeded.
pub(super) fn expect_settled(
    project: &Project,
    wanted: &BTreeSet<String>,
    recorded: &BTreeMap<String, Recorded>,
) -> Result<(), String> {
    same("the instances that are recorded", &recorded.keys().cloned().collect(), wanted)?;
    let unproven = recorded.iter().find(|(_, recorded)| recorded.phase != "verified");
    if let Some((name, recorded)) = unproven {
        return Err(format!("{name} is {} after an apply that succeeded", recorded.phase));
    }
    let expected = recorded.iter().map(|(name, recorded)| (name.clone(), recorded.pid));
    let brokers = project.brokers()?.into_iter().map(|broker| (broker.instance, broker.pid));
    same("the brokers that run", &brokers.collect::<Vec<_>>(), &expected.collect())?;
    let listening = process::listeners()?;
    for (name, recorded) in recorded {
        let here = process::ports(recorded.pid, &listening);
        same(&format!("the ports that the broker of {name} listens on"), &here, &recorded.ports)?;
    }
    let pids = recorded.values().map(|recorded| recorded.pid).collect::<BTreeSet<_>>();
    same("other processes that work here", &process::working_in(project.root(), &pids)?, &Vec::new())?;
    same("the ports that are claimed", &project.claims()?, &(3 * wanted.len()))
}

/// Nothing is left of a fleet that was destroyed, while another one stays.
pub(super) fn expect_gone(project: &Project, fleet: &str, others: usize) -> Result<(), String> {
    same("the brokers that run", &project.brokers()?.len(), &others)?;
    let instances = records(project, fleet).join("instances");
    same("the folders of instances", &names(&instances)?, &BTreeSet::new())?;
    same("the ports that are claimed", &project.claims()?, &(3 * others))
}

/// Holds the files of a fleet against what may be there when nothing runs.
pub(super) fn expect_tidy(project: &Project, fleet: &str, wanted: &BTreeSet<String>) -> Result<(), String> {
    let folder = records(project, fleet);
    same("the folders of instances", &names(&folder.join("instances"))?, wanted)?;
    let surplus = names(&folder)?.into_iter().filter(|name| !RECORDS.contains(&name.as_str()));
    same("surplus files of the fleet", &surplus.collect::<Vec<_>>(), &Vec::new())?;
    let history = names(&folder.join("history"))?;
    let strange = history
        .iter()
        .filter(|name| Path::new(name).extension().is_none_or(|kind| kind != "json"))
        .cloned()
        .collect::<Vec<_>>();
    same("surplus files of the history", &strange, &Vec::new())?;
    if history.len() > HISTORY {
        return Err(format!("the history has {} snapshots, and is to have {HISTORY}", history.len()));
    }
    let runs = names(&folder.join("runs"))?.len();
    if runs > RUNS {
        return Err(format!("{runs} runs are remembered, and {RUNS} are to be"));
    }
    same("bytes in the journal", &size(&folder.join("journal.ndjson")), &0)?;
    for instance in wanted {
        let folder = folder.join("instances").join(instance);
        let unfinished =
            names(&folder)?.into_iter().filter(|name| name.starts_with('.') || name.contains("tmp"));
        same(&format!("unfinished files of {instance}"), &unfinished.collect::<Vec<_>>(), &Vec::new())?;
        let journal = size(&folder.join("data/journal"));
        if journal > BROKER_JOURNAL_MAX {
            return Err(format!("the journal of {instance} has {journal} bytes"));
        }
    }
    Ok(())
}

/// The names in a folder; none where it is not there.
pub(super) fn names(folder: &Path) -> Result<BTreeSet<String>, String> {
    if !folder.exists() {
        return Ok(BTreeSet::new());
    }
    let entries = fs::read_dir(folder).map_err(failed("look into", folder))?;
    let name =
        |entry: std::io::Result<fs::DirEntry>| Some(entry.ok()?.file_name().to_string_lossy().into_owned());
    Ok(entries.filter_map(name).collect())
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// What is there must be what is expected.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}
