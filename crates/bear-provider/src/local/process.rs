//! Processes of this machine: which one is meant, whether it lives, and how it is ended without ever touching another.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::state::v1::Process;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::time::{sleep, timeout};

use super::error::{self, IO};

/// How long a broker may take to end after SIGTERM; its own promise is 5 s.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long the kernel may take to end a process after SIGKILL.
const KILL_MAX: Duration = Duration::from_secs(5);

/// The pause between two looks at a process that is about to end.
const PAUSE: Duration = Duration::from_millis(5);

/// The process that has this id now; none if there is none, or only the entry that a dead one leaves for its parent.
pub(super) fn find(pid: u32) -> io::Result<Option<Process>> {
    match fs::read_to_string(proc(pid, "stat")) {
        Ok(stat) => {
            let stat = Stat::parse(&stat).ok_or(ErrorKind::InvalidData)?;
            Ok((!stat.is_dead()).then_some(Process { pid, started: stat.started }))
        }
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether this very process lives: a later one with its id started at another time.
pub(super) fn is_alive(process: Process) -> io::Result<bool> {
    Ok(find(process.pid)? == Some(process))
}

/// What a line of `/proc/PID/stat` says, `proc_pid_stat(5)`.
#[derive(Debug, PartialEq)]
struct Stat<'a> {
    /// Field 3.
    state: &'a str,
    /// Field 20: how many threads it has.
    threads: u32,
    /// Field 22: when it started, in clock ticks since boot.
    started: u64,
}

impl<'a> Stat<'a> {
    /// The name of the program, field 2, stands in parentheses and may hold anything, so the fields are counted from
    /// its end.
    fn parse(line: &'a str) -> Option<Self> {
        let (_, after_name) = line.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace();
        let state = fields.next()?;
        let threads = fields.nth(16)?.parse().ok()?;
        let started = fields.nth(1)?.parse().ok()?;
        Some(Self { state, threads, started })
    }

    /// A process whose first thread has ended lives on in its others: they keep its sockets and its locks.
    fn is_dead(&self) -> bool {
        matches!(self.state, "Z" | "X") && self.threads <= 1
    }
}

/// Where a process works.
#[derive(Debug, PartialEq)]
pub(super) enum WorksIn {
    /// In this folder.
    Here,
    /// In a folder that was deleted.
    Deleted,
    /// Somewhere else.
    Elsewhere,
}

/// Where a process works, compared with `folder` by what it is and not by its name: the folder may have been moved.
/// None if the process is gone.
pub(super) fn works_in(pid: u32, folder: &Path) -> io::Result<Option<WorksIn>> {
    let cwd = proc(pid, "cwd");
    let (link, theirs) = match fs::read_link(&cwd).and_then(|link| Ok((link, fs::metadata(&cwd)?))) {
        Ok(found) => found,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let same = match fs::metadata(folder) {
        Ok(ours) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    // The kernel marks the link of a deleted folder so, `proc_pid_cwd(5)`.
    let deleted = link.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
    Ok(Some(match (same, deleted) {
        (true, _) => WorksIn::Here,
        (false, true) => WorksIn::Deleted,
        (false, false) => WorksIn::Elsewhere,
    }))
}

/// The environment that a process was started with, as `name=value` texts ended by zero bytes; empty if it is gone.
pub(super) fn environment(pid: u32) -> io::Result<Vec<u8>> {
    match fs::read(proc(pid, "environ")) {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        environment => environment,
    }
}

/// The ids of all processes.
pub(super) fn all() -> io::Result<Vec<u32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(pids)
}

/// A file of `/proc/PID`.
pub(super) fn proc(pid: u32, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{file}"))
}

/// Whether an error of a file of `/proc/PID` says that the process is gone.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::SRCH)
}

/// Ends a process: asks it to, waits up to `grace`, and kills it if it still runs. Returns once it is gone.
pub(super) async fn end(process: Process, grace: Duration) -> Result<(), StepError> {
    match end_held(process, grace).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(error::will_not_end(process.pid, KILL_MAX)),
        Err(error) => Err(StepError::permanent(IO, format!("ending process {}: {error}", process.pid))),
    }
}

