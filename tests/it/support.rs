//! What every test stands on: a project of its own, `bear` run in it, and nothing left behind.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

/// How long one command may take before it counts as hanging. Far more than any needs, for slow machines.
const DEADLINE: Duration = Duration::from_mins(10);

/// How long the rest of a command's output may take to be read. It lies in the pipe already.
const PIPE_DEADLINE: Duration = Duration::from_secs(5);

/// A fleet file that is valid and small.
pub(crate) const DEMO: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 3
    broker: embedded
";

/// A state in which one instance of [`DEMO`] is proven and another is not installed. No such process exists, and
/// nothing listens on ports as low as these.
pub(crate) const STATE: &str = r#"{
  "version": 1, "fleet": "demo", "lineage": "00112233445566778899aabbccddeeff", "serial": 7,
  "file": "fleets/demo.yaml", "generation": 2,
  "instances": {
    "demo-broker-1": {
      "group": "broker", "spec": { "provider": "local", "broker": { "embedded": {} } }, "generation": 1,
      "token": "0000000000000000000000000000000000000001", "phase": "verified", "since": "2026-11-22T20:00:00Z",
      "machine": { "id": "demo-broker-1", "address": "127.0.0.1" },
      "installed": {
        "ports": { "mqtt": 1, "ws": 2, "dashboard": 3 }, "version": "0.1.0",
        "process": { "pid": 4000000000, "started": 1 }
      },
      "checks": 9
    },
    "demo-broker-2": {
      "group": "broker", "spec": { "provider": "local", "broker": { "embedded": {} } }, "generation": 2,
      "token": "0000000000000000000000000000000000000002", "phase": "created", "since": "2026-11-22T20:00:01Z",
      "machine": { "id": "demo-broker-2", "address": "127.0.0.1" },
      "unfinished": { "step": "install", "error": "port 4 is taken" }
    }
  }
}"#;

/// A folder with fleet files in which `bear` is run as a person would, with an environment of its own.
pub(crate) struct Project {
    folder: TempDir,
    root: PathBuf,
    environment: Vec<(String, String)>,
}

impl Project {
    /// A project without any file.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("project");
        // What makes it a project of its own, wherever the folder for temporary files lies.
        fs::create_dir_all(root.join(".git")).unwrap();
        Self { folder, root, environment: Vec::new() }
    }

    /// A project with the fleet file `fleets/demo.yaml`.
    pub(crate) fn demo() -> Self {
        Self::new().with("fleets/demo.yaml", DEMO)
    }

    /// A project in which [`STATE`] is recorded for `fleets/demo.yaml`.
    pub(crate) fn deployed() -> Self {
        Self::demo().with(".bear/demo/state.json", STATE)
    }

    /// The same project with one more file.
    pub(crate) fn with(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    /// The same project with one more variable in the environment of every command.
    pub(crate) fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Writes a file, over another one if need be.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Where a file of the project is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Runs `bear` with the words of `arguments` and waits for its end.
    pub(crate) fn bear(&self, arguments: &str) -> Outcome {
        self.bear_with(arguments.split_whitespace())
    }

    /// Runs `bear` with arguments that may hold spaces.
    pub(crate) fn bear_with(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
        self.bear_in("", arguments)
    }

    /// Runs `bear` in a folder of the project.
    pub(crate) fn bear_in(
        &self,
        folder: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Outcome {
        let mut command = self.command(arguments);
        command.current_dir(self.root.join(folder));
        Outcome::of(command.spawn().unwrap(), &self.root)
    }

    /// `bear` with these arguments, not yet started: its output goes to pipes, and its input is empty.
    pub(crate) fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bear"));
        command.args(arguments).current_dir(&self.root).env_clear().envs(self.variables());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What stands in the environment of every command.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let defaults = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", self.folder.path().display().to_string()),
            ("USER", "ann".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            // Tests run at the same time, and so must share what is known about the ports of this machine.
            ("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state").to_owned()),
        ];
        let defaults = defaults.map(|(name, value)| (name.to_owned(), value));
        defaults.into_iter().chain(self.environment.clone())
    }

    /// Every file of the project and its content, to see what a command changed.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    files.push((path.strip_prefix(&self.root).unwrap().to_path_buf(), content));
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Project {
    /// Ends the brokers that were started here, also where a test failed before it could do so itself.
    fn drop(&mut self) {
        // A bear that is still at work may start one while the processes are listed, so they are listed until there is none.
        for _ in 0..500 {
            let left = processes_in(&self.root);
            if left.is_empty() {
                return;
            }
            for pid in left {
                // It may be gone already.
                let _ = kill_process(pid, Signal::KILL);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}

/// The processes that work in a folder, as every broker does in that of its instance.
fn processes_in(folder: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let working_here = processes.filter_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw)?;
        fs::read_link(process.path().join("cwd")).ok()?.starts_with(folder).then_some(pid)
    });
    working_here.collect()
}

/// How a command ended and what it wrote. As text, it is what a snapshot shows.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    root: PathBuf,
}

impl Outcome {
    /// Waits for the end of a command whose output goes to pipes.
    pub(crate) fn of(mut child: Child, root: &Path) -> Self {
        let stdout = Reader::of(child.stdout.take());
        let stderr = Reader::of(child.stderr.take());
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > DEADLINE => {
                    child.kill().unwrap();
                    panic!("bear hangs; it wrote:\n{}", stderr.text());
                }
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        Self { status, stdout: stdout.text(), stderr: stderr.text(), root: root.to_path_buf() }
    }

    /// The exit status; the signal with a minus before it where there is none.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| -self.status.signal().unwrap_or_default())
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// The outcome, which must be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code(), 0, "{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status: {}", self.code())?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                let text = text.replace(&*self.root.to_string_lossy(), "[PROJECT]");
                write!(f, "\n----- {name} -----\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

/// Reads a pipe while a command writes to it.
struct Reader {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let read = Arc::clone(&bytes);
        let thread = thread::spawn(move || {
            let mut block = [0; 4096];
            if let Some(mut pipe) = pipe {
                while let Ok(count @ 1..) = pipe.read(&mut block) {
                    read.lock().unwrap().extend_from_slice(&block[..count]);
                }
            }
        });
        Self { bytes, thread }
    }

    /// All that was written, once the command has ended. What the command left running may hold the pipe open for
    /// ever, but then it is empty.
    fn text(self) -> String {
        let begun = Instant::now();
        while !self.thread.is_finished() && begun.elapsed() < PIPE_DEADLINE {
            thread::sleep(Duration::from_millis(2));
        }
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }
}

/// A terminal, and what opens the side of it that programs see.
pub(crate) fn terminal() -> (File, impl Fn() -> File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    (File::from(terminal), move || File::options().read(true).write(true).open(&name).unwrap())
}

/// What differs from run to run, and what stands for it in snapshots.
pub(crate) const FILTERS: [(&str, &str); 4] = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\d+\.\d+s\b", "[SECONDS]"),
    (r"process \d+", "process [PID]"),
    (r"\b[0-9a-f]{32,40}\b", "[ID]"),
];

/// Holds an outcome against a snapshot.
macro_rules! check {
    ($outcome:expr, @$expected:literal) => {
        insta::with_settings!({ filters => crate::support::FILTERS }, {
            insta::assert_snapshot!($outcome.to_string(), @$expected);
        })
    };
}

pub(crate) use check;
