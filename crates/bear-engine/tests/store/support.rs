//! Fleets to test with, records that tell their own serial, and processes to kill.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bear_core::fleet::Spec;
use bear_core::fleet::model::{Broker, Embedded, Ports, ProviderKind};
use bear_core::name::{FleetName, GroupName, InstanceName};
use bear_core::state::v1::{Machine, Record, State};
use bear_engine::store::{FileStore, FleetFolder, FleetLock, Holder, StoreError};
use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) fn fleet() -> FleetName {
    FleetName::new("demo").unwrap()
}

/// An empty project and the folder of its fleet.
pub(crate) fn project() -> (TempDir, FleetFolder) {
    let project = tempfile::tempdir().unwrap();
    let folder = FleetFolder::new(project.path(), &fleet());
    (project, folder)
}

pub(crate) fn holder() -> Holder {
    Holder {
        user: "ann".into(),
        host: "mill".into(),
        pid: std::process::id(),
        boot_id: "b007".into(),
        command: "bear apply".into(),
        since: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn take(folder: &FleetFolder) -> Result<FleetLock, StoreError> {
    FleetLock::take(folder, &holder(), Duration::ZERO, |_| {})
}

pub(crate) fn open(folder: &FleetFolder) -> Result<FileStore, StoreError> {
    FileStore::open(take(folder)?, &fleet(), || "0123456789abcdef".into())
}

/// The record that makes the state of this serial. Five instances at a time are made, proven and destroyed.
pub(crate) fn record(serial: u64) -> Record {
    let at = Timestamp::from_second(i64::try_from(serial).unwrap()).unwrap();
    let instance = instance(serial / 4 % 5);
    match serial % 4 {
        0 => create(serial, instance),
        1 => Record::Created { at, instance, machine: Machine::new(format!("m-{serial}"), "127.0.0.1") },
        2 => Record::Verified { at, instance, checks: 12 },
        _ if serial.is_multiple_of(3) => Record::Destroyed { at, instance },
        _ => Record::VerifyBegan { at, instance },
    }
}

pub(crate) fn records(serials: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    serials.map(record).collect()
}

pub(crate) fn create(serial: u64, instance: InstanceName) -> Record {
    let spec = Spec {
        provider: ProviderKind::Local,
        region: None,
        machine: None,
        host: None,
        login: None,
        install: None,
        broker: Broker::Embedded(Embedded::default()),
        ports: Ports::default(),
        keep_data: false,
    };
    Record::CreateBegan {
        at: Timestamp::from_second(i64::try_from(serial).unwrap()).unwrap(),
        instance,
        group: GroupName::new("broker").unwrap(),
        spec,
        generation: serial,
        token: format!("token-{serial}"),
        launch: None,
    }
}

pub(crate) fn instance(index: u64) -> InstanceName {
    InstanceName::new(format!("demo-broker-{index}")).unwrap()
}

/// The state that so many of [`record`]'s records make.
pub(crate) fn state(serial: u64) -> State {
    let mut state = State::new(fleet(), "0123456789abcdef".into());
    for record in records(1..=serial) {
        state.apply(&record);
    }
    state
}

/// What the error says and what it advises, without the folder of this run.
pub(crate) fn shown(error: &StoreError, project: &Path) -> String {
    let help = error.help().unwrap_or_else(|| "-".into());
    format!("{error}\n{help}").replace(project.to_str().unwrap(), "PROJECT")
}

/// Another process, which runs one of the ignored tests of this program.
pub(crate) struct Other {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

/// Where [`Other`] works.
const FOLDER: &str = "BEAR_TEST_PROJECT";

/// The fleet's folder that this process was started for; none if nobody started it for one.
pub(crate) fn given_folder() -> Option<FleetFolder> {
    Some(FleetFolder::new(Path::new(&std::env::var_os(FOLDER)?), &fleet()))
}

/// Says something to the test that started this process.
#[expect(clippy::print_stdout, reason = "the other process has no other way to answer")]
pub(crate) fn say(words: &str) {
    println!("said: {words}");
}

impl Other {
    pub(crate) fn start(test: &str, project: &Path) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), test, project)
    }

    /// Where no file may grow beyond `blocks` of 512 or 1024 bytes, whichever the shell counts in.
    pub(crate) fn start_without_room(blocks: u32, test: &str, project: &Path) -> Self {
        let mut shell = Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.arg("-c").arg(limited).arg(std::env::current_exe().unwrap());
        Self::start_by(shell, test, project)
    }

    fn start_by(mut command: Command, test: &str, project: &Path) -> Self {
        command.args(["--exact", test, "--ignored", "--nocapture"]).env(FOLDER, project);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next thing that it says; none once it has come to its end.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.said.find_map(|line| Some(line.ok()?.split_once("said: ")?.1.to_owned()))
    }

    /// SIGKILL, and what it had said before.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        let rest = std::iter::from_fn(|| self.next()).collect();
        self.process.wait().unwrap();
        rest
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
