//! Logins: the tokens that are good, and the users that failed too often.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a token is good for.
const TOKEN: Duration = Duration::from_hours(1);
/// So many failures within [`WINDOW`] lock a user for [`LOCK`]: the defaults of 5.9.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_mins(5);
const LOCK: Duration = Duration::from_mins(10);

/// Who is logged in, and who may not for now.
#[derive(Default)]
pub(crate) struct Sessions {
    tokens: HashMap<String, (String, Instant)>,
    failures: HashMap<String, Vec<Instant>>,
}

impl Sessions {
    pub(crate) fn begin(&mut self, user: &str, token: String) {
        self.failures.remove(user);
        self.tokens.insert(token, (user.to_owned(), Instant::now() + TOKEN));
    }

    /// The user that a token belongs to.
    pub(crate) fn user(&self, token: &str) -> Option<&str> {
        let (user, until) = self.tokens.get(token)?;
        (Instant::now() < *until).then_some(user)
    }

    /// Ends every session of a user.
    pub(crate) fn end(&mut self, user: &str) {
        self.tokens.retain(|_, (of, _)| of != user);
    }

    pub(crate) fn failed(&mut self, user: &str) {
        let failures = self.failures.entry(user.to_owned()).or_default();
        failures.retain(|at| at.elapsed() < WINDOW);
        failures.push(Instant::now());
    }

    pub(crate) fn is_locked(&self, user: &str) -> bool {
        self.failures.get(user).is_some_and(|failures| {
            failures.len() >= FAILURES && failures.last().is_some_and(|at| at.elapsed() < LOCK)
        })
    }
}
