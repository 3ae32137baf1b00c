//! The checks, one function each: an error is why it failed.

mod dashboard;
mod delivery;
pub(crate) mod levels;
mod password;
mod retained;
mod round_trip;
mod secured;
mod session;
mod version;
mod will;

use bear_core::check::CheckName;
use futures_util::future::BoxFuture;
use rumqttc::QoS;

use crate::client::Client;
use crate::failure::{Failure, Problem};
use crate::trial::Trial;
use crate::wire::{Door, Version};
use crate::{Cause, ExpectedVersion, Target, first_words};

/// The checks that apply to `target`, but for the port and the connects, which decide about the others.
pub(crate) fn after_the_connects(target: &Target) -> impl Iterator<Item = CheckName> {
    CheckName::ALL.into_iter().filter(|name| match name {
        // Whose host it is, only those know who can log in there.
        CheckName::HostKnown | CheckName::Tcp | CheckName::Mqtt311Connect | CheckName::Mqtt5Connect => false,
        CheckName::RefusesBadPassword => target.credentials.is_some(),
        CheckName::WsConnect => target.ws.is_some(),
        CheckName::TlsConnect => target.mqtts.is_some(),
        CheckName::WssConnect => target.wss.is_some(),
        CheckName::DashboardHttp | CheckName::DefaultPasswordRefused => target.dashboard.is_some(),
        CheckName::BrokerVersion => target.version.is_some(),
        _ => true,
    })
}

/// Whether a check makes sense only once a client has been let in.
pub(crate) fn needs_a_client(name: CheckName, target: &Target) -> bool {
    match name {
        CheckName::TlsConnect
        | CheckName::WssConnect
        | CheckName::DashboardHttp
        | CheckName::DefaultPasswordRefused => false,
        CheckName::BrokerVersion => matches!(target.version, Some(ExpectedVersion::Mosquitto(_))),
        _ => true,
    }
}

/// Runs one check; those about messages over each version that let a client in.
pub(crate) fn run<'a>(name: CheckName, trial: &'a Trial<'_>) -> BoxFuture<'a, Result<(), Problem>> {
    // Boxed, since it is as large as the largest check.
    Box::pin(dispatch(name, trial))
}

async fn dispatch(name: CheckName, trial: &Trial<'_>) -> Result<(), Problem> {
    let target = trial.target;
    match name {
        CheckName::HostKnown => Ok(given(None, "way to be logged in to")?),
        CheckName::Tcp => tcp(trial).await,
        CheckName::Mqtt311Connect => connect(trial, Version::V311).await,
        CheckName::Mqtt5Connect => connect(trial, Version::V5).await,
        CheckName::Qos0 | CheckName::Qos1 | CheckName::Qos2 => levels::comes_back(trial, name).await,
        CheckName::Retained => {
            trial.over_each_version(|version| retained::kept_and_cleared(trial, version)).await
        }
        CheckName::Session => {
            trial.over_each_version(|version| session::outlives_absence(trial, version)).await
        }
        CheckName::Will => trial.over_each_version(|version| will::published(trial, version)).await,
        CheckName::RefusesBadPassword => {
            trial.over_each_version(|version| password::refused(trial, version)).await
        }
        CheckName::WsConnect => {
            let door = Door { websocket: true, ..Door::tcp(given(target.ws, "websocket port")?) };
            round_trip(trial, name, door, QoS::AtLeastOnce).await
        }
        CheckName::TlsConnect => {
            secured::comes_back(trial, name, Door::tcp(given(target.mqtts, "TLS port")?)).await
        }
        CheckName::WssConnect => {
            let port = given(target.wss, "port of websockets within TLS")?;
            secured::comes_back(trial, name, Door { websocket: true, ..Door::tcp(port) }).await
        }
        CheckName::DashboardHttp => {
            Ok(dashboard::runs(given(target.dashboard.as_ref(), "dashboard")?, trial.deadline()).await?)
        }
        CheckName::DefaultPasswordRefused => {
            let dashboard = given(target.dashboard.as_ref(), "dashboard")?;
            Ok(dashboard::default_password_refused(dashboard, trial.deadline()).await?)
        }
        CheckName::BrokerVersion => match given(target.version.as_ref(), "version to expect")? {
            ExpectedVersion::Emqx(expected) => {
                let dashboard = given(target.dashboard.as_ref(), "dashboard to ask for its version")?;
                Ok(version::of_emqx(dashboard, expected, trial.deadline()).await?)
            }
            ExpectedVersion::Mosquitto(expected) => {
                // It says the same whoever asks.
                let mqtt = given(trial.versions.first(), "client that it lets in")?;
                Ok(version::of_mosquitto(trial, *mqtt, expected).await?)
            }
        },
    }
}

/// What a check needs of the target, which without it can't pass.
fn given<T>(value: Option<T>, what: &str) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::wrong(format!("the broker has no {what}")))
}

/// The MQTT port accepts a connection.
async fn tcp(trial: &Trial<'_>) -> Result<(), Problem> {
    trial.deadline().connect(&trial.target.host, trial.target.mqtt).await?;
    Ok(())
}

/// A client of `version` is let in, and may leave again.
async fn connect(trial: &Trial<'_>, version: Version) -> Result<(), Problem> {
    let client = let_in(trial, version).await?;
    Ok(client.disconnect().await?)
}

/// A client of `version`, or why the broker did not let it in, with a look at the bytes where packets tell nothing.
pub(crate) async fn let_in(trial: &Trial<'_>, version: Version) -> Result<Client, Problem> {
    let failure = match Client::connect(&trial.hello(version, "cc"), trial.deadline()).await {
        Ok(client) => return Ok(client),
        Err(failure) => failure,
    };
    let told_by_bytes = match failure {
        Failure::Refused { .. } | Failure::Unreachable { .. } | Failure::Disconnected { .. } => None,
        _ => first_words::explain(trial.target, version, trial.limits.check / 2).await,
    };
    if let Some(detail) = told_by_bytes {
        return Err(Problem { cause: Cause::Wrong, detail });
    }
    let accepted = matches!(failure, Failure::Late { .. });
    let mut problem = Problem::from(failure);
    if accepted {
        problem.detail = format!("the broker accepted the connection, but {}", problem.detail);
    }
    Err(problem)
}

async fn round_trip(trial: &Trial<'_>, name: CheckName, door: Door<'_>, qos: QoS) -> Result<(), Problem> {
    let deadline = trial.deadline();
    trial.over_each_version(|version| round_trip::comes_back(trial, version, name, door, qos, deadline)).await
}
