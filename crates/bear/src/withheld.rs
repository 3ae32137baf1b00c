//! The variables in which a fleet's secrets are: no program that bear starts is given them.
//!
//! Whoever can see the environment of a process sees what it was started with, for as long as it lives: that of a
//! browser for days.

use std::collections::BTreeSet;
use std::process::Command;

use bear_core::fleet::Spec;
use bear_core::fleet::model::SecretRef;

use crate::credentials::references;

/// The names of the variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withheld(BTreeSet<String>);

impl Withheld {
    /// Those that the brokers of `specs` refer to.
    pub(crate) fn of<'a>(specs: impl IntoIterator<Item = &'a Spec>) -> Self {
        let variables = specs.into_iter().flat_map(references).filter_map(|reference| match reference {
            SecretRef::Env(name) => Some(name),
            SecretRef::File(_) | SecretRef::Command(_) => None,
        });
        Self(variables.collect())
    }

    /// Both together.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Keeps them from a program.
    pub(crate) fn from(&self, command: &mut Command) {
        for name in &self.0 {
            command.env_remove(name);
        }
    }

    /// Their names.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}
