//! The kinds of steps: what a plan does, and what a state remembers was begun.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Makes a machine.
    Create,
    /// Puts a broker on a machine.
    Install,
    /// Proves a broker.
    Verify,
    /// Destroys a machine.
    Destroy,
}

impl StepKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Create, Self::Install, Self::Verify, Self::Destroy];

    /// The name as it stands in output and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Install => "install",
            Self::Verify => "verify",
            Self::Destroy => "destroy",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
