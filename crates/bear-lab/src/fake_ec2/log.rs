//! What was asked, and how often.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::query::Parameters;
use super::rules::Fault;

/// One request, as it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `RunInstances`.
    pub action: String,
    /// All of its parameters.
    pub parameters: Parameters,
    /// What became of it.
    pub outcome: Outcome,
    /// When it came, after the fake was made.
    pub after: Duration,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and answered.
    Done,
    /// It was refused, with the code of this error.
    Failed(String),
    /// It went wrong as a rule says. Whether it was done stands with [`Fault`].
    Faulted(Fault),
}

/// How often what was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(BTreeMap<String, usize>);

impl Calls {
    pub(super) fn count(log: &[Call]) -> Self {
        let mut calls = BTreeMap::new();
        for call in log {
            *calls.entry(call.action.clone()).or_default() += 1;
        }
        Self(calls)
    }

    /// Of all actions together.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Of one action.
    pub fn of(&self, action: &str) -> usize {
        self.0.get(action).copied().unwrap_or_default()
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().map(|(action, count)| format!("{count} {action}")).collect::<Vec<_>>();
        formatter.write_str(&counts.join(", "))
    }
}
