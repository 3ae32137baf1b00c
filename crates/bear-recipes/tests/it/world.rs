//! A host in a temporary folder: its files below one root, its programs stand-ins on PATH.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bear_recipes::{Certificate, Nonce, Outcome, Owner, Recipe, Script, Setting, Transcript, render};
use tempfile::TempDir;

/// The word that marks the reports of a run of that number; one that is only looked at has the number 5678.
fn nonce(number: usize) -> Nonce {
    Nonce::new(format!("n0nce{number:04}")).unwrap()
}

/// The time of all tests' fleets, unless a test says otherwise.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// What holds for a script below this root.
pub(crate) fn setting(root: &str) -> Setting {
    Setting { nonce: nonce(5678), root: root.to_owned(), lock_wait_seconds: 1 }
}

/// The instance that the hosts of all tests are, unless a test says otherwise.
pub(crate) fn owner() -> Owner {
    let [fleet, lineage, instance, token] = ["plant", "5f3c", "plant-edge-1", "t0ken1"].map(String::from);
    Owner { fleet, lineage, instance, token }
}

/// A certificate that looks like one.
pub(crate) fn certificate(body: &str) -> Certificate {
    let pem = |what: &str, body: &str| format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
    Certificate {
        chain: pem("CERTIFICATE", body),
        key: pem("PRIVATE KEY", "hunter2-private-key-of-a-broker"),
        authorities: None,
    }
}

const PROGRAMS: [&str; 28] = [
    "apt-get",
    "apt-cache",
    "apt-mark",
    "dpkg",
    "dpkg-query",
    "chown",
    "stat",
    "id",
    "docker",
    "systemctl",
    "mosquitto_passwd",
    "curl",
    "snap",
    "sleep",
    "sync",
    "journalctl",
    "timedatectl",
    "sysctl",
    "modprobe",
    "gpg",
    "cloud-init",
    "update-ca-certificates",
    "hostname",
    "udevadm",
    "ip",
    "ss",
    "sshd",
    "ssh-keygen",
];

/// Where the connection is lost: before or after the call of a program of that number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) when: &'static str,
    pub(crate) at: usize,
}

/// One run of a script.
pub(crate) struct Run {
    pub(crate) transcript: Transcript,
    pub(crate) stderr: String,
}

/// A host.
pub(crate) struct World {
    folder: TempDir,
    shell: &'static str,
    runs: Cell<usize>,
}

impl World {
    /// A host with nothing on it, whose scripts run in this shell.
    pub(crate) fn new(shell: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, shell, runs: Cell::new(0) };
        for name in ["bin", "stub", "root/run", "root/etc", "root/var/lib/cloud/instance"] {
            fs::create_dir_all(world.path(name)).unwrap();
        }
        for name in [
            "packages",
            "held",
            "auto",
            "active",
            "enabled",
            "containers",
            "images",
            "volumes",
            "listening",
            "owners",
            "fail",
        ] {
            fs::create_dir(world.path("stub").join(name)).unwrap();
        }
        let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/stub.sh");
        fs::copy(stub, world.path("stub/stub.sh")).unwrap();
        fs::set_permissions(world.path("stub/stub.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        for program in PROGRAMS {
            symlink(world.path("stub/stub.sh"), world.path("bin").join(program)).unwrap();
        }
        world.write("root/etc/os-release", "ID=ubuntu\nVERSION_ID=22.04\nVERSION_CODENAME=jammy\n");
        world.write("root/var/lib/cloud/instance/boot-finished", "");
        world.write("stub/available", "mosquitto 2.0.11-1\nmosquitto 2.0.18-1\n");
        world.write("stub/calls", "");
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes to a file as root does, whatever its mode.
    pub(crate) fn change(&self, name: &str, text: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        self.write(name, text);
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The calls of programs so far.
    pub(crate) fn calls(&self) -> String {
        self.read("stub/calls")
    }

    /// Makes a program fail whose words contain this.
    pub(crate) fn fail(&self, program: &str, words: &str, status: u8, output: &str) {
        self.write(&format!("stub/fail/{program}"), &format!("{words}\n{status}\n{output}\n"));
    }

    pub(crate) fn mend(&self, program: &str) {
        fs::remove_file(self.path(&format!("stub/fail/{program}"))).unwrap();
    }

    pub(crate) fn script(&self, recipes: &[Recipe]) -> Script {
        render(recipes, &self.setting()).unwrap()
    }

    fn setting(&self) -> Setting {
        setting(self.path("root").to_str().unwrap())
    }

    pub(crate) fn run(&self, recipes: &[Recipe]) -> Run {
        self.run_cut(recipes, None)
    }

    pub(crate) fn run_cut(&self, recipes: &[Recipe], cut: Option<Cut>) -> Run {
        self.write("stub/calls", "");
        self.runs.set(self.runs.get() + 1);
        let nonce = nonce(self.runs.get());
        let script = render(recipes, &Setting { nonce: nonce.clone(), ..self.setting() }).unwrap();
        let mut command = Command::new(self.shell);
        command.arg("-s").env_clear().env("STUB", self.path("stub"));
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        if let Some(Cut { when, at }) = cut {
            command.env("CUT_WHEN", when).env("CUT_AT", at.to_string());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        self.write("stub/shell", &child.id().to_string());
        // A shell that was cut off reads no further.
        let _ = child.stdin.take().unwrap().write_all(script.text().as_bytes());
        let output = child.wait_with_output().unwrap();
        let mut transcript = Transcript::new(nonce);
        transcript.push(&output.stdout);
        Run { transcript, stderr: String::from_utf8(output.stderr).unwrap() }
    }

    /// Every file that bear is responsible for and every truth of the host, by name.
    pub(crate) fn picture(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for start in [
            "root/etc",
            "root/var/lib/bear",
            "stub/packages",
            "stub/held",
            "stub/active",
            "stub/enabled",
            "stub/containers",
            "stub/images",
            "stub/volumes",
        ] {
            collect(&self.path(start), &mut files, self.folder.path());
        }
        files
    }
}

fn collect(path: &Path, files: &mut BTreeMap<String, String>, base: &Path) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files, base);
        }
    } else if let Ok(text) = fs::read_to_string(path) {
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let name = path.strip_prefix(base).unwrap().display().to_string();
        files.insert(name, format!("{mode:o} {}", text.replace(base.to_str().unwrap(), "")));
    }
}

impl Run {
    /// How it went, in one line a block, for snapshots.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for ended in self.transcript.ended() {
            writeln!(text, "{} {:?}", ended.block, ended.end).unwrap();
        }
        match self.transcript.outcome() {
            Outcome::Done { changed } => writeln!(text, "done, {changed} changed").unwrap(),
            Outcome::Cut { block } => writeln!(text, "cut in {block:?}").unwrap(),
            Outcome::Failed(failure) => {
                if let Some((cause, why)) = failure.why {
                    writeln!(text, "why {cause:?}: {why}").unwrap();
                }
                for line in failure.last_lines {
                    writeln!(text, "| {line}").unwrap();
                }
            }
        }
        text
    }

    #[track_caller]
    pub(crate) fn assert_done(&self, changed: usize) {
        assert_eq!(
            self.transcript.outcome(),
            Outcome::Done { changed },
            "{}\n{}",
            self.summary(),
            self.stderr
        );
        assert_eq!(self.stderr, "");
    }
}
