//! From `apply` to proven on hosts that have Docker: each host alone, and then all at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::available_parallelism;

use super::bear::{bear, fleet};
use super::machines::{Machines, Served, said};
use super::sample::Sample;
use crate::bench::Bench;

const USAGE: &str =
    "usage: cargo xtask bench hosts proof [--hosts N] [--rounds N] [--link RATE] [--processor SHARE]";

/// How much is measured, and on what.
struct Size {
    hosts: usize,
    rounds: usize,
    /// How fast the link of each host is, as tc(8) writes rates: a processor that all hosts share is not all that they
    /// wait for elsewhere. As fast as it goes if left out.
    link: Option<String>,
    /// How much of a processor each host has, such as `0.15`: hosts that are machines of their own have one each, and
    /// don't work at the expense of the others. As much as it can get if left out.
    processor: Option<String>,
}

/// One run of `bear apply`.
struct Run {
    sample: Sample,
    served: Served,
}

/// Prints how much longer all take at once than the slowest alone.
pub(super) fn print(bench: &Bench, options: &[String]) -> Result<(), String> {
    let size = Size::read(options)?;
    let machines = Machines::make(size.hosts, "host-docker")?;
    if let Some(rate) = &size.link {
        limit(&machines, rate)?;
    }
    if let Some(share) = &size.processor {
        machines.limit_processor(share)?;
    }
    let folder = bench.scratch.path().join("proof");
    let file = folder.join("fleet.yaml");
    let text = fleet(&machines, "    broker:\n      emqx: { version: 5.0.9 }\n");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| format!("{}: {error}", file.display()))?;
    println!(
        "\n| {} hosts with Docker, link: {}, processor: {} | slowest alone | all at once | ratio | processors kept busy for | processor, one alone | load |\n| --- | --: | --: | --: | --: | --: | --: |",
        size.hosts,
        size.link.as_deref().unwrap_or("no limit"),
        size.processor.as_deref().unwrap_or("no limit")
    );
    for round in 1..=size.rounds {
        println!("{}", row(bench, &machines, &folder, round)?);
    }
    Ok(())
}

fn row(bench: &Bench, machines: &Machines, folder: &Path, round: usize) -> Result<String, String> {
    let alone = (1..=machines.list.len()).map(|number| {
        let instance = format!("bench-edge-h{number}");
        apply(bench, machines, folder, &["--only", &instance])
    });
    let alone = alone.collect::<Result<Vec<_>, String>>()?;
    let all = apply(bench, machines, folder, &[])?;
    let slowest = alone.iter().map(|run| run.sample.taken.seconds).fold(0.0, f64::max);
    // As far as one figure can tell: hosts share all processors of this machine, with bear itself.
    let processors = available_parallelism()
        .map_or(1.0, |count| f64::from(u16::try_from(count.get()).unwrap_or(u16::MAX)));
    let busy = (all.served.processor_seconds + all.sample.taken.processor_seconds) / processors;
    let one = alone.iter().map(|run| run.served.processor_seconds).fold(0.0, f64::max);
    let seconds = all.sample.taken.seconds;
    Ok(format!(
        "| round {round} | {slowest:.2} s | {seconds:.2} s | {:.2} | {busy:.2} s | {one:.2} s | {:.1} |",
        seconds / slowest,
        all.sample.load
    ))
}

/// From nothing to proven, and back to nothing.
fn apply(bench: &Bench, machines: &Machines, folder: &Path, only: &[&str]) -> Result<Run, String> {
    let program = bench.bear.display().to_string();
    let command = [&[&program, "apply", "fleet.yaml", "--yes"], only].concat();
    let command = command.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (sample, served) = machines.served(|| Sample::take(&command, folder))?;
    said(bear(bench, folder).args(["destroy", "fleet.yaml", "--yes"]))?;
    // The next one pulls it again.
    machines.exec("docker system prune --all --force --volumes")?;
    Ok(Run { sample, served })
}

/// Makes the link to each machine this slow, in the direction in which images travel.
fn limit(machines: &Machines, rate: &str) -> Result<(), String> {
    for index in machines.exec("cat /sys/class/net/eth0/iflink")? {
        let near = interface(index.trim())?;
        let bucket = ["burst", "64kb", "latency", "400ms"];
        let words = ["qdisc", "replace", "dev", &near, "root", "tbf", "rate", rate];
        said(Command::new("tc").args(words).args(bucket))?;
    }
    Ok(())
}

/// The name of the interface of this machine that has this number.
fn interface(index: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("/sys/class/net: {error}");
    let folders = fs::read_dir("/sys/class/net").map_err(failed)?;
    let folders =
        folders.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>, _>>().map_err(failed)?;
    let has_it =
        |folder: &&PathBuf| fs::read_to_string(folder.join("ifindex")).is_ok_and(|text| text.trim() == index);
    let name = folders.iter().find(has_it).and_then(|folder| folder.file_name());
    name.map(|name| name.to_string_lossy().into_owned())
        .ok_or_else(|| format!("no interface has the number {index}"))
}

impl Size {
    fn read(options: &[String]) -> Result<Self, String> {
        let mut size = Self { hosts: 10, rounds: 2, link: None, processor: None };
        for pair in options.chunks(2) {
            match pair {
                [name, value] if name == "--hosts" => size.hosts = count(value)?,
                [name, value] if name == "--rounds" => size.rounds = count(value)?,
                [name, value] if name == "--link" => size.link = Some(value.clone()),
                [name, value] if name == "--processor" => size.processor = Some(value.clone()),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(size)
    }
}

fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=100).contains(count))
        .ok_or_else(|| format!("`{text}` is no number from 1 to 100\n{USAGE}"))
}
