//! What the checks of one run share: where the broker is, and names and payloads that no other run uses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;

use crate::failure::{Deadline, Failure};
use crate::wire::{Door, Hello, Version};
use crate::{Limits, Target};

/// One run of the checks against one broker.
pub(crate) struct Trial<'a> {
    pub(crate) target: &'a Target,
    pub(crate) limits: &'a Limits,
    /// The versions that let a client in; known once the two connects have been tried.
    pub(crate) versions: Vec<Version>,
    run: &'a str,
    digest: u64,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(target: &'a Target, limits: &'a Limits, run: &'a str) -> Self {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        Self { target, limits, versions: Vec::new(), run, digest: hasher.finish() }
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.limits.check)
    }

    /// A topic that only this check of this run uses. No filter of verify has a wildcard: EMQX 5.0 hands its own
    /// retained `$SYS` messages to filters that start with one.
    pub(crate) fn topic(&self, check: &str, version: Version) -> String {
        format!("bear-verify/{}/{check}/{}", self.run, version.digit())
    }

    /// How a client of this run introduces itself. `role` is two letters, unique to one client of one check.
    pub(crate) fn hello(&self, version: Version, role: &str) -> Hello<'a> {
        Hello {
            version,
            host: &self.target.host,
            door: Door::Tcp(self.target.mqtt),
            // Exactly the 23 letters and digits that a server of 3.1.1 must accept (MQTT-3.1.3-5).
            client_id: format!("bear{:016x}{role}{}", self.digest, version.digit()),
            credentials: self.target.credentials.as_ref(),
            keeps_session: false,
            will: None,
        }
    }

    /// `size` bytes that name the run and the check and then go through all values of a byte.
    pub(crate) fn payload(&self, check: &str, size: usize) -> Vec<u8> {
        let every_byte = (0..=u8::MAX).cycle();
        format!("{}/{check}/", self.run).into_bytes().into_iter().chain(every_byte).take(size).collect()
    }

    /// Runs a check over all versions that let a client in, at once. The detail of a failure names the versions.
    pub(crate) async fn over_each_version<F>(&self, check: impl Fn(Version) -> F) -> Result<(), String>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        let outcomes = join_all(self.versions.iter().map(|version| check(*version))).await;
        let failures: Vec<(Version, String)> = self
            .versions
            .iter()
            .zip(outcomes)
            .filter_map(|(version, outcome)| Some((*version, outcome.err()?.to_string())))
            .collect();
        match failures.as_slice() {
            [] => Ok(()),
            [(_, one), (_, other)] if one == other => Err(one.clone()),
            some => {
                let details = some.iter().map(|(version, detail)| format!("over {version} {detail}"));
                Err(details.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

/// A run for a probe, which has no run of its own: unique among the probes of this machine.
pub(crate) fn run_of_a_probe() -> String {
    static PROBES: AtomicU64 = AtomicU64::new(0);
    format!("probe{}x{}", process::id(), PROBES.fetch_add(1, Ordering::Relaxed))
}