async fn end_held(process: Process, grace: Duration) -> io::Result<bool> {
    let Some(held) = hold(process)? else {
        return Ok(true);
    };
    for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, KILL_MAX)] {
        match rustix::process::pidfd_send_signal(&held, signal) {
            Err(Errno::SRCH) => return Ok(true),
            sent => sent?,
        }
        if let Ok(ended) = timeout(patience, has_ended(process)).await {
            return ended.map(|()| true);
        }
    }
    Ok(false)
}

async fn has_ended(process: Process) -> io::Result<()> {
    while is_alive(process)? {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Takes hold of a process, so that a signal can't reach a later one with the same id. None if it is gone.
///
/// The start time is compared again *after* the hold is taken: from then on the id can't pass to another process unnoticed.
fn hold(process: Process) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    if !is_alive(process)? {
        return Ok(None);
    }
    let held = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(None),
        held => held?,
    };
    Ok(is_alive(process)?.then_some(held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    struct Running(Child);

    impl Running {
        fn sh(script: &str) -> Self {
            Self(Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap())
        }

        fn process(&self) -> Process {
            find(self.0.id()).unwrap().unwrap()
        }

        /// Waits for the first line that the script writes.
        fn first_line(&mut self) {
            use std::io::BufRead;
            let stdout = self.0.stdout.as_mut().unwrap();
            std::io::BufReader::new(stdout).read_line(&mut String::new()).unwrap();
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn fields_are_counted_from_the_end_of_the_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 567890 20 21";
        for name in ["sh", "a b", "x) S 9 (y", ")"] {
            let line = format!("4711 ({name}) {rest}\n");
            assert_eq!(
                Stat::parse(&line),
                Some(Stat { state: "S", threads: 17, started: 567_890 }),
                "{name}"
            );
        }
        assert_eq!(Stat::parse("4711 (sh) S 1 2"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn a_process_is_dead_only_with_its_last_thread() {
        let stat = |state, threads| Stat { state, threads, started: 0 };
        assert!(stat("Z", 1).is_dead() && stat("X", 0).is_dead());
        assert!(!stat("Z", 2).is_dead() && !stat("S", 1).is_dead());
    }

    #[tokio::test]
    async fn a_process_that_ignores_sigterm_is_killed() {
        let mut stubborn = Running::sh("trap '' TERM; echo ready; while :; do sleep 0.05; done");
        stubborn.first_line();
        let process = stubborn.process();
        end(process, Duration::from_millis(50)).await.unwrap();
        // It is a zombie until its parent, this test, has asked how it ended: dead all the same.
        assert!(!is_alive(process).unwrap());
        end(process, GRACE).await.unwrap();
    }

    #[tokio::test]
    async fn a_later_process_with_the_same_id_is_left_alone() {
        let other = Running::sh("sleep 30");
        let process = other.process();
        let earlier = Process { started: process.started - 1, ..process };
        assert!(!is_alive(earlier).unwrap());
        end(earlier, GRACE).await.unwrap();
        assert!(is_alive(process).unwrap());
        end(Process { pid: 0, started: 0 }, GRACE).await.unwrap();
        end(Process { pid: u32::MAX, started: 0 }, GRACE).await.unwrap();
    }

    #[test]
    fn a_folder_is_recognised_wherever_it_went() {
        let project = tempfile::tempdir().unwrap();
        let (before, after) = (project.path().join("before"), project.path().join("after"));
        fs::create_dir(&before).unwrap();
        let running = Running(
            Command::new("sleep").arg("30").current_dir(&before).stdout(Stdio::piped()).spawn().unwrap(),
        );
        let pid = running.0.id();
        assert_eq!(works_in(pid, &before).unwrap(), Some(WorksIn::Here));
        fs::rename(&before, &after).unwrap();
        assert_eq!(works_in(pid, &after).unwrap(), Some(WorksIn::Here));
        fs::create_dir(&before).unwrap();
        assert_eq!(works_in(pid, &before).unwrap(), Some(WorksIn::Elsewhere));
        fs::remove_dir(&after).unwrap();
        assert_eq!(works_in(pid, &before).unwrap(), Some(WorksIn::Deleted));
    }
}
