//! How commands get onto an instance: the trait [`Executor`], through SSH ([`ssh`]) or on this machine ([`local`]).
//!
//! A script travels on standard input, never in an argument, and lives exactly as long as that input stays open:
//! a deadline, a future that is dropped and a connection that is cut all close it, and all end the script.

mod conversation;
pub mod host_keys;
mod lines;
pub mod local;
mod redact;
pub mod ssh;
mod transcript;
mod trouble;
mod upload;
mod wrapper;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::StepError;

pub use redact::Redactor;
pub use transcript::Transcript;

/// Runs scripts on one machine, and puts files there.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Runs a script, and hands each line that it writes to `lines` as it comes, redacted.
    ///
    /// A script that ran is an outcome, whatever its exit status; an error says that it did not run, or not to its
    /// end. Dropping the future ends the script.
    async fn run(&self, script: &Script<'_>, lines: &mut OnLine<'_>) -> Result<Outcome, StepError>;

    /// Puts a file there, whole or not at all, and checks that what arrived is what was sent.
    async fn upload(&self, upload: &Upload<'_>) -> Result<Uploaded, StepError>;
}

/// A script to run.
#[derive(Clone, Copy)]
pub struct Script<'a> {
    /// What `sh` shall do. It may hold secrets; its standard input is empty.
    pub text: &'a str,
    /// Who it runs as.
    pub privilege: Privilege,
    /// How long it may take, with connecting.
    pub deadline: Duration,
    /// The secrets that nothing it writes may show.
    pub redactor: &'a Redactor,
    /// For how long a script at most the shell that ran this one may be kept; none if nothing is to follow. It spares the
    /// next script of this privilege a login, and ends by itself when none comes. An executor may keep none.
    pub keep: Option<Duration>,
}

/// Who a script runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// The user that is logged in.
    User,
    /// Root, by way of `sudo` unless that user is root already.
    Root,
}

/// How a script that ran came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// The last of what it wrote, redacted.
    pub transcript: Transcript,
}

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(u8),
    /// By this signal. Shells tell of it as status 128 + signal, so a script that itself exits with such a status is
    /// taken for one that was killed.
    Signal(u8),
}

impl Exit {
    /// Whether all went well.
    pub fn ok(self) -> bool {
        self == Self::Status(0)
    }

    /// What a shell's `$?` means, POSIX.1-2024 XCU 2.8.2.
    fn from_shell(status: u8) -> Self {
        const SIGNAL_MAX: u8 = 64;
        match status.checked_sub(128) {
            Some(signal @ 1..=SIGNAL_MAX) => Self::Signal(signal),
            _ => Self::Status(status),
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "exit status {status}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}

/// Hears each line that a script writes, as it comes.
pub type OnLine<'a> = dyn for<'l> FnMut(Line<'l>) + Send + 'a;

/// One line that a script wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it was written to.
    pub stream: Stream,
    /// The line without its end, redacted, and cut off where it is very long.
    pub text: &'a str,
}

/// Where a script writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A file to put on a machine.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// What stands in it.
    pub content: Content<'a>,
    /// Where it goes; its folder must be there.
    pub path: &'a str,
    /// Its permissions, such as `0o600`.
    pub mode: u32,
    /// Who puts it there, and so owns it.
    pub privilege: Privilege,
    /// How long it may take, with connecting.
    pub deadline: Duration,
}

/// What stands in a file to upload.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// What stands in this file here.
    File(&'a Path),
}

/// What an upload did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// The file was there already.
    Unchanged,
    /// The file is there now.
    Changed,
}
