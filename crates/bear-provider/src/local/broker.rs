//! The broker of an instance: which process it is, and how it is started so that it outlives bear.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bear_core::event::StepError;
use bear_core::state::v1::Process;
use serde::Deserialize;
use tokio::process::Child;

use super::error::{self, IO};
use super::files::SPEC_FILE;
use super::listener;
use super::process::{self, WorksIn};

/// The file in an instance's folder that its broker writes to.
pub(super) const LOG_FILE: &str = "broker.log";

/// The file in an instance's folder that its broker holds a lock on, and writes into who it is.
const LOCK_FILE: &str = "broker.lock";

/// From this size on, in bytes, a log is put aside before the next start.
const LOG_MAX: u64 = 1 << 20;

/// How much of the end of a log is read, in bytes: room enough for 20 long lines.
const TAIL_MAX: u64 = 64 << 10;

/// Tells every broker of this provider from all other processes, and which folder it was started for.
const FOLDER_VARIABLE: &str = "BEAR_BROKER_FOLDER";

/// What a broker was started with: [`super::files::Files::digest`].
const DIGEST_VARIABLE: &str = "BEAR_BROKER_DIGEST";

/// All that a broker gets of bear's environment. Anyone who may read `/proc/PID/environ` can read it there for as long
/// as the broker runs, so nothing that could be a secret is among it.
const PASSED_ON: [&str; 2] = ["RUST_LOG", "RUST_BACKTRACE"];

/// The broker that runs in a folder: the process that its lock file names, if it lives and works in that folder.
///
/// The lock itself is not tried: a broker that starts takes it without waiting, and would fail if it were held by a
/// look at it just then. Id, start time and folder together say the same. A lock file that can't be understood is
/// being written by a broker that starts; it counts as not running yet.
pub(super) fn running(folder: &Path) -> Result<Option<Process>, StepError> {
    #[derive(Deserialize)]
    struct Holder {
        pid: u32,
        start_time: u64,
    }
    let path = folder.join(LOCK_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error::failed("reading", &path, error)),
    };
    let Ok(holder) = serde_json::from_slice::<Holder>(&bytes) else {
        return Ok(None);
    };
    let process = Process { pid: holder.pid, started: holder.start_time };
    match lives_in(process, folder) {
        Ok(lives_here) => Ok(lives_here.then_some(process)),
        Err(error) => Err(asking(process, &error)),
    }
}

/// Whether a process lives, and works in this folder.
pub(super) fn lives_in(process: Process, folder: &Path) -> io::Result<bool> {
    Ok(process::is_alive(process)? && process::works_in(process.pid, folder)? == Some(WorksIn::Here))
}

/// The brokers that run in a folder and are not [`running`] there, because their lock file was deleted or damaged. One
/// takes the lock before it listens, so those that just start are not among them.
pub(super) fn hidden(folder: &Path) -> Result<Vec<Process>, StepError> {
    // To ask every process of the machine takes a while, and most folders never had a broker yet.
    if !folder.join(LOG_FILE).exists() {
        return Ok(Vec::new());
    }
    let mut hidden = Brokers::of_this_machine()?.of(folder);
    hidden.retain(|process| listener::listens(process.pid));
    let known = if hidden.is_empty() { None } else { running(folder)? };
    hidden.retain(|process| Some(*process) != known);
    Ok(hidden)
}

fn asking(process: Process, error: &io::Error) -> StepError {
    StepError::permanent(IO, format!("asking who process {} is: {error}", process.pid))
}

/// What a broker was started with; none if it is gone, or was not started by this provider.
pub(super) fn digest_of(process: Process) -> Result<Option<String>, StepError> {
    let environment = process::environment(process.pid).map_err(|error| asking(process, &error))?;
    let digest =
        variable(&environment, DIGEST_VARIABLE).map(|digest| String::from_utf8_lossy(digest).into_owned());
    Ok(digest)
}

fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environment
        .split(|&byte| byte == 0)
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Every broker of this user on this machine, with the folder it was started for. It knows what no lock file tells: a
/// broker whose folder was deleted, and one that was started a moment ago.
#[derive(Clone, Debug)]
pub(super) struct Brokers(Vec<(Process, PathBuf)>);

impl Brokers {
    pub(super) fn of_this_machine() -> Result<Self, StepError> {
        let pids = process::all().map_err(error::io("reading", Path::new("/proc")))?;
        Ok(Self(pids.into_iter().filter_map(started_for).collect()))
    }

