//! `mqtt.retained`: a retained message waits for a late subscriber, and an empty one takes it away.

use rumqttc::QoS;

use super::delivery::difference;
use crate::client::Client;
use crate::failure::{Failure, humane};
use crate::trial::Trial;
use crate::wire::Version;

const FENCE: &[u8] = b"fence";

pub(super) async fn kept_and_cleared(trial: &Trial<'_>, version: Version) -> Result<(), Failure> {
    let topic = trial.topic("retained", version);
    let outcome = keep_and_clear(trial, version, &topic).await;
    if outcome.is_err() {
        // A retained message stays for ever. Best effort: the outcome is what people need to hear of.
        let _ = clear(trial, version, &topic).await;
    }
    outcome
}

async fn keep_and_clear(trial: &Trial<'_>, version: Version, topic: &str) -> Result<(), Failure> {
    let deadline = trial.deadline();
    let payload = trial.payload("retained", 300);
    let mut publisher = Client::connect(&trial.hello(version, "rp"), deadline).await?;
    publisher.publish(topic, &payload, QoS::AtLeastOnce, true).await?;

    let mut late = Client::connect(&trial.hello(version, "rl"), deadline).await?;
    late.subscribe(topic, QoS::AtLeastOnce).await?;
    let message = late.message().await;
    let message =
        message.map_err(|failure| failure.if_late("a late subscriber was sent no retained message"))?;
    if message.payload != payload {
        let difference = difference(&payload, &message.payload);
        return Err(Failure::wrong(format!("the retained payload came back changed: {difference}")));
    }
    if !message.retain {
        return Err(Failure::wrong(
            "a late subscriber was sent the retained message without its retain flag",
        ));
    }
    late.disconnect().await?;

    publisher.publish(topic, b"", QoS::AtLeastOnce, true).await?;
    // What is retained is sent to whoever subscribes, be it the client that published it.
    publisher.subscribe(topic, QoS::AtLeastOnce).await?;
    publisher.publish(topic, FENCE, QoS::AtLeastOnce, false).await?;
    let heard = publisher.listen_until(&[FENCE]).await?;
    if heard.messages.iter().any(|message| message.retain || message.payload == payload) {
        return Err(Failure::wrong("a retained message was still sent after an empty one had cleared it"));
    }
    if !heard.complete {
        return Err(Failure::wrong(format!(
            "a message sent to a subscriber of the cleared topic did not come within {}",
            humane(deadline.limit)
        )));
    }
    publisher.disconnect().await
}

async fn clear(trial: &Trial<'_>, version: Version, topic: &str) -> Result<(), Failure> {
    let mut janitor = Client::connect(&trial.hello(version, "rj"), trial.deadline()).await?;
    janitor.publish(topic, b"", QoS::AtLeastOnce, true).await?;
    janitor.disconnect().await
}
