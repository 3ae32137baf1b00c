//! A scratch project: a folder of its own with a fleet of local brokers, `bear` run in it, and the truth about what
//! runs there, seen without asking bear.

mod run;
mod truth;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use run::{Outcome, Running};
pub(crate) use truth::{Broker, mqtt_answers};

/// The name of the fleet of every scratch project.
pub(crate) const FLEET: &str = "torture";

/// The fleet file, from the folder of the project on.
pub(crate) const FILE: &str = "fleets/torture.yaml";

/// How long one command may take before it counts as hanging. Far more than any needs, for slow machines.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// What a fleet file of brokers of this machine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fleet {
    /// How many brokers.
    pub(crate) count: usize,
    /// Whether their clients need a password. To change that restarts every broker.
    pub(crate) password: bool,
}

impl Fleet {
    /// A fleet of so many brokers that let everybody in.
    pub(crate) const fn of(count: usize) -> Self {
        Self { count, password: false }
    }

    fn text(self) -> String {
        let broker =
            if self.password { "{ embedded: { authentication: { username: ann } } }" } else { "embedded" };
        format!(
            "fleet: {FLEET}\nprovider: local\ngroups:\n  broker:\n    count: {}\n    broker: {broker}\n",
            self.count
        )
    }
}

/// A folder in which `bear` is run as a person would. Whatever runs in it is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Project {
    bear: PathBuf,
    root: PathBuf,
    state_home: PathBuf,
    variables: Vec<(String, String)>,
    /// Removed at the end.
    folder: Option<TempDir>,
}

impl Project {
    /// A project in a new folder. Projects that exist at the same time must have one `state_home`, where bear writes
    /// down whose the ports of this machine are, unless each has a network of its own.
    pub(crate) fn new(bear: &Path, state_home: &Path) -> Result<Self, String> {
        // In memory where that is possible, so that a disk that others keep busy makes no check fail.
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("bear-").tempdir_in(above);
        let folder = folder.map_err(|error| format!("could not make a folder to work in: {error}"))?;
        let mut project = Self::at(bear, &folder.path().join("project"), state_home)?;
        project.folder = Some(folder);
        Ok(project)
    }

    /// A project in this folder, which the caller removes.
    pub(crate) fn at(bear: &Path, root: &Path, state_home: &Path) -> Result<Self, String> {
        let made = fs::create_dir_all(root.join("fleets")).and_then(|()| {
            // What makes it a project of its own, wherever the folder for temporary files lies.
            fs::create_dir_all(root.join(".git"))?;
            root.canonicalize()
        });
        Ok(Self {
            bear: bear.to_path_buf(),
            root: made.map_err(failed("make", root))?,
            state_home: state_home.to_path_buf(),
            variables: Vec::new(),
            folder: None,
        })
    }

    /// The same project with one more variable in the environment of every command.
    pub(crate) fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The folder of the project.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where everything about the fleet is recorded: `.bear/<fleet>`.
    pub(crate) fn records(&self) -> PathBuf {
        self.root.join(".bear").join(FLEET)
    }

    /// Writes the fleet file.
    pub(crate) fn write(&self, fleet: Fleet) -> Result<(), String> {
        let file = self.root.join(FILE);
        fs::write(&file, fleet.text()).map_err(failed("write", &file))
    }

    /// `bear` with these words as arguments, not yet started.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(&self.bear);
        command.args(words.split_whitespace()).current_dir(&self.root).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", &self.state_home).env("XDG_STATE_HOME", &self.state_home);
        command.env("USER", "ann").env("LANG", "C.UTF-8");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `bear` with these words as arguments.
    pub(crate) fn start(&self, words: &str) -> Result<Running, String> {
        Running::start(self.command(words), format!("bear {words}"))
    }

    /// Runs `bear` with these words as arguments to its end.
    pub(crate) fn bear(&self, words: &str) -> Result<Outcome, String> {
        self.start(words)?.wait(PATIENCE)
    }

    /// What bear has recorded, as `bear state show` tells it; null where it has recorded nothing.
    pub(crate) fn state(&self) -> Result<Value, String> {
        let outcome = self.bear("state show --json")?.expect(0)?;
        if outcome.stdout.is_empty() { Ok(Value::Null) } else { outcome.json() }
    }

    /// Every broker of this project that runs, sorted by instance.
    pub(crate) fn brokers(&self) -> Result<Vec<Broker>, String> {
        truth::brokers(&self.root).map_err(failed("look for brokers in", Path::new("/proc")))
    }

    /// Every machine of this project, sorted: the name of its folder, and the token in it.
    pub(crate) fn machines(&self) -> Result<Vec<(String, Option<String>)>, String> {
        let folder = self.records().join("instances");
        truth::machines(&folder).map_err(failed("look into", &folder))
    }

    /// Where bear writes down whose the ports of this machine are.
    pub(crate) fn ports_folder(&self) -> PathBuf {
        self.state_home.join("bear/ports")
    }

    /// How many ports are still written down as belonging to this project.
    pub(crate) fn claims(&self) -> Result<usize, String> {
        let book = self.ports_folder().join("ports.json");
        let text = match fs::read_to_string(&book) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(failed("read", &book))?,
        };
        Ok(text.matches(&format!("{}/", self.root.display())).count())
    }

    /// Ends every broker of this project at once, as a loss of power would.
    pub(crate) fn kill_brokers(&self) -> Result<(), String> {
        self.brokers()?.iter().try_for_each(Broker::kill)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // One that was being started meanwhile shows up only now and then; none does twice in a row.
        for _ in 0..3 {
            let _ = self.kill_brokers();
        }
    }
}

/// Turns an error with a file into one line.
pub(crate) fn failed<'a>(attempt: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> String + 'a {
    move |error| format!("could not {attempt} {}: {error}", path.display())
}
