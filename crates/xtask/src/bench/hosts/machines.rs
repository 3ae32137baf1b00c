//! Machines of the lab for one measurement: made together, reached over SSH, and removed at the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

/// How many machines boot at once: more would only wait for the processors.
const BOOTS_AT_ONCE: usize = 6;

/// The machines, and what the lab says of itself.
pub(super) struct Machines {
    pub(super) list: Vec<Machine>,
    lab: BTreeMap<String, String>,
}

/// One machine.
pub(super) struct Machine {
    name: String,
    pub(super) address: String,
    pub(super) host_key: String,
}

/// What machines did, all together.
#[derive(Clone, Copy, Default)]
pub(super) struct Served {
    /// How many logins their sshds served.
    pub(super) logins: usize,
    /// How many sessions there were in these logins.
    pub(super) sessions: usize,
    /// What all that ran there took of the processors.
    pub(super) processor_seconds: f64,
}

impl Machines {
    /// Brings the lab up and makes `count` machines of one of its images.
    pub(super) fn make(count: usize, image: &str) -> Result<Self, String> {
        let mut machines = Self { list: Vec::new(), lab: lab()? };
        let names =
            (1..=count).map(|number| format!("bench-{}-{number}", std::process::id())).collect::<Vec<_>>();
        for names in names.chunks(BOOTS_AT_ONCE) {
            let made = at_once(names, |name| Machine::make(name, image));
            // Those that were made are removed even if another was not.
            let (made, failed): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
            machines.list.extend(made.into_iter().flatten());
            if let Some(Err(error)) = failed.into_iter().next() {
                return Err(error);
            }
        }
        // What tells how many round trips somebody needed.
        machines
            .exec("echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/bench.conf && systemctl reload ssh")?;
        Ok(machines)
    }

    /// The private key that opens the machines for the user `ubuntu`, who may become root.
    pub(super) fn identity(&self) -> &str {
        self.lab.get("LAB_KEY").map_or("", String::as_str)
    }

    /// What ssh remembers of the machines.
    pub(super) fn known_hosts(&self) -> String {
        self.list.iter().map(|machine| format!("{} {}\n", machine.address, machine.host_key)).collect()
    }

    /// Runs a script as root on every machine, past SSH, and returns what each printed.
    pub(super) fn exec(&self, script: &str) -> Result<Vec<String>, String> {
        let outputs = self.list.chunks(BOOTS_AT_ONCE).flat_map(|machines| {
            at_once(machines, |machine| self.docker(&["exec", &machine.name, "sh", "-c", script]))
        });
        outputs.collect()
    }

    /// Gives each machine this share of one processor and no more.
    pub(super) fn limit_processor(&self, share: &str) -> Result<(), String> {
        let names = self.list.iter().map(|machine| machine.name.as_str()).collect::<Vec<_>>();
        self.docker(&[&["update", "--cpus", share], names.as_slice()].concat()).map(drop)
    }

    /// What the machines do while `work` is done.
    pub(super) fn served<T>(&self, work: impl FnOnce() -> Result<T, String>) -> Result<(T, Served), String> {
        let (logins, sessions) = self.sessions()?;
        let processor_seconds = self.processor_seconds()?;
        let done = work()?;
        // What the end of a session leaves to do.
        sleep(Duration::from_millis(300));
        let processor_seconds = self.processor_seconds()? - processor_seconds;
        let (logins_after, sessions_after) = self.sessions()?;
        let served =
            Served { logins: logins_after - logins, sessions: sessions_after - sessions, processor_seconds };
        Ok((done, served))
    }

    /// The logins and sessions since the machines started.
    fn sessions(&self) -> Result<(usize, usize), String> {
        let count = "journalctl -t sshd -o cat --no-pager | \
            awk '/^Accepted publickey/ {l++} /^Starting session/ {s++} END {print l+0, s+0}'";
        let lines = self.exec(count)?;
        let pairs = lines.iter().filter_map(|line| line.trim().split_once(' '));
        let pairs =
            pairs.map(|(logins, sessions)| (logins.parse().unwrap_or(0), sessions.parse().unwrap_or(0)));
        Ok(pairs.fold((0, 0), |sum: (usize, usize), pair: (usize, usize)| (sum.0 + pair.0, sum.1 + pair.1)))
    }

    /// What the machines have taken of the processors since they started; looking itself takes some milliseconds.
    fn processor_seconds(&self) -> Result<f64, String> {
        // In nanoseconds; the second is the word of cgroup v2, in microseconds.
        let look = "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat";
        let nanoseconds =
            self.exec(look)?.iter().map(|text| text.trim().parse::<f64>().unwrap_or(f64::NAN)).sum::<f64>();
        Ok(nanoseconds / 1e9)
    }

    fn docker(&self, words: &[&str]) -> Result<String, String> {
        let client = self.lab.get("LAB_DOCKER").map_or("docker", String::as_str);
        said(Command::new(client).args(words).envs(&self.lab))
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        let names = self.list.iter().map(|machine| machine.name.as_str());
        if let Ok(mut xtask) = xtask() {
            // What can't be removed now goes with the lab.
            let _ = xtask.args(["lab", "rm"]).args(names).output();
        }
    }
}

impl Machine {
    fn make(name: &str, image: &str) -> Result<Self, String> {
        let text = said(xtask()?.args(["lab", "host", name, "--image", image]))?;
        let value: Value = serde_json::from_str(text.trim()).map_err(|error| format!("{error}: {text}"))?;
        let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Ok(Self { name: name.to_owned(), address: field("ip"), host_key: field("host_key") })
    }
}

/// Brings the lab up, and returns the variables by which it is found.
fn lab() -> Result<BTreeMap<String, String>, String> {
    said(xtask()?.args(["lab", "up"]))?;
    let status = said(xtask()?.args(["lab", "status"]))?;
    let folder = status.lines().find_map(|line| line.strip_prefix("folder"));
    let file = Path::new(folder.ok_or("the lab does not say where it is")?.trim()).join("env");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// This program, which makes the lab too.
fn xtask() -> Result<Command, String> {
    let this = std::env::current_exe().map_err(|error| format!("could not find this program: {error}"))?;
    Ok(Command::new(this))
}

/// What a command prints that must succeed.
pub(super) fn said(command: &mut Command) -> Result<String, String> {
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    match command.output() {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(format!("{command:?}: {}\n{}", output.status, told(&output))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// Does the same with each at the same time; the results are in order.
pub(super) fn at_once<T: Sync, R: Send>(each: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let running = each.iter().map(|one| scope.spawn(|| work(one))).collect::<Vec<_>>();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
