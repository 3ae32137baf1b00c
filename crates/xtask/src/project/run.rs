//! One run of `bear`: started, stopped by signals, waited for.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How often it is looked whether a run has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// A run that was started. Dropped before its end, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    words: String,
    child: Child,
    stdout: File,
    stderr: File,
}

impl Running {
    pub(super) fn start(mut command: Command, words: String) -> Result<Self, String> {
        let failed = |error| format!("could not start `{words}`: {error}");
        let (stdout, stderr) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
        // Files rather than pipes: what bear leaves running would keep a pipe open.
        command.stdout(stdout.try_clone().map_err(failed)?).stderr(stderr.try_clone().map_err(failed)?);
        let child = command.spawn().map_err(failed)?;
        Ok(Self { words, child, stdout, stderr })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has come to its end.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal, unless it has ended; whether it was sent.
    pub(crate) fn signal(&mut self, signal: Signal) -> bool {
        let id = i32::try_from(self.child.id()).map(Pid::from_raw);
        !self.has_ended() && id.is_ok_and(|id| kill(id, signal).is_ok())
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        text(&self.stderr)
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// It takes longer than `patience`, and is killed.
    pub(crate) fn wait(mut self, patience: Duration) -> Result<Outcome, String> {
        let until = Instant::now() + patience;
        while !self.has_ended() {
            if Instant::now() > until {
                return Err(format!("`{}` hangs; it said:\n{}", self.words, self.said()));
            }
            thread::sleep(PAUSE);
        }
        let status = self.child.wait().map_err(|error| format!("`{}`: {error}", self.words))?;
        let (stdout, stderr) = (text(&self.stdout), self.said());
        Ok(Outcome { words: self.words.clone(), status, stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that stands in a file so far. The run writes through the same open file, so its place in it is left alone.
fn text(file: &File) -> String {
    let mut bytes = vec![0; file.metadata().map_or(0, |metadata| metadata.len().try_into().unwrap_or(0))];
    let read = file.read_exact_at(&mut bytes, 0);
    read.map_or_else(|error| error.to_string(), |()| String::from_utf8_lossy(&bytes).into_owned())
}

/// How a run ended, and what it wrote.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    words: String,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The exit status; the signal with a minus before it where there is none.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| -self.status.signal().unwrap_or_default())
    }

    /// The outcome, if it ended so.
    pub(crate) fn expect(self, code: i32) -> Result<Self, String> {
        if self.code() == code {
            Ok(self)
        } else {
            Err(format!("this should have ended with {code}: {self}"))
        }
    }

    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("{error} in {self}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ended with {}\n{}{}", self.words, self.code(), self.stdout, self.stderr)
    }
}
