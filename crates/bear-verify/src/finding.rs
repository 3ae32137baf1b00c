//! What a check found, and what kind of failure it was.

use std::time::Duration;

use bear_core::check::{CheckName, CheckResult};

use crate::failure::Problem;

/// What one run of one check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The part of it that is recorded and shown.
    pub result: CheckResult,
    /// What kind of failure it was; `None` for a check that passed.
    pub cause: Option<Cause>,
}

/// What kind of failure it was, as far as it decides what to look at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection could be made: refused, no route, an unknown name, or no answer in time.
    Unreachable,
    /// A connection was made, and then not one word came: silence until the deadline, or the end of the connection.
    Unanswered,
    /// What the check needs has failed before.
    NotTried,
    /// There was an answer, and it is not what the check asks for.
    Wrong,
}

impl Cause {
    /// Whether a look from the broker's own host may find something else than this machine did, and so explain the
    /// failure. Where the broker has answered at all, nothing on the way can be to blame.
    pub fn may_differ_on_the_host(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unanswered)
    }
}

impl Finding {
    pub(crate) fn new(name: CheckName, took: Duration, outcome: Result<(), Problem>) -> Self {
        match outcome {
            Ok(()) => Self { result: CheckResult::passed(name, took), cause: None },
            Err(Problem { cause, detail }) => {
                Self { result: CheckResult::failed(name, took, detail), cause: Some(cause) }
            }
        }
    }
}
