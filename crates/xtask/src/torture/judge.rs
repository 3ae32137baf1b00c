//! The judge: holds what bear has recorded against what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::table::{Harm, Row};
use crate::project::{Broker, FILE, Outcome, Project, failed, mqtt_answers};

/// How long two brokers of one folder may be there until the second has seen the first and ended. Far more than it
/// needs, for slow machines.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// How often checks may get no answer in time, on a machine that is busy with other things.
const TRIES_IN_TIME: usize = 6;

/// What belongs in the folder of a fleet.
const RECORDS: [&str; 9] = [
    "state.json",
    "journal.ndjson",
    "lock",
    "history",
    "instances",
    "runs",
    "secrets.json",
    "plan.json",
    "known_hosts",
];

/// After something cruel: the state can be read, everything that is there is in it, and nothing is there twice.
pub(super) fn examine(project: &Project, row: &mut Row) -> Result<(), String> {
    let state = match project.state() {
        Ok(state) => state,
        Err(why) => {
            row.blame(Harm::Unreadable, why);
            return Ok(());
        }
    };
    let recorded = instances(&state);
    let brokers = settled(project)?;
    for (instance, pids) in &by_instance(&brokers) {
        if !recorded.contains_key(*instance) {
            row.blame(
                Harm::Lost,
                format!("the broker of {instance} runs (process {pids:?}) and is not recorded"),
            );
        }
        if pids.len() > 1 {
            row.blame(Harm::Twice, format!("{instance} has the brokers {pids:?}"));
        }
    }
    for (instance, token) in project.machines()? {
        // Without a token, it is one that is half made or half removed: nobody takes it for a machine.
        let Some(token) = token else { continue };
        match recorded.get(&instance).map(|recorded| recorded["token"] == token) {
            None => row.blame(Harm::Lost, format!("the machine of {instance} is there and not recorded")),
            Some(false) => {
                row.blame(Harm::Twice, format!("{instance} has another machine than the recorded one"));
            }
            Some(true) => {}
        }
    }
    Ok(())
}

/// The brokers, once none of them is one of two: a broker that finds another in its folder ends.
fn settled(project: &Project) -> Result<Vec<Broker>, String> {
    let until = Instant::now() + SETTLED_WITHIN;
    loop {
        let brokers = project.brokers()?;
        if by_instance(&brokers).len() == brokers.len() || Instant::now() > until {
            return Ok(brokers);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn by_instance(brokers: &[Broker]) -> BTreeMap<&str, Vec<i32>> {
    let mut pids = BTreeMap::<_, Vec<_>>::new();
    for broker in brokers {
        pids.entry(broker.instance.as_str()).or_default().push(broker.pid);
    }
    pids
}

fn instances(state: &Value) -> Map<String, Value> {
    state["instances"].as_object().cloned().unwrap_or_default()
}

/// Brings the fleet to a good end with one apply, and holds that it is one.
///
/// Only checks that got no answer in time are made again: the machine may have had no time for their brokers.
pub(super) fn heal(project: &Project, count: usize, row: &mut Row) -> Result<(), String> {
    let apply = format!("apply {FILE} --yes --max-destroy 100");
    let healed = in_time(project, &apply, 1, row)?;
    let proven = in_time(project, &format!("verify {FILE}"), 5, row)?;
    let healed = healed.expect(0).and_then(|_| proven.expect(0)).and_then(|_| expect_whole(project, count));
    row.heal(healed);
    examine(project, row)
}

/// Runs a command, again where it ended with the status `late` only because checks got no answer in time.
fn in_time(project: &Project, words: &str, late: i32, row: &mut Row) -> Result<Outcome, String> {
    let mut outcome = project.bear(words)?;
    for _ in 1..TRIES_IN_TIME {
        if outcome.code() != late || !is_late(&outcome) {
            break;
        }
        let error = outcome.stderr.lines().find(|line| line.starts_with("error: "));
        row.again(error.unwrap_or_default());
        outcome = project.bear(&format!("{words} --parallelism 2"))?;
    }
    Ok(outcome)
}

/// Whether all that failed are checks that got no answer in time.
pub(super) fn is_late(outcome: &Outcome) -> bool {
    let mut errors = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).peekable();
    errors.peek().is_some()
        && errors.all(|line| line.starts_with("error: could not verify"))
        && outcome.stderr.contains(" within ")
}

/// Every broker of a fleet of `count` is there once and answers where it is recorded to, and bear sees nothing left to
/// do.
pub(super) fn expect_whole(project: &Project, count: usize) -> Result<(), String> {
    project.bear(&format!("plan {FILE} --detailed-exitcode"))?.expect(0)?;
    let inventory = project.bear(&format!("inventory {FILE} --format json"))?.expect(0)?.json()?;
    let installed = inventory["instances"].as_array().cloned().unwrap_or_default();
    let names = installed.iter().filter_map(|instance| instance["name"].as_str()).collect::<Vec<_>>();
    let brokers = settled(project)?;
    let running = brokers.iter().map(|broker| broker.instance.as_str()).collect::<Vec<_>>();
    if sorted(&names) != running || names.len() != count {
        return Err(format!("of {count} brokers, these are recorded: {names:?}, and these run: {running:?}"));
    }
    let ports =
        installed.iter().filter_map(|instance| u16::try_from(instance["ports"]["mqtt"].as_u64()?).ok());
    let ports = ports.collect::<BTreeSet<_>>();
    match ports.iter().find(|port| !mqtt_answers(**port)) {
        Some(port) => Err(format!("nobody answers on port {port}")),
        None if ports.len() != count => Err(format!("{count} brokers have the ports {ports:?}")),
        None => Ok(()),
    }
}

fn sorted<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

/// Destroys the fleet, and holds that nothing is left of it.
pub(super) fn destroy(project: &Project, row: &mut Row) -> Result<(), String> {
    let destroyed = project.bear(&format!("destroy {FILE} --yes"))?;
    row.heal(destroyed.expect(0).map(drop));
    let mut left = Vec::new();
    left.extend(project.brokers()?.iter().map(|broker| format!("{broker:?}")));
    left.extend(project.machines()?.iter().map(|(name, _)| format!("the folder of {name}")));
    left.extend(strangers(&project.records(), |name| RECORDS.contains(&name))?);
    left.extend(strangers(&project.ports_folder(), |name| ["ports.json", "lock"].contains(&name))?);
    if project.claims()? > 0 {
        left.push("ports in the registry".to_owned());
    }
    for what in left {
        row.blame(Harm::Leaked, format!("{what} is left"));
    }
    Ok(())
}

/// What lies in a folder and does not belong there, such as temporary files.
fn strangers(folder: &Path, belongs: impl Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let mut strangers = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.map_err(failed("look into", folder))?;
        if !entry.file_name().to_str().is_some_and(&belongs) {
            strangers.push(entry.path().display().to_string());
        }
    }
    Ok(strangers)
}
