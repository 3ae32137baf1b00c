//! Proves that a broker carries MQTT, by doing what a client does.
//!
//! [`verify`] runs the checks of [`CheckName::ALL`] that apply to a [`Target`]: the port and the two connects first,
//! since nothing else can work without them, then all others at once. A check is run over every version of MQTT that
//! lets a client in, but for that of the broker's own version, which is the same whoever asks; so a broker that
//! refuses MQTT 5 fails `mqtt5.connect` and nothing else because of it.
//!
//! What verify makes on a broker lies below the topic `bear-verify/` and is removed again, also after a failure; only
//! a verify that is dropped half way leaves something behind. The times are those of checks that run side by side, and
//! those of round trips hold 10 ms of listening for a second copy.

mod checks;
mod client;
mod failure;
mod finding;
mod first_words;
mod http;
mod target;
mod tls;
mod trial;
mod wire;

use std::time::{Duration, Instant};

use bear_core::check::CheckName;
use futures_util::StreamExt;
use futures_util::future::{Either, join, ready};
use futures_util::stream::FuturesOrdered;

pub use crate::finding::{Cause, Finding};
pub use crate::target::{Credentials, Dashboard, ExpectedVersion, Limits, Target, Tls};

use crate::failure::Problem;
use crate::trial::Trial;
use crate::wire::Version;

/// Runs every check that applies to `target` and returns what they found, in the order of [`CheckName::ALL`].
///
/// `run` makes topics and client ids unique: letters and digits, another one for every call. `report` is called with
/// each finding, in the same order, as soon as it and those before it are known.
///
/// Checks that can't succeed any more are not tried and say so: a broker that lets no client in costs one deadline and
/// a half, not one for each check. Those of TLS and of the dashboard are tried even so, all at once, and may take as
/// long again: what they find on ports of their own may tell what is wrong. A broker that lets clients in and then
/// answers nothing costs two deadlines, one for the checks and one to remove what they left.
pub async fn verify(
    target: &Target,
    limits: &Limits,
    run: &str,
    mut report: impl FnMut(&Finding),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut record = |finding: Finding| {
        report(&finding);
        findings.push(finding);
    };
    let mut trial = Trial::new(target, limits, run);
    let obstacle = let_in(&mut trial, &mut record).await.err();
    let mut others: FuturesOrdered<_> = checks::after_the_connects(target)
        .map(|name| match obstacle {
            Some(reason) if checks::needs_a_client(name, target) => {
                Either::Left(ready(not_tried(name, reason)))
            }
            _ => Either::Right(timed(name, checks::run(name, &trial))),
        })
        .collect();
    while let Some(finding) = others.next().await {
        record(finding);
    }
    findings
}

/// The port and the connects: leaves in `trial` the versions of MQTT that the other checks go over. An error is why
/// no check that needs a client has to be tried.
async fn let_in(trial: &mut Trial<'_>, record: &mut impl FnMut(Finding)) -> Result<(), &'static str> {
    use CheckName::{Mqtt5Connect, Mqtt311Connect, Tcp};

    let tcp = timed(Tcp, checks::run(Tcp, trial)).await;
    let reached = tcp.result.ok;
    record(tcp);
    if !reached {
        let reason = "not tried, since the port can't be reached";
        for connect in [Mqtt311Connect, Mqtt5Connect] {
            record(not_tried(connect, reason));
        }
        return Err(reason);
    }
    let (v311, v5) = join(
        timed(Mqtt311Connect, checks::run(Mqtt311Connect, trial)),
        timed(Mqtt5Connect, checks::run(Mqtt5Connect, trial)),
    )
    .await;
    trial.versions.extend(v311.result.ok.then_some(Version::V311));
    trial.versions.extend(v5.result.ok.then_some(Version::V5));
    record(v311);
    record(v5);
    if trial.versions.is_empty() {
        return Err("not tried, since the broker lets no client in");
    }
    Ok(())
}

fn not_tried(name: CheckName, reason: &str) -> Finding {
    let problem = Problem { cause: Cause::NotTried, detail: reason.to_owned() };
    Finding::new(name, Duration::ZERO, Err(problem))
}

async fn timed(name: CheckName, check: impl Future<Output = Result<(), Problem>>) -> Finding {
    let begun = Instant::now();
    let outcome = check.await;
    Finding::new(name, begun.elapsed(), outcome)
}

/// One MQTT 3.1.1 CONNECT: how long the broker took to let the client in, or in plain words why it did not.
///
/// Takes no longer than `deadline`, and half of it again to find out what speaks on a port that is no broker.
pub async fn probe(target: &Target, deadline: Duration) -> Result<Duration, String> {
    let limits = Limits { check: deadline };
    let run = trial::run_of_a_probe();
    let trial = Trial::new(target, &limits, &run);
    let begun = Instant::now();
    let client = checks::let_in(&trial, Version::V311).await.map_err(|problem| problem.detail)?;
    let took = begun.elapsed();
    // The broker is proven alive; that it hangs up politely is no part of the question.
    let _ = client.disconnect().await;
    Ok(took)
}