    /// Those that were started for this folder and work in it, or in the one of that name before it was deleted.
    pub(super) fn of(&self, folder: &Path) -> Vec<Process> {
        let candidates = self.0.iter().filter(|(_, started_for)| started_for == folder);
        candidates.map(|&(process, _)| process).filter(|process| is_at_home(process.pid, folder)).collect()
    }

    /// Those that were started for a folder straight below `instances`, with the name of that folder, wherever it is now.
    pub(super) fn below(&self, instances: &Path) -> impl Iterator<Item = (&str, Process)> {
        self.0.iter().filter_map(move |(process, folder)| {
            let name = folder.strip_prefix(instances).ok()?.to_str()?;
            is_at_home(process.pid, folder).then_some((name, *process))
        })
    }

    /// The broker that this process is, by the folder it was started for.
    pub(super) fn folder_of(&self, pid: u32) -> Option<&Path> {
        self.0.iter().find(|(process, _)| process.pid == pid).map(|(_, folder)| folder.as_path())
    }
}

/// A process that can't be asked belongs to somebody else, or is gone.
fn started_for(pid: u32) -> Option<(Process, PathBuf)> {
    let environment = process::environment(pid).ok()?;
    let folder = variable(&environment, FOLDER_VARIABLE)?;
    let process = process::find(pid).ok()??;
    Some((process, PathBuf::from(std::ffi::OsString::from_vec(folder.to_vec()))))
}

fn is_at_home(pid: u32, folder: &Path) -> bool {
    matches!(process::works_in(pid, folder), Ok(Some(WorksIn::Here | WorksIn::Deleted)))
}

/// A broker that was just started.
pub(super) struct Started {
    pub(super) child: Child,
    /// Where in the log its first line stands, in bytes.
    pub(super) log_begin: u64,
}

/// Starts a broker in a process group of its own, so that Ctrl-C in bear's terminal does not reach it.
pub(super) fn start(program: &Path, folder: &Path, digest: &str) -> Result<Started, StepError> {
    let path = folder.join(LOG_FILE);
    let (log, log_begin) = open_log(&path).map_err(error::io("writing", &path))?;
    let errors = log.try_clone().map_err(error::io("writing", &path))?;
    let mut command = Command::new(program);
    command.arg("__broker").arg("--spec").arg(folder.join(SPEC_FILE)).current_dir(folder);
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    command.env_clear().env(FOLDER_VARIABLE, folder).env(DIGEST_VARIABLE, digest);
    command.envs(PASSED_ON.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let child = tokio::process::Command::from(command).spawn().map_err(error::io("starting", program))?;
    Ok(Started { child, log_begin })
}

fn open_log(path: &Path) -> io::Result<(File, u64)> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > LOG_MAX => fs::rename(path, path.with_extension("log.old"))?,
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let begin = log.metadata()?.len();
    Ok((log, begin))
}

/// The end of what a broker wrote into its log; empty if that can't be read, because it only adds to another error.
pub(super) fn log_since(folder: &Path, begin: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut log = File::open(folder.join(LOG_FILE))?;
        let end = log.metadata()?.len();
        log.seek(SeekFrom::Start(begin.max(end.saturating_sub(TAIL_MAX))))?;
        let mut bytes = Vec::new();
        log.take(TAIL_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environment = b"XBEAR_BROKER_FOLDER=no\0BEAR_BROKER_FOLDERS=no\0BEAR_BROKER_FOLDER=/a=b\0";
        assert_eq!(variable(environment, FOLDER_VARIABLE), Some(b"/a=b".as_slice()));
        assert_eq!(variable(environment, DIGEST_VARIABLE), None);
        assert_eq!(variable(b"", DIGEST_VARIABLE), None);
    }

    #[test]
    fn a_large_log_is_put_aside_and_only_new_lines_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOG_FILE);
        fs::write(&path, "old\n").unwrap();
        assert_eq!(open_log(&path).unwrap().1, 4);
        fs::write(&path, "old\nnew\n").unwrap();
        assert_eq!(log_since(folder.path(), 4), "new\n");
        fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
        assert_eq!(open_log(&path).unwrap().1, 0);
        assert_eq!(fs::metadata(folder.path().join("broker.log.old")).unwrap().len(), 2 << 20);
    }
}
