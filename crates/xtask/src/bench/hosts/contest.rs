//! The same work on the same hosts by all contestants, who take turns.

use std::fmt::Write;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use super::machines::{Machines, Served, at_once};
use super::sample::{Figures, Sample};
use super::{bear, peers};
use crate::bench::Bench;

const USAGE: &str = "usage: cargo xtask bench hosts contest [--hosts N] [--rounds N]";

/// How often everybody takes a turn that counts, if nobody says otherwise. The turn before counts round trips instead.
const ROUNDS: usize = 3;

/// How many hosts, and the key exchange that they allow; all that their sshd has if there is none.
///
/// Debian 12's OpenSSH spends 75 ms of a processor on its default (sntrup761), other programs choose another one, and
/// OpenSSH 10 has one that costs next to nothing. Where hosts allow one alone, everybody does the same work.
const CASES: [(usize, Option<&str>); 3] = [(10, Some(CURVE)), (30, Some(CURVE)), (10, None)];

/// What they all have. The second is what the first was called before RFC 8731.
const CURVE: &str = "curve25519-sha256,curve25519-sha256@libssh.org";

/// The package that is on the hosts beforehand, as Debian 12 has it.
pub(super) const MOSQUITTO: &str = "2.0.11-1.2+deb12u2";

/// What a command left behind says of when the work itself was done, in seconds before the command's end.
pub(super) type DoneBeforeEnd = fn(&Contestant) -> Result<f64, String>;

/// systemd refuses the sixth start within ten seconds, and contestants are quick.
const DROP_IN: &str = "/etc/systemd/system/mosquitto.service.d";

/// Who does the work.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    /// Where its input lies, and where it runs.
    pub(super) folder: PathBuf,
    /// What it runs; `PORT` stands for the port that is wanted.
    pub(super) command: Vec<String>,
    /// Its input files, in which `PORT` stands for the same.
    pub(super) input: Vec<(&'static str, String)>,
    /// When the work itself was done.
    pub(super) done_before_end: Option<DoneBeforeEnd>,
}

/// What a contestant took.
#[derive(Default)]
struct Taking {
    change: Vec<Sample>,
    again: Vec<Sample>,
    /// Seconds until the work itself was done, where the command goes on after that.
    done: Vec<f64>,
    change_served: Served,
    again_served: Served,
}

/// Prints the table of each number of hosts; with `--hosts`, of that number alone.
pub(super) fn print(bench: &Bench, options: &[String]) -> Result<(), String> {
    let (mut cases, mut rounds) = (CASES.to_vec(), ROUNDS);
    for pair in options.chunks(2) {
        let [name, text] = pair else { return Err(USAGE.to_owned()) };
        let number = text.parse::<usize>().ok().filter(|&number| number > 0).ok_or(USAGE)?;
        match name.as_str() {
            "--hosts" => cases = vec![(number, Some(CURVE))],
            "--rounds" => rounds = number,
            _ => return Err(USAGE.to_owned()),
        }
    }
    for (number, (count, key_exchange)) in cases.into_iter().enumerate() {
        let machines = Machines::make(count, "host")?;
        prepare(&machines, key_exchange)?;
        let folder = bench.scratch.path().join(format!("contest{number}"));
        let (mut contestants, _connections) = peers::all(&machines, &folder)?;
        contestants.push(bear::contestant(bench, &machines, &folder)?);
        let takings = take_turns(&machines, &contestants, rounds)?;
        println!("\nKey exchange: {}\n", key_exchange.unwrap_or("each its own choice"));
        println!("{}", table(count, &contestants, &takings));
        println!("{}", goal(&takings));
    }
    Ok(())
}

/// Puts the package on the hosts. bear takes over a broker that is there and idle, and no other.
fn prepare(machines: &Machines, key_exchange: Option<&str>) -> Result<(), String> {
    if let Some(key_exchange) = key_exchange {
        let file = "/etc/ssh/sshd_config.d/bench-key-exchange.conf";
        machines.exec(&format!("echo KexAlgorithms {key_exchange} >{file} && systemctl reload ssh"))?;
    }
    let script = format!(
        "export DEBIAN_FRONTEND=noninteractive; apt-get update -q && \
         apt-get install -qy --no-install-recommends mosquitto={MOSQUITTO} && systemctl disable --now mosquitto && \
         mkdir -p {DROP_IN} && printf '[Unit]\\nStartLimitIntervalSec=0\\n' >{DROP_IN}/bench.conf && systemctl daemon-reload"
    );
    machines.exec(&script).map(drop)
}

