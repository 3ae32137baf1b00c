//! Exit statuses: what scripts may rely on.

use std::process::ExitCode;

/// How a command ended. The meanings are fixed: scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Done.
    Done,
    /// A step or a check failed; what succeeded is kept and listed.
    Failed,
    /// Changes are pending (`bear plan --detailed-exitcode`).
    Pending,
    /// The fleet file or the arguments are wrong; nothing was changed.
    Input,
    /// Another bear holds the lock of the fleet.
    Locked,
    /// `bear verify` found a broker unhealthy.
    Unhealthy,
    /// The state can't be read or written.
    State,
    /// Interrupted, or a question was answered with no.
    Interrupted,
}

impl ExitStatus {
    /// All of them, each with its meaning for people.
    pub(crate) const MEANINGS: [(Self, &str); 8] = [
        (Self::Done, "done"),
        (Self::Failed, "a step or a check failed; what succeeded is kept and listed"),
        (Self::Pending, "changes are pending (`bear plan --detailed-exitcode`)"),
        (Self::Input, "the fleet file or the arguments are wrong; nothing was changed"),
        (Self::Locked, "another bear holds the lock of the fleet"),
        (Self::Unhealthy, "`bear verify` found a broker unhealthy"),
        (Self::State, "the state can't be read or written"),
        (Self::Interrupted, "interrupted, or a question was answered with no"),
    ];

    /// The number that the shell sees.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Input => 3,
            Self::Locked => 4,
            Self::Unhealthy => 5,
            Self::State => 6,
            // 128 and the number of SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.number())
    }
}
