//! Proves that a broker carries MQTT, by doing what a client does.
//!
//! [`verify`] runs the checks of [`CheckName::ALL`] that apply to a [`Target`]: the port and the two connects first,
//! since nothing else can work without them, then all others at once. A check is run over every version of MQTT that
//! lets a client in, so a broker that refuses MQTT 5 fails `mqtt5.connect` and nothing else because of it.
//!
//! What verify makes on a broker lies below the topic `bear-verify/` and is removed again, also after a failure; only
//! a verify that is dropped half way leaves something behind. The times are those of checks that run side by side, and
//! those of round trips hold 20 ms of listening for a second copy.

mod checks;
mod client;
mod failure;
mod first_words;
mod trial;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use bear_core::check::{CheckName, CheckResult};
use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::FuturesOrdered;

use crate::trial::Trial;
use crate::wire::Version;

/// Where a broker is, and how to be let in.
#[derive(Clone, Debug)]
pub struct Target {
    /// A name or an address.
    pub host: String,
    /// The port of MQTT over TCP.
    pub mqtt: u16,
    /// The port of MQTT over websockets, path `/mqtt`; `None` where the broker has none.
    pub ws: Option<u16>,
    /// What clients log in with; `None` where the broker asks for nothing.
    pub credentials: Option<Credentials>,
}

/// A user name and a password. The password is in no text that this crate makes.
#[derive(Clone)]
pub struct Credentials {
    /// Who logs in.
    pub username: String,
    /// What only that user knows.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How long verify waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The deadline of one check. What a check that failed left behind is removed within another one.
    pub check: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { check: Duration::from_secs(5) }
    }
}

/// Runs every check that applies to `target` and returns the results in the order of [`CheckName::ALL`].
///
/// `run` makes topics and client ids unique: letters and digits, another one for every call. `report` is called with
/// each result, in the same order, as soon as it and those before it are known.
///
/// Checks that can't succeed any more are not tried and say so: a port that can't be reached, or a broker that lets
/// no client in, costs one deadline and a half, not one for each check. A broker that lets clients in and then answers
/// nothing costs two, one for the checks and one to remove what they left.
pub async fn verify(
    target: &Target,
    limits: &Limits,
    run: &str,
    mut report: impl FnMut(&CheckResult),
) -> Vec<CheckResult> {
    let mut results = Vec::new();
    let mut record = |result: CheckResult| {
        report(&result);
        results.push(result);
    };
    let mut trial = Trial::new(target, limits, run);
    if let Err(obstacle) = let_in(&mut trial, &mut record).await {
        for name in obstacle.not_tried {
            record(CheckResult::failed(name, Duration::ZERO, obstacle.reason));
        }
        return results;
    }
    let mut others: FuturesOrdered<_> =
        checks::that_need_a_client(target).map(|name| timed(name, checks::run(name, &trial))).collect();
    while let Some(result) = others.next().await {
        record(result);
    }
    results
}

/// Why the checks that are left need not be tried.
struct Obstacle {
    reason: &'static str,
    not_tried: Vec<CheckName>,
}

/// The port and the connects: leaves in `trial` the versions of MQTT that the other checks go over.
async fn let_in(trial: &mut Trial<'_>, record: &mut impl FnMut(CheckResult)) -> Result<(), Obstacle> {
    use CheckName::{Mqtt5Connect, Mqtt311Connect, Tcp};

    let tcp = timed(Tcp, checks::run(Tcp, trial)).await;
    let reached = tcp.ok;
    record(tcp);
    if !reached {
        let not_tried =
            [Mqtt311Connect, Mqtt5Connect].into_iter().chain(checks::that_need_a_client(trial.target));
        return Err(Obstacle {
            reason: "not tried, since the port can't be reached",
            not_tried: not_tried.collect(),
        });
    }
    let (v311, v5) = join(
        timed(Mqtt311Connect, checks::run(Mqtt311Connect, trial)),
        timed(Mqtt5Connect, checks::run(Mqtt5Connect, trial)),
    )
    .await;
    trial.versions.extend(v311.ok.then_some(Version::V311));
    trial.versions.extend(v5.ok.then_some(Version::V5));
    record(v311);
    record(v5);
    if trial.versions.is_empty() {
        return Err(Obstacle {
            reason: "not tried, since the broker lets no client in",
            not_tried: checks::that_need_a_client(trial.target).collect(),
        });
    }
    Ok(())
}

async fn timed(name: CheckName, check: impl Future<Output = Result<(), String>>) -> CheckResult {
    let begun = Instant::now();
    match check.await {
        Ok(()) => CheckResult::passed(name, begun.elapsed()),
        Err(detail) => CheckResult::failed(name, begun.elapsed(), detail),
    }
}

/// One MQTT 3.1.1 CONNECT: how long the broker took to let the client in, or in plain words why it did not.
///
/// Takes no longer than `deadline`, and half of it again to find out what speaks on a port that is no broker.
pub async fn probe(target: &Target, deadline: Duration) -> Result<Duration, String> {
    let limits = Limits { check: deadline };
    let run = trial::run_of_a_probe();
    let trial = Trial::new(target, &limits, &run);
    let begun = Instant::now();
    let client = checks::let_in(&trial, Version::V311).await?;
    let took = begun.elapsed();
    // The broker is proven alive; that it hangs up politely is no part of the question.
    let _ = client.disconnect().await;
    Ok(took)
}
