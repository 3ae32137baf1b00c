//! Very many hosts at once: each an sshd of this user on an address of its own, with the limits of a default sshd.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::machines::{at_once, said};
use super::sample::{Figures, Sample};
use crate::bench::Bench;

const HOSTS: u8 = 200;
const ROUNDS: usize = 5;
const PORT: u16 = 2222;

/// Runs a command everywhere through bear, and prints what that took.
pub(super) fn print(bench: &Bench) -> Result<(), String> {
    let folder = bench.scratch.path().join("many");
    let records = folder.join(".bear/bench");
    fs::create_dir_all(&records).map_err(|error| format!("{}: {error}", records.display()))?;
    let fleet = "fleet: bench\nprovider: hosts\ngroups:\n  edge:\n    members:\n      h1: { address: 127.77.0.1 }\n    broker:\n      mosquitto: { version: 2.0.11 }\n";
    write(&folder.join("fleet.yaml"), fleet)?;
    let sshds = Sshds::start(&folder)?;
    write(&records.join("state.json"), &state(&sshds).to_string())?;
    let everywhere = HOSTS.to_string();
    let bear = bench.bear.display().to_string();
    let command =
        [&bear, "ssh", "--all", "--fleet", "fleet.yaml", "--parallelism", &everywhere, "--", "true"];
    let command = command.map(str::to_owned);
    let mut samples = Vec::new();
    // It fails if it fails on one of them. The first run warms the caches of the system.
    for round in 0..=ROUNDS {
        let sample = Sample::take(&command, &folder)?;
        samples.extend((round > 0).then_some(sample));
    }
    let seconds = Figures::of(samples.iter().map(|sample| sample.taken.seconds));
    let processor = Figures::of(samples.iter().map(|sample| sample.taken.processor_seconds));
    let load = Figures::of(samples.iter().map(|sample| sample.load));
    let peak = samples.iter().map(|sample| sample.taken.peak_bytes).max().unwrap_or(0) / (1 << 20);
    println!(
        "\n| | time | processor, with its `ssh` processes | memory of bear | load |\n| --- | --: | --: | --: | --: |"
    );
    println!(
        "| `bear ssh --all` on {HOSTS} hosts | {seconds} | {processor} | {peak} MiB | {:.1}–{:.1} |",
        load.least(),
        load.most()
    );
    let log = fs::read_to_string(sshds.log()).unwrap_or_default();
    match log.matches("MaxStartups").count() {
        0 => println!("\nNo sshd dropped a connection."),
        dropped => println!("\nThe sshds said {dropped} times that they drop connections."),
    }
    Ok(())
}

/// The sshds. They end with the value.
struct Sshds {
    folder: PathBuf,
    host_key: String,
    processes: Vec<Child>,
}

impl Sshds {
    fn start(folder: &Path) -> Result<Self, String> {
        for key in ["identity", "host"] {
            said(
                Command::new("ssh-keygen")
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(folder.join(key)),
            )?;
        }
        // Root's sshd wants this folder, which the system makes when it starts; nobody else's does.
        let _ = fs::create_dir_all("/run/sshd");
        let public = folder.join("host.pub");
        let host_key =
            fs::read_to_string(&public).map_err(|error| format!("{}: {error}", public.display()))?;
        let host_key = host_key.split(' ').take(2).collect::<Vec<_>>().join(" ");
        let mut sshds = Self { folder: folder.to_owned(), host_key, processes: Vec::new() };
        for number in 1..=HOSTS {
            sshds
                .processes
                .push(sshds.spawn(number).map_err(|error| format!("could not start sshd: {error}"))?);
        }
        let numbers = (1..=HOSTS).collect::<Vec<_>>();
        let answers = at_once(&numbers, |number| answers(&address(*number)));
        if answers.into_iter().all(|answers| answers) {
            return Ok(sshds);
        }
        Err(format!(
            "not every sshd answers; it says:\n{}",
            fs::read_to_string(sshds.log()).unwrap_or_default()
        ))
    }

    fn spawn(&self, number: u8) -> std::io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let authorized = format!("AuthorizedKeysFile={}", self.folder.join("identity.pub").display());
        let listen = format!("ListenAddress={}:{PORT}", address(number));
        let options = [
            &authorized,
            &listen,
            // What a default sshd has, sshd_config(5).
            "MaxStartups=10:30:100",
            "MaxSessions=10",
            // A bash that seems to run within another one leaves the user's .bashrc alone.
            "SetEnv=SHLVL=5",
            "PidFile=none",
            "UsePAM=no",
            "StrictModes=no",
            "PasswordAuthentication=no",
        ];
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-h"]).arg(self.folder.join("host"));
        command.args(options.into_iter().flat_map(|option| ["-o", option]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("sshd.log")
    }
}

impl Drop for Sshds {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that has ended needs no ending.
            let _ = process.kill().and_then(|()| process.wait());
        }
    }
}

fn address(number: u8) -> String {
    format!("127.77.0.{number}")
}

/// Whether an SSH server answers within some seconds.
fn answers(address: &str) -> bool {
    let banner = || {
        let mut bytes = [0; 4];
        let stream = TcpStream::connect((address, PORT));
        stream.and_then(|mut stream| stream.read_exact(&mut bytes)).is_ok() && &bytes == b"SSH-"
    };
    (0..100).any(|_| banner() || (sleep(Duration::from_millis(100)), false).1)
}

/// What bear records of a fleet that it deployed on these hosts.
fn state(sshds: &Sshds) -> Value {
    let identity = sshds.folder.join("identity").display().to_string();
    let instances = (1..=HOSTS).map(|number| {
        let address = address(number);
        let host =
            json!({ "address": address, "port": PORT, "identity": identity, "host_key": sshds.host_key });
        let spec =
            json!({ "provider": "hosts", "host": host, "broker": { "mosquitto": { "version": "2.0.11" } } });
        let recorded = json!({
            "group": "edge",
            "spec": spec,
            "generation": number,
            "token": format!("{number:040}"),
            "phase": "verified",
            "since": "2026-01-01T00:00:00Z",
            "machine": { "id": format!("{address}:{PORT}"), "address": address },
            "checks": 10,
        });
        (format!("bench-edge-h{number}"), recorded)
    });
    json!({
        "version": 1,
        "fleet": "bench",
        "lineage": "0",
        "serial": HOSTS,
        "file": "fleet.yaml",
        "generation": HOSTS,
        "instances": instances.collect::<Map<_, _>>(),
    })
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("could not write {}: {error}", file.display()))
}
