//! `mqtt.qos0`, `mqtt.qos1` and `mqtt.qos2`: a message goes from one client to another at each level, whole and once.
//!
//! Letting clients in is most of what verify costs a broker, so the levels share two of them. Only where that fails has each
//! level clients of its own, which tells whose fault it is.

use bear_core::check::CheckName;
use futures_util::future::join3;
use rumqttc::QoS;

use super::delivery::{self, Sent};
use super::round_trip;
use crate::client::Client;
use crate::failure::{Failure, Problem};
use crate::trial::Trial;
use crate::wire::{Door, Version};

const LEVELS: [(CheckName, QoS); 3] = [
    (CheckName::Qos0, QoS::AtMostOnce),
    (CheckName::Qos1, QoS::AtLeastOnce),
    (CheckName::Qos2, QoS::ExactlyOnce),
];

/// What became of each level, in their order.
pub(crate) type Outcomes = [Result<(), Problem>; 3];

/// The level that this check is about.
pub(super) async fn comes_back(trial: &Trial<'_>, name: CheckName) -> Result<(), Problem> {
    let level = LEVELS.iter().position(|(level, _)| *level == name);
    let outcome = async |version: Version| match level {
        Some(level) => trial.levels(version).get_or_init(|| outcomes(trial, version)).await[level].clone(),
        None => Ok(()),
    };
    trial.over_each_version(outcome).await
}

async fn outcomes(trial: &Trial<'_>, version: Version) -> Outcomes {
    let Err(together) = all_at_once(trial, version).await else { return [Ok(()), Ok(()), Ok(())] };
    let alone = async |(name, qos): (CheckName, QoS)| {
        let door = Door::tcp(trial.target.mqtt);
        round_trip::comes_back(trial, version, name, door, qos, trial.deadline()).await.map_err(Problem::from)
    };
    let [first, second, third] = LEVELS;
    let alone: Outcomes = join3(alone(first), alone(second), alone(third)).await.into();
    if alone.iter().any(Result::is_err) {
        return alone;
    }
    let together =
        Failure::wrong(format!("each level passes alone, but not all on one connection: {together}"));
    let problem = Problem::from(together);
    [Err(problem.clone()), Err(problem.clone()), Err(problem)]
}

async fn all_at_once(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let deadline = trial.deadline();
    let topic = |name: CheckName| trial.topic(&format!("together/{name}"), version);
    let sent =
        LEVELS.map(|(name, qos)| Sent { payload: trial.payload(name.as_str(), round_trip::size(qos)), qos });
    let fences = LEVELS.map(|(name, qos)| Sent { payload: format!("fence of {name}").into_bytes(), qos });

    let mut subscriber = Client::connect(&trial.hello(version, "as"), deadline).await?;
    for (name, qos) in LEVELS {
        subscriber.subscribe(&topic(name), qos).await?;
    }
    let mut publisher = Client::connect(&trial.hello(version, "ap"), deadline).await?;
    for ((name, qos), (sent, fence)) in LEVELS.iter().zip(sent.iter().zip(&fences)) {
        publisher.publish(&topic(*name), &sent.payload, *qos, false).await?;
        publisher.publish(&topic(*name), &fence.payload, *qos, false).await?;
    }
    let heard = subscriber.listen_until(&fences.each_ref().map(|fence| fence.payload.as_slice())).await?;
    delivery::judge(&sent, &fences, &heard, deadline.limit)?;
    publisher.disconnect().await?;
    subscriber.disconnect().await
}
