//! Errors of the `local` provider, and the way onto a thread that may block.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::name::InstanceName;

/// Something is in the place of a machine that is not this machine.
pub(super) const FOLDER_TAKEN: &str = "bear::local::folder_taken";
/// The folder of an instance is not there.
pub(super) const NO_MACHINE: &str = "bear::local::no_machine";
/// A port is in use, or belongs to another instance.
pub(super) const PORT_TAKEN: &str = "bear::local::port_taken";
/// Every port of the range is in use.
pub(super) const NO_PORT_LEFT: &str = "bear::local::no_port_left";
/// Another bear holds the registry of ports for too long.
pub(super) const REGISTRY_BUSY: &str = "bear::local::registry_busy";
/// A broker ended before it answered.
pub(super) const BROKER_ENDED: &str = "bear::local::broker_ended";
/// A broker runs and does not answer.
pub(super) const NOT_READY: &str = "bear::local::not_ready";
/// A process outlives SIGKILL.
pub(super) const WILL_NOT_END: &str = "bear::local::will_not_end";
/// A file or a process can't be read, written or asked.
pub(super) const IO: &str = "bear::local::io";

/// Turns an I/O error into a step's error; `doing` says what was attempted, such as `reading`.
pub(super) fn io<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> StepError + 'a {
    move |error| {
        let help = help(&error, path);
        let failed = failed(doing, path, error);
        help.into_iter().fold(failed, StepError::with_help)
    }
}

/// What to do about it, where the disk is to blame.
fn help(error: &io::Error, path: &Path) -> Option<String> {
    const EIO: i32 = 5;
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some(format!("make room where {path} lies, then run the command again: it goes on from there"))
        }
        ErrorKind::ReadOnlyFilesystem => Some(format!(
            "what {path} lies on can only be read; mount it for writing, then run the command again"
        )),
        ErrorKind::PermissionDenied => {
            Some(format!("let this user read and write {path}, then run the command again"))
        }
        _ if error.raw_os_error() == Some(EIO) => Some(format!(
            "the disk on which {path} lies fails; see what the kernel says of it with `dmesg`, then run the command again"
        )),
        _ => None,
    }
}

/// A file that can't be understood, or could not be read or written.
pub(super) fn failed(doing: &str, path: &Path, why: impl Display) -> StepError {
    StepError::permanent(IO, format!("{doing} {}: {why}", path.display()))
}

/// The machine that a broker shall go onto is not there.
pub(super) fn no_machine(instance: &InstanceName, folder: &Path) -> StepError {
    StepError::permanent(NO_MACHINE, format!("the machine of {instance} is gone: {}", folder.display()))
        .with_help("plan again, to make another one")
}

/// Every port of the range is in use.
pub(super) fn no_port_left(first: u16, last: u16) -> StepError {
    StepError::permanent(NO_PORT_LEFT, format!("choosing a port: none from {first} to {last} is free"))
        .with_help("write the ports that the brokers shall have into the fleet file")
}

/// Another bear does not let go of the registry of ports.
pub(super) fn registry_busy(path: &Path, waited: Duration) -> StepError {
    let (path, seconds) = (path.display(), waited.as_secs());
    StepError::transient(
        REGISTRY_BUSY,
        format!("claiming ports of this machine: another bear has held {path} for {seconds} s"),
    )
    .with_help(format!("wait until it is done; `fuser {path}` names its process"))
}

/// A broker ended before it answered.
pub(super) fn broker_ended(status: io::Result<ExitStatus>) -> StepError {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    StepError::permanent(BROKER_ENDED, format!("the broker ended before it answered: {status}"))
}

/// A broker runs, and says nothing.
pub(super) fn not_ready(waited: Duration) -> StepError {
    let message = format!("the broker did not answer a CONNECT within {} s", waited.as_secs());
    StepError::transient(NOT_READY, message)
}

/// A process outlives what ends every process.
pub(super) fn will_not_end(pid: u32, waited: Duration) -> StepError {
    StepError::transient(
        WILL_NOT_END,
        format!("ending process {pid}: it still runs {} s after SIGKILL", waited.as_secs()),
    )
    .with_help("the kernel holds it, mostly for a disk that does not answer: `dmesg` may tell; then do the same again")
}

