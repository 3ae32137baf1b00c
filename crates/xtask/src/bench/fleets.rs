//! The figures of fleets: from nothing to proven, and planning at several sizes.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Bench;
use super::probe::{Row, Taken, once};

const RUNS: usize = 5;

/// How long the binary takes to do nothing, and how large it is.
pub(super) fn start(bench: &Bench) -> Result<Vec<Row>, String> {
    let bear = path(&bench.bear);
    let size = fs::metadata(&bench.bear).map_err(|error| format!("{bear}: {error}"))?.len();
    println!(
        "| size of the binary, {:.1} MB | | | | | below 25 MB |",
        f64::from(u32::try_from(size / 100_000).unwrap_or(0)) / 10.0
    );
    let runs = repeat(20, || once(&[&bear, "--version"], bench.scratch.path()))?;
    Ok(vec![Row::new("`bear --version`", &runs, "below 10 ms")])
}

/// From nothing to proven brokers; each run begins with nothing and is taken down again.
pub(super) fn apply(bench: &Bench) -> Result<Vec<Row>, String> {
    let bear = path(&bench.bear);
    let mut rows = Vec::new();
    for (count, goal) in [(3, "below 3 s"), (10, "below 5 s")] {
        let folder = project(bench, &format!("apply{count}"), &fleet(count))?;
        let runs = repeat(RUNS, || {
            let taken = once(&[&bear, "apply", "fleet.yaml", "--yes"], &folder);
            once(&[&bear, "destroy", "fleet.yaml", "--yes"], &folder)?;
            taken
        })?;
        rows.push(Row::new(format!("`bear apply`: nothing to {count} proven brokers"), &runs, goal));
    }
    Ok(rows)
}

/// The plan of a fleet of which nothing is deployed.
pub(super) fn plan(bench: &Bench) -> Result<Vec<Row>, String> {
    let bear = path(&bench.bear);
    let sizes = [(1_000, ""), (10_000, "at most 150 ms, below 100 MB"), (100_000, "below 2 s and 1 GB")];
    let mut rows = Vec::new();
    for (count, goal) in sizes {
        let folder = project(bench, &format!("plan{count}"), &fleet(count))?;
        let runs = repeat(RUNS, || once(&[&bear, "plan", "fleet.yaml"], &folder))?;
        rows.push(Row::new(format!("`bear plan`: {count} to create"), &runs, goal));
    }
    Ok(rows)
}

/// The plan of a fleet that is deployed as it shall be.
pub(super) fn unchanged(bench: &Bench) -> Result<Vec<Row>, String> {
    let bear = path(&bench.bear);
    let sizes = [(1_000, ""), (10_000, "at most 150 ms, below 100 MB"), (100_000, "below 2 s and 1 GB")];
    let mut rows = Vec::new();
    for (count, goal) in sizes {
        let folder = project(bench, &format!("unchanged{count}"), &fleet(count))?;
        let records = folder.join(".bear/bench");
        fs::create_dir_all(&records).map_err(|error| format!("{}: {error}", records.display()))?;
        write(&records.join("state.json"), &state(count))?;
        // Without looking at the world: there are no such brokers on this machine.
        let command = [&bear, "plan", "fleet.yaml", "--offline"];
        let runs = repeat(RUNS, || once(&command, &folder))?;
        rows.push(Row::new(format!("`bear plan --offline`: {count} unchanged"), &runs, goal));
    }
    Ok(rows)
}

/// Terraform's plan of as many resources in a chain, where `terraform` is there to compare with.
pub(super) fn terraform(bench: &Bench) -> Result<Vec<Row>, String> {
    if Command::new("terraform").arg("version").output().is_err() {
        println!("| (terraform is not on the PATH) | | | | | |");
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for count in [100, 300, 1_000] {
        let folder = bench.scratch.path().join(format!("terraform{count}"));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        write(&folder.join("main.tf"), &chain(count))?;
        once(&["terraform", "init", "-input=false"], &folder)?;
        let runs = repeat(3, || once(&["terraform", "plan", "-input=false"], &folder))?;
        rows.push(Row::new(format!("`terraform plan`: {count} `terraform_data` in a chain"), &runs, ""));
    }
    Ok(rows)
}

fn repeat(count: usize, run: impl Fn() -> Result<Taken, String>) -> Result<Vec<Taken>, String> {
    // The first run warms the caches of the system, and does not count.
    run()?;
    (0..count).map(|_| run()).collect()
}

fn project(bench: &Bench, name: &str, fleet: &str) -> Result<PathBuf, String> {
    let folder = bench.scratch.path().join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write(&folder.join("fleet.yaml"), fleet)?;
    Ok(folder)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("could not write {}: {error}", file.display()))
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn fleet(count: usize) -> String {
    format!("fleet: bench\nprovider: local\ngroups:\n  broker:\n    count: {count}\n    broker: embedded\n")
}

/// The state of that fleet once it was applied.
fn state(count: usize) -> String {
    let mut text = format!(
        r#"{{"version":1,"fleet":"bench","lineage":"0","serial":{count},"file":"fleet.yaml","generation":{count},"instances":{{"#
    );
    for number in 1..=count {
        let comma = if number == 1 { "" } else { "," };
        // Writing to a string can't fail.
        let _ = write!(
            text,
            r#"{comma}"bench-broker-{number}":{{"group":"broker","spec":{{"provider":"local","broker":{{"embedded":{{}}}}}},"generation":{number},"token":"{number:040}","phase":"verified","since":"2026-01-01T00:00:00Z","machine":{{"id":"/srv/bench-broker-{number}","address":"127.0.0.1"}},"installed":{{"ports":{{"mqtt":1883,"ws":8083,"dashboard":18083}},"version":"1.0.0","process":{{"pid":{number},"started":{number}}}}},"checks":10}}"#
        );
    }
    text + "}}\n"
}

fn chain(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let input = match number {
            0 => "\"first\"".to_owned(),
            later => format!("terraform_data.r{}.id", later - 1),
        };
        let _ = writeln!(text, "resource \"terraform_data\" \"r{number}\" {{\n  input = {input}\n}}");
    }
    text
}
