//! Errors of the `local` provider, and the way onto a thread that may block.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

use bear_core::event::StepError;

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
        check(2, None);
    }
}