fn take_turns(machines: &Machines, contestants: &[Contestant], rounds: usize) -> Result<Vec<Taking>, String> {
    let mut takings = contestants.iter().map(|_| Taking::default()).collect::<Vec<_>>();
    let mut ports = 2000_u16..;
    for round in 0..=rounds {
        for turn in 0..contestants.len() {
            // Nobody always comes first, or after the same other.
            let place = (turn + round) % contestants.len();
            let port = ports.next().ok_or("there are no more ports")?;
            let (contestant, taking) = (&contestants[place], &mut takings[place]);
            let commands = contestant.want(port)?;
            if round == 0 {
                taking.count(machines, contestant, &commands)?;
            } else {
                taking.measure(contestant, &commands)?;
            }
            listens_everywhere(machines, port).map_err(|error| format!("{}: {error}", contestant.name))?;
        }
        eprintln!("round {round} of {rounds}");
    }
    Ok(takings)
}

impl Contestant {
    /// Writes its input for this port, and returns its command.
    fn want(&self, port: u16) -> Result<Vec<String>, String> {
        let port = port.to_string();
        for (name, text) in &self.input {
            let file = self.folder.join(name);
            fs::write(&file, text.replace("PORT", &port))
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(self.command.iter().map(|word| word.replace("PORT", &port)).collect())
    }
}

impl Taking {
    /// Counts what the hosts serve. That takes a while, so these runs are not measured.
    fn count(
        &mut self,
        machines: &Machines,
        contestant: &Contestant,
        command: &[String],
    ) -> Result<(), String> {
        for served in [&mut self.change_served, &mut self.again_served] {
            *served = machines.served(|| Sample::take(command, &contestant.folder))?.1;
        }
        Ok(())
    }

    fn measure(&mut self, contestant: &Contestant, command: &[String]) -> Result<(), String> {
        let change = Sample::take(command, &contestant.folder)?;
        if let Some(done_before_end) = contestant.done_before_end {
            self.done.push(change.taken.seconds - done_before_end(contestant)?);
        }
        self.change.push(change);
        self.again.push(Sample::take(command, &contestant.folder)?);
        Ok(())
    }

    fn row(&self, name: &str, hosts: usize) -> String {
        let seconds = |samples: &[Sample]| Figures::of(samples.iter().map(|sample| sample.taken.seconds));
        let processor = |samples: &[Sample]| {
            Figures::of(samples.iter().map(|sample| sample.taken.processor_seconds)).median()
        };
        let all = || self.change.iter().chain(&self.again);
        let load = Figures::of(all().map(|sample| sample.load));
        let peak = all().map(|sample| sample.taken.peak_bytes).max().unwrap_or(0) / (1 << 20);
        format!(
            "| {name} | {} | {} | {}, {} | {:.2} s, {:.2} s | {:.2} s, {:.2} s | {peak} MiB | {:.1}–{:.1} |",
            seconds(&self.change),
            seconds(&self.again),
            self.change_served.per_host(hosts),
            self.again_served.per_host(hosts),
            self.change_served.processor_seconds,
            self.again_served.processor_seconds,
            processor(&self.change),
            processor(&self.again),
            load.least(),
            load.most(),
        )
    }
}

impl Served {
    fn per_host(self, hosts: usize) -> String {
        let share = |count: usize| match (count / hosts, count % hosts) {
            (whole, 0) => whole.to_string(),
            (whole, rest) => format!("{whole} {rest}/{hosts}"),
        };
        format!("{} + {}", share(self.logins), share(self.sessions))
    }
}

/// Nobody is believed: the port must answer from here.
fn listens_everywhere(machines: &Machines, port: u16) -> Result<(), String> {
    let looks = at_once(&machines.list, |machine| {
        let address = machine.address.parse().map_err(|error| format!("{}: {error}", machine.address))?;
        TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(2))
            .map(drop)
            .map_err(|error| format!("port {port} of {} does not answer: {error}", machine.address))
    });
    looks.into_iter().collect()
}

/// What bear may take at most: the first two are `ssh` with and without a connection, the last is bear.
fn goal(takings: &[Taking]) -> String {
    let median = |place: usize| {
        takings.get(place).map_or(f64::NAN, |taking| {
            Figures::of(taking.change.iter().map(|sample| sample.taken.seconds)).median()
        })
    };
    let (warm, cold, bear) = (median(0), median(1), median(takings.len() - 1));
    let handshake = cold - warm;
    format!(
        "1.5 x {warm:.2} s + {handshake:.2} s for one handshake = {:.2} s; bear took {bear:.2} s, {:.2} of that",
        1.5 * warm + handshake,
        bear / (1.5 * warm + handshake)
    )
}

fn table(hosts: usize, contestants: &[Contestant], takings: &[Taking]) -> String {
    let mut text = format!(
        "| hosts: {hosts} | change | nothing to change | logins + sessions a host | processor, all hosts | processor, here | memory | load |\n\
         | --- | --: | --: | --: | --: | --: | --: | --: |\n"
    );
    for (contestant, taking) in contestants.iter().zip(takings) {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", taking.row(contestant.name, hosts));
        if !taking.done.is_empty() {
            let done = Figures::of(taking.done.iter().copied());
            let _ = writeln!(text, "| … until every install step ended | {done} | | | | | | |");
        }
    }
    text
}
