//! Who is let in: checks passwords, and knows those again that were right.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::credentials::Credentials;
use crate::error::BrokerError;

/// Passwords checked at once: each takes some memory and all of a processor.
const CHECKS_AT_ONCE: usize = 2;

/// Lets those in who have a password.
///
/// A login that was right is known again in a moment, so that a crowd that comes back after a restart is not kept
/// waiting. Every other one takes the time of [`Credentials::accepts`], which is what makes guessing dear.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    credentials: Arc<Credentials>,
    checks: Semaphore,
    /// Goes into every digest, and is another one in every process.
    salt: [u8; 32],
    /// The digests of the logins that were right: at most one for each user.
    known: Mutex<HashSet<[u8; 32]>>,
}

impl Doorkeeper {
    pub(crate) fn new(credentials: Credentials) -> Result<Self, BrokerError> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| BrokerError::Setup {
            what: "the check of passwords",
            source: io::Error::other(error.to_string()),
        })?;
        Ok(Self {
            credentials: Arc::new(credentials),
            checks: Semaphore::new(CHECKS_AT_ONCE),
            salt,
            known: Mutex::default(),
        })
    }

    /// Whether this user has this password.
    pub(crate) async fn admits(&self, user: String, password: String) -> bool {
        let digest = self.digest(&user, &password);
        if self.known().contains(&digest) {
            return true;
        }
        // The semaphore is never closed.
        let Ok(_permit) = self.checks.acquire().await else { return false };
        // Whoever came before may have had the same password.
        if self.known().contains(&digest) {
            return true;
        }
        let credentials = Arc::clone(&self.credentials);
        let accepted = spawn_blocking(move || credentials.accepts(&user, &password)).await.unwrap_or(false);
        if accepted {
            self.known().insert(digest);
        }
        accepted
    }

    fn digest(&self, user: &str, password: &str) -> [u8; 32] {
        // With its length before it, no part of a name can pass for one of a password.
        let length = user.len().to_le_bytes();
        let digest = Sha256::new().chain_update(self.salt).chain_update(length);
        digest.chain_update(user).chain_update(password).finalize().into()
    }

    fn known(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_right_logins_are_let_in_and_known_again() {
        let credentials = Credentials::default().with_user("ada", "right").unwrap();
        let doorkeeper = Doorkeeper::new(credentials).unwrap();
        for (user, password, right, known) in [
            ("ada", "wrong", false, 0),
            ("eve", "right", false, 0),
            ("ada", "right", true, 1),
            ("ada", "right", true, 1),
            ("ada", "wrong", false, 1),
            ("adar", "ight", false, 1),
        ] {
            assert_eq!(doorkeeper.admits(user.into(), password.into()).await, right, "{user} {password}");
            assert_eq!(doorkeeper.known().len(), known, "{user} {password}");
        }
    }
}
