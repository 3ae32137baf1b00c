//! `mqtt.session`: a broker keeps what is sent to a client while it is away.

use rumqttc::QoS;

use super::delivery::{self, Sent};
use crate::client::Client;
use crate::failure::Failure;
use crate::trial::Trial;
use crate::wire::{Hello, Version};

/// Messages at each of QoS 1 and 2: enough to see an order.
const PER_LEVEL: usize = 3;

pub(super) async fn outlives_absence(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let outcome = go_away_and_come_back(trial, version).await;
    let removed = remove_session(trial, version).await;
    outcome.and(removed)
}

async fn go_away_and_come_back(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let deadline = trial.deadline();
    let topic = trial.topic("session", version);
    let hello = Hello { keeps_session: true, ..trial.hello(version, "ss") };

    let mut traveller = Client::connect(&hello, deadline).await?;
    traveller.subscribe(&topic, QoS::ExactlyOnce).await?;
    traveller.disconnect().await?;

    let mut publisher = Client::connect(&trial.hello(version, "sp"), deadline).await?;
    let (sent, fences) = messages(trial);
    for message in &sent {
        publisher.publish(&topic, &message.payload, message.qos, false).await?;
    }

    let mut traveller = Client::connect(&hello, deadline).await?;
    if !traveller.session_present {
        return Err(Failure::wrong("a client came back to its session, the broker said that it has none"));
    }
    for fence in &fences {
        publisher.publish(&topic, &fence.payload, fence.qos, false).await?;
    }
    let payloads: Vec<&[u8]> = fences.iter().map(|fence| fence.payload.as_slice()).collect();
    let heard = traveller.listen_until(&payloads).await?;
    delivery::judge(&sent, &fences, &heard, deadline.limit)
        .map_err(|failure| Failure::wrong(format!("while the session was away: {failure}")))?;
    publisher.disconnect().await?;
    traveller.disconnect().await
}

/// What is sent while the session is away, alternately at QoS 1 and 2, and a fence for each of the two: the order
/// between levels is nobody's promise (MQTT-4.6.0-6).
fn messages(trial: &Trial<'_>) -> (Vec<Sent>, Vec<Sent>) {
    let levels = [QoS::AtLeastOnce, QoS::ExactlyOnce];
    let message = |name: String, qos: QoS| Sent { payload: trial.payload(&name, 300), qos };
    let sent =
        (0..PER_LEVEL).flat_map(|index| levels.map(|qos| message(format!("{index}-{}", qos as u8), qos)));
    let fences = levels.map(|qos| message(format!("fence-{}", qos as u8), qos));
    (sent.collect(), fences.to_vec())
}

/// A clean session takes the place of the kept one, and ends with its connection.
async fn remove_session(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let janitor = Client::connect(&trial.hello(version, "ss"), trial.deadline()).await?;
    janitor.disconnect().await
}
