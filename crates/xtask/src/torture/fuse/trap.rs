//! Traps: SIGKILL for whoever changes the disk, at the nth change, exactly.

use std::ffi::OsStr;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What a trap waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::torture) enum Target {
    /// A write into the journal of a fleet.
    Journal,
    /// Anything that bear changes: files made, written, renamed, removed, cut and flushed.
    Anything,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::torture) enum Moment {
    /// The change was asked for, and nothing came of it.
    Before,
    /// Half of what was to be written is there.
    During,
    /// The change is done, and the process never hears of it.
    After,
}

/// Kills the process that makes the nth change.
#[derive(Clone, Debug)]
pub(in crate::torture) struct Trap {
    target: Target,
    moment: Moment,
    /// How many changes are let through.
    left: u32,
    /// Whether somebody was caught.
    pub(in crate::torture) sprung: bool,
}

impl Trap {
    /// A trap that lets `left` changes through.
    pub(in crate::torture) fn new(target: Target, moment: Moment, left: u32) -> Self {
        Self { target, moment, left, sprung: false }
    }

    /// A change is about to be made by the thread `thread`; when its process has to die.
    pub(super) fn step_on(&mut self, thread: u32, file: Option<&OsStr>, is_write: bool) -> Option<Moment> {
        let counts = match self.target {
            Target::Journal => is_write && file.is_some_and(|name| name == "journal.ndjson"),
            Target::Anything => !is_broker(thread),
        };
        if self.sprung || !counts {
            return None;
        }
        self.sprung = self.left == 0;
        self.left = self.left.saturating_sub(1);
        self.sprung.then_some(self.moment)
    }
}

/// Brokers change the same disk.
fn is_broker(thread: u32) -> bool {
    let words = fs::read(format!("/proc/{thread}/cmdline")).unwrap_or_default();
    words.split(|&byte| byte == 0).nth(1) == Some(b"__broker")
}

/// Kills the process that a thread belongs to. While it waits for the answer to the change, it does nothing else; and it
/// never gets to see the answer.
pub(super) fn spring(thread: u32) {
    if let Ok(thread) = i32::try_from(thread) {
        let _ = kill(Pid::from_raw(thread), Signal::SIGKILL);
    }
}
