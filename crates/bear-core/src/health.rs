//! Health: how a broker is doing right now, as far as a look at it tells.

use std::time::Duration;

/// How a broker is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It lets clients in, and was proven.
    Healthy,
    /// It answers, but was not proven since it last changed, or can't be asked without its password.
    Unverified {
        /// What is the matter, where that is known.
        why: Option<String>,
    },
    /// Something answers, but lets no client in.
    Unhealthy {
        /// What is the matter.
        why: String,
    },
    /// Nothing answers.
    Unreachable {
        /// What is the matter.
        why: String,
    },
}

impl Health {
    /// The name as it stands in output and JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unverified { .. } => "unverified",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// What is the matter, if something is.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Healthy => None,
            Self::Unverified { why } => why.as_deref(),
            Self::Unhealthy { why } | Self::Unreachable { why } => Some(why),
        }
    }
}

/// What one look at a broker told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// How it is doing.
    pub health: Health,
    /// How long it took to let a client in, if it did.
    pub took: Option<Duration>,
}

impl From<Health> for Pulse {
    fn from(health: Health) -> Self {
        Self { health, took: None }
    }
}
