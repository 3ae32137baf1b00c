//! Doing what goes wrong: before a command of bear, while it runs, and putting right afterwards what can be.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::fault::{Fault, Moment};
use super::process;
use super::world::{Recorded, records};
use crate::project::{Broker, Project, Running, failed};

/// A fault that is being done.
#[derive(Debug)]
pub(super) struct Doing<'a> {
    fault: &'a Fault,
    records: PathBuf,
    /// Whether it took place.
    pub(super) struck: bool,
    listener: Option<TcpListener>,
    frozen: bool,
    paused: Option<Broker>,
}

impl<'a> Doing<'a> {
    /// Does what comes before the command.
    pub(super) fn begin(
        fault: &'a Fault,
        project: &Project,
        fleet: &str,
        recorded: &BTreeMap<String, Recorded>,
    ) -> Result<Self, String> {
        let records = records(project, fleet);
        let mut doing = Self { fault, records, struck: false, listener: None, frozen: false, paused: None };
        let broker = |instance: &String| Broker { instance: instance.clone(), pid: recorded[instance].pid };
        let instances = doing.records.join("instances");
        let folder = |instance: &String| instances.join(instance);
        for instance in fault.touches() {
            if !matches!(fault, Fault::DeleteFolder(_) | Fault::DeleteLock(_)) {
                end(&broker(&instance))?;
            }
        }
        match fault {
            Fault::TakePort(one) => {
                // The system may take a moment to give up the port of a process that was killed.
                super::wait_for("the port of a killed broker", || {
                    doing.listener = TcpListener::bind((Ipv4Addr::LOCALHOST, recorded[one].mqtt)).ok();
                    doing.listener.is_some()
                })?;
            }
            Fault::TearJournal(one) => tear(&folder(one).join("data/journal"))?,
            Fault::DeleteFolder(one) => {
                let folder = folder(one);
                fs::remove_dir_all(&folder).map_err(failed("delete", &folder))?;
            }
            Fault::DeleteLock(one) => {
                let lock = folder(one).join("broker.lock");
                fs::remove_file(&lock).map_err(failed("delete", &lock))?;
            }
            Fault::PauseBroker(one, _) => {
                let broker = broker(one);
                broker.signal(Signal::SIGSTOP)?;
                doing.paused = Some(broker);
            }
            _ => {}
        }
        doing.struck = doing.paused.is_some() || !fault.touches().is_empty();
        Ok(doing)
    }

    /// Does what comes while bear runs, `passed` after its start.
    pub(super) fn go_on(&mut self, bear: &mut Running, passed: Duration) -> Result<(), String> {
        match *self.fault {
            Fault::PauseBroker(_, while_) if passed >= while_ => self.resume(),
            Fault::KillBear(moment) if !self.struck && self.has_come(moment, passed) => {
                self.struck = bear.signal(Signal::SIGKILL);
                Ok(())
            }
            Fault::InterruptBear(moment) if !self.struck && self.has_come(moment, passed) => {
                self.struck = bear.signal(Signal::SIGINT);
                Ok(())
            }
            Fault::ReadOnly(moment) if !self.struck && self.has_come(moment, passed) => {
                self.struck = true;
                self.frozen = true;
                freeze(&self.records, true)
            }
            _ => Ok(()),
        }
    }

    /// Puts right what can be, after the command.
    pub(super) fn end(mut self) -> Result<bool, String> {
        self.undo()?;
        Ok(self.struck)
    }

    fn undo(&mut self) -> Result<(), String> {
        self.listener = None;
        self.resume()?;
        if std::mem::take(&mut self.frozen) { freeze(&self.records, false) } else { Ok(()) }
    }

    fn resume(&mut self) -> Result<(), String> {
        self.paused.take().map_or(Ok(()), |broker| broker.signal(Signal::SIGCONT))
    }

    fn has_come(&self, moment: Moment, passed: Duration) -> bool {
        match moment {
            Moment::After(after) => passed >= after,
            Moment::Lines(lines) => {
                let journal = fs::read_to_string(self.records.join("journal.ndjson")).unwrap_or_default();
                journal.lines().count() >= lines
            }
        }
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        let _ = self.undo();
    }
}

/// Kills a broker, and waits until it does nothing any more.
fn end(broker: &Broker) -> Result<(), String> {
    broker.kill()?;
    super::wait_for("a killed broker to be gone", || process::is_gone(broker.pid))
}

/// Adds what a broker leaves that dies while it writes: the head of an entry, and some of what it announces.
fn tear(journal: &Path) -> Result<(), String> {
    let add = |mut file: File| file.write_all(&[200, 0, 0, 0, 1, 2, 3, 4, 0, 5, 0]);
    File::options().append(true).open(journal).and_then(add).map_err(failed("tear", journal))
}

/// Makes the records of a fleet unwritable, or writable again; the folders of its instances are left alone.
fn freeze(records: &Path, frozen: bool) -> Result<(), String> {
    // Root writes wherever permissions forbid it, but not where a file is immutable.
    let is_root = fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    let mut command = if is_root {
        let mut command = Command::new("chattr");
        command.arg(if frozen { "+i" } else { "-i" });
        command
    } else {
        let mut command = Command::new("chmod");
        command.arg(if frozen { "u-w" } else { "u+w" });
        command
    };
    let status = command.arg(records.join("journal.ndjson")).arg(records).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("could not change whether {} can be written: {other:?}", records.display())),
    }
}
