//! From `apply` to proven on hosts that have Docker: each host alone, and then all at once.

use std::fs;
use std::path::Path;

use super::bear::{bear, fleet};
use super::machines::{Machines, said};
use super::sample::{Figures, Sample};
use crate::bench::Bench;

const HOSTS: usize = 10;
const ROUNDS: usize = 3;

/// Prints how much longer all take at once than the slowest alone.
pub(super) fn print(bench: &Bench) -> Result<(), String> {
    let machines = Machines::make(HOSTS, "host-docker")?;
    let folder = bench.scratch.path().join("proof");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let file = folder.join("fleet.yaml");
    fs::write(&file, fleet(&machines, "    broker:\n      emqx: { version: 5.0.9 }\n"))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    println!(
        "\n| {HOSTS} hosts with Docker | slowest alone | all at once | ratio | processor, all hosts | load |\n| --- | --: | --: | --: | --: | --: |"
    );
    for round in 1..=ROUNDS {
        let alone = (1..=HOSTS).map(|number| {
            let instance = format!("bench-edge-h{number}");
            let taken = apply(bench, &folder, &["--only", &instance])?;
            clear(bench, &machines, &folder)?;
            Ok(taken)
        });
        let alone = alone.collect::<Result<Vec<_>, String>>()?;
        let (all, served) = machines.served(|| apply(bench, &folder, &[]))?;
        clear(bench, &machines, &folder)?;
        let slowest = Figures::of(alone.iter().map(|sample| sample.taken.seconds)).most();
        println!(
            "| round {round} | {slowest:.2} s | {:.2} s | {:.2} | {:.2} s | {:.1} |",
            all.taken.seconds,
            all.taken.seconds / slowest,
            served.processor_seconds,
            all.load
        );
    }
    Ok(())
}

/// From nothing to proven.
fn apply(bench: &Bench, folder: &Path, only: &[&str]) -> Result<Sample, String> {
    let program = bench.bear.display().to_string();
    let command = [&[&program, "apply", "fleet.yaml", "--yes"], only].concat();
    let command = command.into_iter().map(str::to_owned).collect::<Vec<_>>();
    Sample::take(&command, folder)
}

/// Back to nothing.
fn clear(bench: &Bench, machines: &Machines, folder: &Path) -> Result<(), String> {
    said(bear(bench, folder).args(["destroy", "fleet.yaml", "--yes"]))?;
    // The next one pulls it again.
    machines.exec("docker system prune --all --force --volumes").map(drop)
}
