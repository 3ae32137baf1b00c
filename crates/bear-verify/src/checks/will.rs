//! `mqtt.will`: a broker publishes the will of a client that vanished.

use rumqttc::QoS;

use super::delivery::difference;
use crate::client::Client;
use crate::failure::Failure;
use crate::trial::Trial;
use crate::wire::{Hello, Version, Will};

pub(super) async fn published(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let deadline = trial.deadline();
    let topic = trial.topic("will", version);
    let payload = trial.payload("will", 300);
    let mut heir = Client::connect(&trial.hello(version, "lh"), deadline).await?;
    heir.subscribe(&topic, QoS::AtLeastOnce).await?;

    let will = Some(Will { topic, payload: payload.clone() });
    let doomed = Hello { will, ..trial.hello(version, "ld") };
    // Dropping a client closes its socket without a DISCONNECT, as a crash does.
    drop(Client::connect(&doomed, deadline).await?);

    let message = heir.message().await.map_err(|failure| {
        failure.if_late("the socket of a client with a will was dropped, its will was not published")
    })?;
    if message.payload != payload {
        return Err(Failure::wrong(format!(
            "the will came changed: {}",
            difference(&payload, &message.payload)
        )));
    }
    heir.disconnect().await
}
