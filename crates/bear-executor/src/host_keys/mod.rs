//! Host keys: which are trusted, what a fleet pins, and what is remembered of hosts met for the first time.
//!
//! Only the fleet's own `known_hosts` counts, never the user's: whether an apply trusts a host must not depend on who
//! runs it, and a key that someone once accepted in haste for themselves was not accepted for the fleet.

mod file;
mod key;

use std::path::{Path, PathBuf};

use bear_core::event::StepError;

pub use key::{HostKey, KeyError, Pin};

/// A host key file can't be read, understood or written.
const FILE: &str = "bear::ssh::known_hosts";

/// The host keys of one fleet.
#[derive(Clone, Debug)]
pub struct HostKeys {
    path: PathBuf,
    first_contact: FirstContactRule,
}

/// What to do about a host whose key is neither known nor pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstContactRule {
    /// Refuse it, and say what it presented.
    Refuse,
    /// Trust what it presents, and remember it.
    Accept,
}

/// A host whose key is neither known nor pinned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host key of {host} is not known: it presents {} {}", key.kind(), key.fingerprint())]
pub struct FirstContact {
    /// The host, such as `ubuntu@192.0.2.10:22`.
    pub host: String,
    /// What it is called in `known_hosts`.
    pub name: String,
    /// What it presented.
    pub key: HostKey,
}

impl From<FirstContact> for StepError {
    fn from(contact: FirstContact) -> Self {
        let fingerprint = contact.key.fingerprint();
        Self::permanent("bear::ssh::host_key_unknown", contact.to_string()).with_help(format!(
            "compare the fingerprint on the host (`ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub`), then write \
             `host_key: {fingerprint}` into the fleet file, or trust what is presented with `--accept-new-host-keys`"
        ))
    }
}

impl HostKeys {
    /// The host keys that the file at `path` tells of; it need not be there.
    pub fn new(path: impl Into<PathBuf>, first_contact: FirstContactRule) -> Self {
        Self { path: path.into(), first_contact }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn first_contact(&self) -> FirstContactRule {
        self.first_contact
    }

    /// The keys that are known of the host; its name is as [`name`] makes it.
    pub async fn known(&self, name: &str) -> Result<Vec<HostKey>, StepError> {
        let name = name.to_owned();
        self.with_path(move |path| file::read(path).map(|entries| entries.of(&name))).await
    }

    /// Trusts what a host presented on first contact.
    pub async fn accept(&self, contact: &FirstContact) -> Result<(), StepError> {
        self.remember(&contact.name, std::slice::from_ref(&contact.key)).await
    }

    /// Makes these the only keys of the host.
    pub async fn remember(&self, name: &str, keys: &[HostKey]) -> Result<(), StepError> {
        let (name, keys) = (name.to_owned(), keys.to_vec());
        self.with_path(move |path| file::change(path, |entries| entries.set(&name, &keys))).await
    }

    /// Makes this the key of the host, unless it has one already: what bear gave to a machine may have been replaced there
    /// since.
    pub async fn expect(&self, name: &str, key: &HostKey) -> Result<(), StepError> {
        let (name, key) = (name.to_owned(), key.clone());
        let unless_known = move |entries: &mut file::Entries| {
            if entries.of(&name).is_empty() {
                entries.set(&name, std::slice::from_ref(&key));
            }
        };
        self.with_path(move |path| file::change(path, unless_known)).await
    }

    /// Adds a key to those of the host.
    pub async fn add(&self, name: &str, key: &HostKey) -> Result<(), StepError> {
        let (name, key) = (name.to_owned(), key.clone());
        let added = move |entries: &mut file::Entries| {
            let mut keys = entries.of(&name);
            if !keys.contains(&key) {
                keys.push(key.clone());
                entries.set(&name, &keys);
            }
        };
        self.with_path(move |path| file::change(path, added)).await
    }

    /// Forgets the keys of a host, because it was destroyed and its address may come again with another key.
    pub async fn forget(&self, name: &str) -> Result<(), StepError> {
        self.remember(name, &[]).await
    }

    /// Files may block, and so may whoever else has the lock.
    async fn with_path<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, file::FileError> + Send + 'static,
    ) -> Result<T, StepError> {
        let path = self.path.clone();
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(result) => result.map_err(|error| unusable(&error)),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(StepError::transient(FILE, format!("working on host keys: {error}"))),
            },
        }
    }
}

fn unusable(error: &file::FileError) -> StepError {
    StepError::permanent(FILE, error.to_string()).with_help(error.help())
}

/// What a host is called in `known_hosts`, sshd(8): the port is named where it is not the usual one.
pub fn name(address: &str, port: u16) -> String {
    let address = address.to_lowercase();
    if port == 22 { address } else { format!("[{address}]:{port}") }
}
