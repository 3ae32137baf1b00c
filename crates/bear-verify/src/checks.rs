//! The checks, one function each: an error is the detail of a check that failed.

mod delivery;
mod password;
mod retained;
mod round_trip;
mod session;
mod will;

use bear_core::check::CheckName;
use rumqttc::QoS;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::failure::Failure;
use crate::trial::Trial;
use crate::wire::{Door, Version, bracketed};
use crate::{Target, first_words};

/// The checks that apply to `target` and make sense only once a client has been let in.
pub(crate) fn that_need_a_client(target: &Target) -> impl Iterator<Item = CheckName> {
    CheckName::ALL.into_iter().filter(|name| match name {
        CheckName::Tcp | CheckName::Mqtt311Connect | CheckName::Mqtt5Connect => false,
        CheckName::RefusesBadPassword => target.credentials.is_some(),
        CheckName::WsConnect => target.ws.is_some(),
        _ => true,
    })
}

/// Runs one check; those about messages over each version that let a client in.
pub(crate) async fn run(name: CheckName, trial: &Trial<'_>) -> Result<(), String> {
    let mqtt = Door::Tcp(trial.target.mqtt);
    match name {
        CheckName::Tcp => tcp(trial).await,
        CheckName::Mqtt311Connect => connect(trial, Version::V311).await,
        CheckName::Mqtt5Connect => connect(trial, Version::V5).await,
        CheckName::Qos0 => round_trip(trial, name, mqtt, QoS::AtMostOnce).await,
        CheckName::Qos1 => round_trip(trial, name, mqtt, QoS::AtLeastOnce).await,
        CheckName::Qos2 => round_trip(trial, name, mqtt, QoS::ExactlyOnce).await,
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
        CheckName::WsConnect => match trial.target.ws {
            Some(port) => round_trip(trial, name, Door::Websocket(port), QoS::AtLeastOnce).await,
            None => Err("the broker has no websocket port".to_owned()),
        },
    }
}

/// The MQTT port accepts a connection.
async fn tcp(trial: &Trial<'_>) -> Result<(), String> {
    let Target { host, mqtt, .. } = trial.target;
    let address = format!("{}:{mqtt}", bracketed(host));
    let limit = trial.limits.check;
    let reached = match trial.deadline().bound(TcpStream::connect((host.as_str(), *mqtt))).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(source)) => Err(Failure::Unreachable { address, source }),
        None => Err(Failure::Unanswered { address, limit }),
    };
    reached.map_err(|failure| failure.to_string())
}

/// A client of `version` is let in, and may leave again.
async fn connect(trial: &Trial<'_>, version: Version) -> Result<(), String> {
    let client = let_in(trial, version).await?;
    client.disconnect().await.map_err(|failure| failure.to_string())
}

/// A client of `version`, or why the broker did not let it in, with a look at the bytes where packets tell nothing.
pub(crate) async fn let_in(trial: &Trial<'_>, version: Version) -> Result<Client, String> {
    let failure = match Client::connect(&trial.hello(version, "cc"), trial.deadline()).await {
        Ok(client) => return Ok(client),
        Err(failure) => failure,
    };
    let told_by_bytes = match failure {
        Failure::Refused { .. } | Failure::Unreachable { .. } | Failure::Disconnected { .. } => None,
        _ => first_words::explain(trial.target, version, trial.limits.check / 2).await,
    };
    Err(told_by_bytes.unwrap_or_else(|| match failure {
        Failure::Late { .. } => format!("the broker accepted the connection, but {failure}"),
        other => other.to_string(),
    }))
}

async fn round_trip(trial: &Trial<'_>, name: CheckName, door: Door, qos: QoS) -> Result<(), String> {
    trial.over_each_version(|version| round_trip::comes_back(trial, version, name, door, qos)).await
}
