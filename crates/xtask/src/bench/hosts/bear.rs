//! bear as a contestant: a fleet whose file changes, and the time at which the last install step ended.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde_json::Value;

use super::contest::{Contestant, MOSQUITTO};
use super::machines::{Machines, said};
use crate::bench::Bench;

/// Where `bear apply --json` writes its events.
const EVENTS: &str = "events";

/// bear, with a fleet of Mosquitto on all of the machines.
pub(super) fn contestant(bench: &Bench, machines: &Machines, folder: &Path) -> Result<Contestant, String> {
    let folder = folder.join("bear");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let rest =
        format!("    ports: {{ mqtt: PORT }}\n    broker:\n      mosquitto: {{ version: {MOSQUITTO} }}\n");
    let fleet = fleet(machines, &rest);
    // The first apply takes the hosts in. The others had theirs prepared too.
    fs::write(folder.join("fleet.yaml"), fleet.replace("PORT", "1999")).map_err(|error| error.to_string())?;
    said(bear(bench, &folder).args(["apply", "fleet.yaml", "--yes"]))?;
    let command = format!("exec {} apply fleet.yaml --yes --json >{EVENTS}", bench.bear.display());
    Ok(Contestant {
        name: "`bear apply`, with its proof",
        folder,
        command: ["sh", "-c", &command].map(str::to_owned).to_vec(),
        input: vec![("fleet.yaml", fleet)],
        done_before_end: Some(installed_before_end),
    })
}

/// bear itself, in the project of this folder.
pub(super) fn bear(bench: &Bench, folder: &Path) -> Command {
    let mut command = Command::new(&bench.bear);
    command.current_dir(folder).env("XDG_STATE_HOME", folder);
    command
}

/// The fleet file of these machines, with `rest` below its one group.
pub(super) fn fleet(machines: &Machines, rest: &str) -> String {
    let mut text = format!(
        "fleet: bench\nprovider:\n  hosts:\n    user: ubuntu\n    identity: {}\ngroups:\n  edge:\n    members:\n",
        machines.identity()
    );
    for (number, machine) in (1..).zip(&machines.list) {
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "      h{number}: {{ address: {}, host_key: {} }}",
            machine.address, machine.host_key
        );
    }
    text + rest
}

/// How long before the last event the last install step ended.
fn installed_before_end(contestant: &Contestant) -> Result<f64, String> {
    let file = contestant.folder.join(EVENTS);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect::<Vec<_>>();
    let at = |event: &Value| event["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let end = events.last().and_then(at);
    let installed = |event: &&Value| event["type"] == "step_succeeded" && event["kind"] == "install";
    let installed = events.iter().filter(installed).filter_map(at).max();
    match (installed, end) {
        (Some(installed), Some(end)) => Ok(end.duration_since(installed).as_secs_f64()),
        _ => Err(format!("no install step ended:\n{text}")),
    }
}
