//! What is recorded of what the machines of a fleet share at their provider.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::Foundation;

/// What bear has recorded about what the machines of one region share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedFoundation {
    /// What it was last asked to be.
    pub foundation: Foundation,
    /// How far it is known to be.
    pub phase: FoundationPhase,
    /// When it got into that phase.
    pub since: Timestamp,
}

/// How far a foundation is *known* to be. A step that failed or was interrupted leaves it where the step began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundationPhase {
    /// It may or may not exist, and may be as it shall be or not.
    Laying,
    /// It is as it shall be.
    Laid,
    /// It may or may not be gone.
    Removing,
}

impl fmt::Display for FoundationPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Laying => "laying",
            Self::Laid => "laid",
            Self::Removing => "removing",
        })
    }
}

impl RecordedFoundation {
    /// What it shall be, while nobody knows yet how much of it is so.
    pub(super) fn laying(foundation: Foundation, since: Timestamp) -> Self {
        Self { foundation, phase: FoundationPhase::Laying, since }
    }

    pub(super) fn reach(&mut self, phase: FoundationPhase, at: Timestamp) {
        self.phase = phase;
        self.since = at;
    }
}