/// Runs `work` where it may block, and waits for it. Dropping the wait does not stop the work, so it must be safe to
/// repeat while an earlier one still runs.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StepError> + Send + 'static,
) -> Result<T, StepError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(StepError::transient(IO, format!("working on files: {error}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::super::{listener, machine};
    use super::*;

    #[test]
    fn what_the_disk_is_to_blame_for_comes_with_what_to_do() {
        #[track_caller]
        fn check(errno: i32, expected: Option<&str>) {
            let error = io("writing", Path::new("/srv/a"))(io::Error::from_raw_os_error(errno));
            assert_eq!(error.help.as_deref(), expected);
        }
        let room = "make room where /srv/a lies, then run the command again: it goes on from there";
        // ENOSPC, EDQUOT, EROFS, EIO and ENOENT.
        check(28, Some(room));
        check(122, Some(room));
        check(
            30,
            Some("what /srv/a lies on can only be read; mount it for writing, then run the command again"),
        );
        check(
            5,
            Some(
                "the disk on which /srv/a lies fails; see what the kernel says of it with `dmesg`, then run the \
                 command again",
            ),
        );
        check(13, Some("let this user read and write /srv/a, then run the command again"));
        check(2, None);
    }

    #[test]
    fn each_says_what_happened_and_what_to_do() {
        let folder = Path::new("/home/ann/project/.bear/demo/instances/demo-broker-1");
        let lock = Path::new("/home/ann/.local/state/bear/ports/lock");
        let (minute, name) = (Duration::from_mins(1), InstanceName::new("demo-broker-1").unwrap());
        let denied = io::Error::from_raw_os_error(13);
        let told = [
            machine::taken(folder, "bear did not make it"),
            no_machine(&name, folder),
            listener::taken("mqtt", 1883, &"process 812 (mosquitto) listens there"),
            no_port_left(20_000, 29_999),
            registry_busy(lock, minute),
            broker_ended(Ok(ExitStatus::from_raw(256)))
                .with_help(format!("its log is {}/broker.log", folder.display()))
                .with_last_lines("the stored messages are unreadable"),
            not_ready(minute)
                .with_help(format!("its log is {}/broker.log", folder.display()))
                .with_last_lines("reading the stored messages"),
            will_not_end(4711, minute),
            io("making", folder)(denied),
        ];
        insta::assert_snapshot!(told.each_ref().map(StepError::told).concat(), @"
        bear::local::folder_taken: /home/ann/project/.bear/demo/instances/demo-broker-1 is in the way: bear did not make it
          help: move it elsewhere, or remove it if nothing in it is needed
        bear::local::no_machine: the machine of demo-broker-1 is gone: /home/ann/project/.bear/demo/instances/demo-broker-1
          help: plan again, to make another one
        bear::local::port_taken: port 1883 for mqtt can't be had: process 812 (mosquitto) listens there
          help: free the port, or write another one as `ports.mqtt` in the fleet file
        bear::local::no_port_left: choosing a port: none from 20000 to 29999 is free
          help: write the ports that the brokers shall have into the fleet file
        bear::local::registry_busy: claiming ports of this machine: another bear has held /home/ann/.local/state/bear/ports/lock for 60 s
          help: wait until it is done; `fuser /home/ann/.local/state/bear/ports/lock` names its process
        bear::local::broker_ended: the broker ended before it answered: exit status: 1
          | the stored messages are unreadable
          help: its log is /home/ann/project/.bear/demo/instances/demo-broker-1/broker.log
        bear::local::not_ready: the broker did not answer a CONNECT within 60 s
          | reading the stored messages
          help: its log is /home/ann/project/.bear/demo/instances/demo-broker-1/broker.log
        bear::local::will_not_end: ending process 4711: it still runs 60 s after SIGKILL
          help: the kernel holds it, mostly for a disk that does not answer: `dmesg` may tell; then do the same again
        bear::local::io: making /home/ann/project/.bear/demo/instances/demo-broker-1: Permission denied (os error 13)
          help: let this user read and write /home/ann/project/.bear/demo/instances/demo-broker-1, then run the command again
        ");
    }
}
