//! What every test here stands on: hosts of its own, and a project whose fleet file names them.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Project;

/// Set to `required` where the lab must be up.
const VARIABLE: &str = "BEAR_TEST_LAB";

/// A password that nothing may show but the broker's own files. It needs quoting wherever text is taken for code.
pub(crate) const CANARY: &str = r#"Canary-7 "x" $(reboot) #'=:"#;

/// The lab, as it is handed to tests: by variables.
pub(crate) struct Lab {
    key: String,
}

/// The lab; none where it is not up and need not be.
pub(crate) fn lab() -> Option<Lab> {
    let key = std::env::var("LAB_KEY").ok();
    let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
    assert!(
        key.is_some() || !required,
        "{VARIABLE} is `required`, but the lab is not up; `cargo xtask lab test` brings it up"
    );
    if key.is_none() {
        println!("skipped: the lab is not up");
    }
    key.map(|key| Lab { key })
}

/// What a host has when it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Image {
    /// Debian with sshd and sudo.
    Bare,
    /// The same with the distribution's Docker.
    Docker,
}

/// One host, for one test. It ends with the value.
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) ip: String,
    pub(crate) fingerprint: String,
}

/// One of the settings that the lab hands to tests.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("the lab does not say what {name} is"))
}

impl Lab {
    /// A host that answers on its SSH port.
    pub(crate) fn host(&self, image: Image) -> Host {
        self.host_with(image, &[])
    }

    /// The same with more words for `cargo xtask lab host`.
    pub(crate) fn host_with(&self, image: Image, words: &[&str]) -> Host {
        static HOSTS: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}-{}", std::process::id(), HOSTS.fetch_add(1, Ordering::Relaxed));
        let image = match image {
            Image::Bare => "host",
            Image::Docker => "host-docker",
        };
        let key = format!("{}.pub", self.key);
        let made = run(xtask().args(["lab", "host", &name, "--image", image, "--key", &key]).args(words));
        let made: Value = serde_json::from_str(made.trim()).unwrap_or_else(|error| panic!("{error}: {made}"));
        let text = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("no {key} in {made}")).to_owned();
        Host { name: text("name"), ip: text("ip"), fingerprint: text("fingerprint") }
    }

    /// `count` hosts, made at the same time.
    pub(crate) fn hosts(&self, count: usize, image: Image) -> Vec<Host> {
        std::thread::scope(|scope| {
            let made = (0..count).map(|_| scope.spawn(|| self.host(image))).collect::<Vec<_>>();
            made.into_iter().map(|host| host.join().unwrap()).collect()
        })
    }

    /// A project with the fleet `plant` on these hosts, members `h1`, `h2`, …, and `rest` below their group.
    pub(crate) fn project(&self, hosts: &[&Host], rest: &str) -> Project {
        Project::new().with("fleets/plant.yaml", self.fleet(hosts, rest)).with_variable("CANARY", CANARY)
    }

    /// The fleet file of such a project.
    pub(crate) fn fleet(&self, hosts: &[&Host], rest: &str) -> String {
        let mut members = String::new();
        for (number, Host { ip, fingerprint, .. }) in (1..).zip(hosts) {
            let _ = writeln!(members, "      h{number}: {{ address: {ip}, host_key: \"{fingerprint}\" }}");
        }
        let rest = rest.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
        let key = &self.key;
        format!(
            "fleet: plant\nprovider:\n  hosts:\n    user: ubuntu\n    identity: {key}\ngroups:\n  edge:\n    members:\n{members}{rest}"
        )
    }
}

impl Host {
    /// Runs a command as root on the host, which must succeed, and returns what it prints.
    pub(crate) fn exec(&self, script: &str) -> String {
        run(docker().args(["exec", &self.name, "sh", "-c", script]))
    }

    /// The same, whatever comes of it.
    pub(crate) fn try_exec(&self, script: &str) -> Output {
        docker().args(["exec", &self.name, "sh", "-c", script]).output().unwrap()
    }

    /// Waits until its sshd takes connections, as after it was restarted.
    pub(crate) fn wait_until_it_answers(&self) {
        let until = Instant::now() + Duration::from_mins(2);
        while Instant::now() < until && TcpStream::connect((self.ip.as_str(), 22)).is_err() {
            sleep(Duration::from_millis(100));
        }
    }

    /// Runs a command of Docker's about the host's container, such as `pause`.
    pub(crate) fn docker(&self, words: &[&str]) -> String {
        run(docker().args(words).arg(&self.name))
    }

    /// What tells a host that was given back from one that was not: packages, settings, containers, volumes, and
    /// whatever else a broker may leave behind.
    pub(crate) fn inventory(&self) -> String {
        self.exec(
            "! command -v docker >/dev/null || timeout 60 sh -c 'until docker info; do sleep 0.2; done' >/dev/null 2>&1; \
             dpkg-query -W -f '${Package} ${Version} ${Status}\\n' | sort; \
             find /etc /var/lib /usr/local /opt /home /root -xdev \\( -path /var/lib/dpkg -o -path /var/lib/apt \
               -o -path /var/lib/docker -o -path /var/lib/containerd -o -path /var/lib/systemd -o -path /var/lib/ucf \\) -prune \
               -o -type f -printf '%p\\n' | grep -v -e '/ld.so.cache' -e '^/etc/.*-$' | sort; \
             sysctl net.core.somaxconn; \
             ! command -v docker >/dev/null || { docker ps -a --format '{{.Names}}'; docker volume ls -q; docker images -q; }",
        )
    }
}

/// Asserts that a host is as it was when its inventory was taken; shows what is not.
#[track_caller]
pub(crate) fn is_as_found(host: &Host, before: &str) {
    let now = host.inventory();
    let only_in = |one: &str, other: &str| {
        let other = other.lines().collect::<HashSet<_>>();
        one.lines().filter(|line| !other.contains(line)).map(|line| format!("\n  {line}")).collect::<String>()
    };
    let (more, less) = (only_in(&now, before), only_in(before, &now));
    assert!(more.is_empty() && less.is_empty(), "{} has more:{more}\nand lacks:{less}", host.name);
}

impl Drop for Host {
    fn drop(&mut self) {
        // A paused container can't be ended before it goes on.
        let _ = docker().args(["unpause", &self.name]).output();
        let _ = docker().args(["rm", "-f", "-v", &self.name]).output();
    }
}

pub(crate) fn docker() -> Command {
    Command::new("docker")
}

/// The chores' program, which lies beside bear's.
pub(crate) fn xtask() -> Command {
    let bear = PathBuf::from(env!("CARGO_BIN_EXE_bear"));
    Command::new(bear.with_file_name("xtask"))
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
