//! What the checks of one run share: where the broker is, and names and payloads that no other run uses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::checks::levels::Outcomes;
use crate::failure::{Deadline, Failure, Problem};
use crate::wire::{Door, Hello, Version};
use crate::{Cause, Limits, Target};

/// One run of the checks against one broker.
pub(crate) struct Trial<'a> {
    pub(crate) target: &'a Target,
    pub(crate) limits: &'a Limits,
    /// The versions that let a client in; known once the two connects have been tried.
    pub(crate) versions: Vec<Version>,
    /// What became of the levels of QoS over each version, once that is known.
    levels: [OnceCell<Outcomes>; Version::ALL.len()],
    run: &'a str,
    digest: u64,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(target: &'a Target, limits: &'a Limits, run: &'a str) -> Self {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        Self {
            target,
            limits,
            versions: Vec::new(),
            levels: Default::default(),
            run,
            digest: hasher.finish(),
        }
    }

    /// Three checks ask for it; the first finds it out.
    pub(crate) fn levels(&self, version: Version) -> &OnceCell<Outcomes> {
        let [v311, v5] = &self.levels;
        match version {
            Version::V311 => v311,
            Version::V5 => v5,
        }
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
            door: Door::tcp(self.target.mqtt),
            // Exactly the 23 letters and digits that a server of 3.1.1 must accept (MQTT-3.1.3-5).
            client_id: format!("bear{:016x}{role}{}", self.digest, version.digit()),
            credentials: self.target.credentials.as_ref(),
            keeps_session: false,
            will: None,
        }
    }

    /// `size` bytes that name the run and the check and then go through all values of a byte.
    pub(crate) fn payload(&self, check: &str, size: usize) -> Vec<u8> {
        let mut payload = format!("{}/{check}/", self.run).into_bytes();
        while payload.len() < size {
            payload.extend(0..=u8::MAX);
        }
        payload.truncate(size);
        payload
    }

    /// Runs a check over all versions that let a client in, at once. The detail of a failure names the versions.
    pub(crate) async fn over_each_version<F, E>(&self, check: impl Fn(Version) -> F) -> Result<(), Problem>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<Problem>,
    {
        over(&self.versions, check).await
    }

    /// As [`Trial::over_each_version`], and over both where no client was let in: for a check with a port of its own.
    pub(crate) async fn over_any_version<F>(&self, check: impl Fn(Version) -> F) -> Result<(), Problem>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        let versions: &[Version] = if self.versions.is_empty() { &Version::ALL } else { &self.versions };
        over(versions, check).await
    }
}

async fn over<F, E>(versions: &[Version], check: impl Fn(Version) -> F) -> Result<(), Problem>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Problem>,
{
    let outcomes = join_all(versions.iter().map(|version| check(*version))).await;
    let problems: Vec<(Version, Problem)> = versions
        .iter()
        .zip(outcomes)
        .filter_map(|(version, outcome)| Some((*version, outcome.err()?.into())))
        .collect();
    match problems.as_slice() {
        [] => Ok(()),
        [(_, one), (_, other)] if one == other => Err(one.clone()),
        [(_, first), rest @ ..] => {
            let alike = rest.iter().all(|(_, problem)| problem.cause == first.cause);
            let cause = if alike { first.cause } else { Cause::Wrong };
            let details =
                problems.iter().map(|(version, problem)| format!("over {version} {}", problem.detail));
            Err(Problem { cause, detail: details.collect::<Vec<_>>().join("; ") })
        }
    }
}

/// A run for a probe, which has no run of its own: unique among the probes of this machine.
pub(crate) fn run_of_a_probe() -> String {
    static PROBES: AtomicU64 = AtomicU64::new(0);
    format!("probe{}x{}", process::id(), PROBES.fetch_add(1, Ordering::Relaxed))
}
