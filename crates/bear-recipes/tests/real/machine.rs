//! A machine of the lab, and what is on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bear_recipes::{Nonce, Outcome, Recipe, Setting, Transcript, render};

const NONCE: &str = "n0nce5678";

/// A variable that the lab sets.
pub(crate) fn lab(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the lab sets {name}: see `cargo xtask lab up`"))
}

/// Whether the tests of this file run. They need the lab, so they say loudly that they don't.
#[expect(clippy::disallowed_macros, clippy::print_stderr, reason = "a test that does not run says so")]
pub(crate) fn no_lab() -> bool {
    let required = std::env::var_os("BEAR_TEST_LAB").is_some_and(|word| word == "required");
    if !required {
        eprintln!("SKIPPED: BEAR_TEST_LAB=required runs this in the lab (`cargo xtask lab up`)");
    }
    !required
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A machine of the lab; gone with everything on it when dropped.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = docker(&["rm", "-f", "-v", &self.name]).output();
    }
}

fn docker(words: &[&str]) -> Command {
    let mut command = Command::new(lab("LAB_DOCKER"));
    command.args(words);
    command
}

/// The words of `docker run` for a machine, as the lab's own description has them.
const RUN: [&str; 13] = [
    "run",
    "--detach",
    "--label=lab.host=yes",
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--cgroupns=private",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
];
const DISKS: [&str; 2] = ["--volume=/var/lib/docker", "--volume=/var/lib/containerd"];

impl Machine {
    /// A machine without Docker, or one with Debian's.
    pub(crate) fn new(test: &str, image: &str) -> Self {
        Self::with(test, image, &DISKS)
    }

    pub(crate) fn with(test: &str, image: &str, disks: &[&str]) -> Self {
        let name = format!("recipes-{}-{test}", std::process::id());
        let network = format!("--network={}", lab("LAB_NETWORK"));
        let rest = ["--name", &name, "--hostname", &name, &network, image];
        let words: Vec<_> = RUN.iter().chain(disks).chain(&rest).copied().collect();
        let output = docker(&words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut machine = Self { name, address: String::new() };
        machine.address = machine.says("hostname -I | cut -d ' ' -f 1");
        machine.wait("systemctl is-system-running | grep -qE 'running|degraded'");
        machine
    }

    /// A command on the machine, with something on its standard input.
    pub(crate) fn sh(&self, command: &str, input: &str) -> Output {
        let mut child = self.begin(&["sh", "-c", command]);
        // A shell that was cut off reads no further.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn begin(&self, words: &[&str]) -> Child {
        docker(&["exec", "-i", &self.name])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What a command writes, without white space around it.
    pub(crate) fn says(&self, command: &str) -> String {
        String::from_utf8(self.sh(command, "").stdout).unwrap().trim().to_owned()
    }

    /// Waits until a command says yes.
    #[track_caller]
    pub(crate) fn wait(&self, command: &str) {
        for _ in 0..120 {
            if self.sh(command, "").status.success() {
                return;
            }
            sleep(Duration::from_millis(500));
        }
        panic!("{} never said yes to: {command}", self.name);
    }

    pub(crate) fn script(recipes: &[Recipe]) -> String {
        let nonce = Nonce::new(NONCE).unwrap();
        let setting = Setting { nonce, root: String::new(), lock_wait_seconds: 120 };
        render(recipes, &setting).unwrap().text().to_owned()
    }

    pub(crate) fn run(&self, recipes: &[Recipe]) -> Run {
        let output = self.sh("exec sh -s", &Self::script(recipes));
        Run::read(&output)
    }

    /// What is installed, what lies in the folders where settings and data lie, what runs and what Docker holds. What
    /// every package manager and boot changes by itself is left out.
    pub(crate) fn picture(&self) -> BTreeMap<String, BTreeSet<String>> {
        let lines = |command: &str| self.says(command).lines().map(str::to_owned).collect::<BTreeSet<_>>();
        [
            ("packages", "dpkg -l | awk 'NR > 5 { print $1, $2, $3 }'"),
            ("held and manual", "apt-mark showhold; apt-mark showmanual"),
            ("files", FILES),
            ("services", "systemctl list-units --type=service,socket --state=active --plain --no-legend | awk '{ print $1 }'"),
            // Debian's packages leave their users and groups behind, lest somebody else gets their numbers.
            ("users and groups", "cut -d : -f 1 /etc/passwd /etc/group | grep -vx 'mosquitto\\|docker'"),
            ("containers", "docker ps -aq 2>/dev/null"),
            ("volumes", "docker volume ls -q 2>/dev/null"),
            ("images", "docker images -q 2>/dev/null"),
            ("programs", "pgrep -l 'docker|containerd|mosquitto|emqx'"),
        ]
        .into_iter()
        .map(|(what, command)| (what.to_owned(), lines(command)))
        .collect()
    }

    /// Asserts that the machine is as it was then.
    #[track_caller]
    pub(crate) fn assert_is(&self, before: &BTreeMap<String, BTreeSet<String>>) {
        let mut differences = String::new();
        for (what, now) in self.picture() {
            for gone in before[&what].difference(&now) {
                writeln!(differences, "- {what}: {gone}").unwrap();
            }
            for new in now.difference(&before[&what]) {
                writeln!(differences, "+ {what}: {new}").unwrap();
            }
        }
        assert!(differences.is_empty(), "{}:\n{differences}", self.name);
    }
}

/// Settings and data with their digests, without what changes by itself: lists of packages, caches of the linker, logs
/// of dpkg, the journal's and systemd's own notes, and copies that are made before every change of users.
const FILES: &str = "find /etc /var/lib /root /home /opt /srv /usr/local /var/tmp -xdev \\( -path /var/lib/apt -o \
    -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/lib/docker -o -path /var/lib/containerd -o \
    -path /etc/passwd -o -path /etc/group -o -path /etc/shadow -o -path /etc/gshadow -o -path /etc/subuid -o \
    -path /etc/subgid -o -name '*-' -o -path /etc/ld.so.cache -o -path /etc/mtab \\) -prune -o \
    \\( -type f -exec sha256sum {} + -o -print \\) | sort";

/// One run of a script.
pub(crate) struct Run {
    pub(crate) transcript: Transcript,
    pub(crate) said: String,
}

impl Run {
    pub(crate) fn read(output: &Output) -> Self {
        let mut transcript = Transcript::new(Nonce::new(NONCE).unwrap());
        transcript.push(&output.stdout);
        let said = [&output.stdout[..], &output.stderr].concat();
        Self { transcript, said: String::from_utf8_lossy(&said).into_owned() }
    }

    /// That it went well, and how many blocks it changed.
    #[track_caller]
    pub(crate) fn changed(&self) -> usize {
        match self.transcript.outcome() {
            Outcome::Done { changed } => changed,
            Outcome::Failed(_) | Outcome::Cut { .. } => panic!("{}", self.said),
        }
    }

    /// Why it failed.
    #[track_caller]
    pub(crate) fn why(&self) -> String {
        let Outcome::Failed(failure) = self.transcript.outcome() else { panic!("{}", self.said) };
        let (cause, text) = failure.why.unwrap_or_else(|| panic!("{}", self.said));
        format!("{cause:?}: {text}")
    }

    pub(crate) fn fact(&self, name: &str) -> &str {
        self.transcript.facts().get(name).map_or("", String::as_str)
    }
}
