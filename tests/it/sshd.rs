//! Hosts of a fleet: real sshd processes, run by the current user on addresses of 127/8, and what is recorded of them.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Project;

/// Where sshd is, or none after saying that the test is skipped: without one the tests of the whole workspace need
/// nothing but a Rust toolchain.
fn program() -> Option<PathBuf> {
    if std::env::var("BEAR_TEST_SSH").is_ok_and(|value| value == "required") {
        let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
        let found = places.into_iter().map(PathBuf::from).find(|path| path.exists());
        assert!(found.is_some(), "BEAR_TEST_SSH=required, and there is no sshd");
        return found;
    }
    println!("skipped: set BEAR_TEST_SSH=required to run it");
    None
}

/// A project with the fleet `plant`, whose hosts are named `plant-edge-…` and run Mosquitto as far as it knows.
pub(crate) struct Plant {
    pub(crate) project: Project,
    sshd: PathBuf,
    hosts: Vec<Host>,
}

/// One host; its sshd and all that it started end with it.
pub(crate) struct Host {
    name: &'static str,
    process: Child,
    pub(crate) address: String,
    pub(crate) port: u16,
}

impl Plant {
    /// A fleet of these members, each with an sshd, a key that is known, and a broker that is recorded; none where
    /// there is no sshd.
    pub(crate) fn of(members: &[&'static str]) -> Option<Self> {
        Self::with_options(members, &[])
    }

    /// The same with more options of sshd.
    pub(crate) fn with_options(members: &[&'static str], options: &[&str]) -> Option<Self> {
        let mut plant = Self { project: Project::new(), sshd: program()?, hosts: Vec::new() };
        // Root's sshd wants this folder, which the system makes when it starts; nobody else's does.
        let _ = fs::create_dir_all("/run/sshd");
        plant.project.write("sshd.log", "");
        plant.key("keys/my key #1");
        plant.key("host");
        for member in members {
            let host = plant.start(member, options);
            plant.hosts.push(host);
        }
        plant.record(&json!({ "mqtt": 1883 }));
        plant.know("host");
        Some(plant)
    }

    pub(crate) fn host(&self, member: &str) -> &Host {
        self.hosts.iter().find(|host| host.name == member).unwrap()
    }

    /// Ends the sshd of a member.
    pub(crate) fn stop(&mut self, member: &str) {
        let host = self.hosts.iter_mut().find(|host| host.name == member).unwrap();
        host.process.kill().unwrap();
        host.process.wait().unwrap();
    }

    /// Writes the fleet file, and a state in which all of it is installed.
    pub(crate) fn record(&self, ports: &Value) {
        let mosquitto = json!({ "mosquitto": { "version": "2.0.18-1" } });
        let mut members = String::new();
        let mut instances = json!({});
        for (number, Host { name, address, port, .. }) in self.hosts.iter().enumerate() {
            writeln!(members, "      {name}: {{ address: {address}, port: {port} }}").unwrap();
            instances[format!("plant-edge-{name}")] = json!({
                "group": "edge", "generation": number + 1, "token": format!("{number:040}"),
                "phase": "verified", "since": "2026-11-22T20:00:00Z", "checks": 9,
                "spec": {
                    "provider": "hosts", "broker": mosquitto,
                    "host": { "address": address, "port": port, "identity": "keys/my key #1" },
                },
                "machine": { "id": format!("machine-{name}"), "address": address },
                "installed": { "ports": ports, "version": "2.0.18" },
            });
        }
        let fleet = format!(
            "fleet: plant\nprovider:\n  hosts:\n    identity: 'keys/my key #1'\ngroups:\n  edge:\n    members:\n{members}    \
             broker:\n      mosquitto: {{ version: 2.0.18-1 }}\n"
        );
        let state = json!({
            "version": 1, "fleet": "plant", "lineage": "00112233445566778899aabbccddeeff", "serial": 7,
            "file": "fleets/plant.yaml", "generation": 1, "instances": instances,
        });
        self.project.write("fleets/plant.yaml", fleet);
        self.project.write(".bear/plant/state.json", state.to_string());
    }

    /// Makes the key of this name the one that is known of every host.
    pub(crate) fn know(&self, key: &str) {
        self.key(key);
        let key = self.project.read(&format!("{key}.pub"));
        let lines = self.hosts.iter().map(|host| format!("[{}]:{} {key}", host.address, host.port));
        self.project.write(".bear/plant/known_hosts", lines.collect::<String>());
    }

    /// The fingerprint of the key of this name.
    pub(crate) fn fingerprint(&self, key: &str) -> String {
        let shown = Command::new("ssh-keygen").arg("-lf").arg(self.key(key)).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        shown.split(' ').nth(1).unwrap().to_owned()
    }

    /// Makes a key pair, unless it is there.
    fn key(&self, name: &str) -> PathBuf {
        let path = self.project.path(name);
        if !path.exists() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut keygen = Command::new("ssh-keygen");
            assert!(
                keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().unwrap().success()
            );
        }
        path
    }

    fn start(&self, name: &'static str, options: &[&str]) -> Host {
        let (address, port) = free_address();
        let log = File::options().append(true).open(self.project.path("sshd.log")).unwrap();
        // The file of authorized keys may have no space in its name.
        let authorized = self.project.path("authorized_keys");
        fs::copy(self.project.path("keys/my key #1.pub"), &authorized).unwrap();
        let mut command = Command::new(&self.sshd);
        command.args(["-D", "-e", "-f", "/dev/null"]).arg("-h").arg(self.project.path("host"));
        let authorized = format!("AuthorizedKeysFile={}", authorized.display());
        let listen = format!("ListenAddress={address}:{port}");
        let usual = [
            "PidFile=none",
            "UsePAM=no",
            "StrictModes=no",
            "PasswordAuthentication=no",
            &authorized,
            &listen,
        ];
        // A bash that seems to run within another one leaves the user's .bashrc alone.
        for option in options.iter().chain(&usual).chain(&["SetEnv=SHLVL=5"]) {
            command.args(["-o", option]);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut host = Host { name, process, address, port };
        host.wait(&self.project.path("sshd.log"));
        host
    }

    /// The text with what differs from run to run replaced.
    pub(crate) fn redacted(&self, text: &impl ToString) -> String {
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let mut text = text.to_string();
        for host in &self.hosts {
            text = text.replace(&host.address, &format!("[{}]", host.name));
            text = text.replace(&host.port.to_string(), "[PORT]");
        }
        let text = text.replace(&self.project.root().display().to_string(), "[PROJECT]");
        text.replace(&format!("{}@", user.trim()), "[USER]@")
            .replace(&format!("User {}", user.trim()), "User [USER]")
    }
}

impl Host {
    fn wait(&mut self, log: &Path) {
        for _ in 0..1000 {
            let mut banner = [0; 4];
            if let Ok(mut stream) = TcpStream::connect((self.address.as_str(), self.port))
                && stream.read_exact(&mut banner).is_ok()
                && &banner == b"SSH-"
            {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(log).unwrap());
            sleep(Duration::from_millis(10));
        }
        panic!("no sshd answers at {}:{}", self.address, self.port);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for pid in children(self.process.id()) {
            for grandchild in children(pid) {
                kill(grandchild);
            }
            kill(pid);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    // It may have ended by itself in the meantime.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// An address that no other test of this process has, with a port that nobody listens on.
pub(crate) fn free_address() -> (String, u16) {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let address = format!("127.78.{}.{}", number / 250, number % 250 + 1);
    let listener = TcpListener::bind((address.as_str(), 0)).unwrap();
    (address, listener.local_addr().unwrap().port())
}
