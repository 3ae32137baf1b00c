//! `ws.connect`, `tls.connect` and `wss.connect`: a message goes from one client to another, whole and once.

use bear_core::check::CheckName;
use rumqttc::QoS;

use super::delivery::{self, Sent};
use crate::client::Client;
use crate::failure::{Deadline, Failure};
use crate::trial::Trial;
use crate::wire::{Door, Hello, Version};

const FENCE: &[u8] = b"fence";

pub(super) async fn comes_back(
    trial: &Trial<'_>,
    version: Version,
    name: CheckName,
    door: Door<'_>,
    qos: QoS,
    deadline: Deadline,
) -> Result<(), Failure> {
    let topic = trial.topic(name.as_str(), version);
    let (subscriber_role, publisher_role) = roles(door, qos);
    let subscriber = Hello { door, ..trial.hello(version, subscriber_role) };
    let publisher = Hello { door, ..trial.hello(version, publisher_role) };

    let mut subscriber = Client::connect(&subscriber, deadline).await?;
    subscriber.subscribe(&topic, qos).await?;
    let mut publisher = Client::connect(&publisher, deadline).await?;
    let sent = Sent { payload: trial.payload(name.as_str(), size(qos)), qos };
    publisher.publish(&topic, &sent.payload, qos, false).await?;
    publisher.publish(&topic, FENCE, qos, false).await?;
    let heard = subscriber.listen_until(&[FENCE]).await?;
    delivery::judge(&[sent], &[Sent { payload: FENCE.to_vec(), qos }], &heard, deadline.limit)?;
    publisher.disconnect().await?;
    subscriber.disconnect().await
}

fn roles(door: Door<'_>, qos: QoS) -> (&'static str, &'static str) {
    match (door.websocket, door.tls.is_some(), qos) {
        (true, false, _) => ("ws", "wp"),
        (false, true, _) => ("ts", "tp"),
        (true, true, _) => ("xs", "xp"),
        (false, false, QoS::AtMostOnce) => ("0s", "0p"),
        (false, false, QoS::AtLeastOnce) => ("1s", "1p"),
        (false, false, QoS::ExactlyOnce) => ("2s", "2p"),
    }
}

/// Bytes of the payload: one within a small segment, one that takes several segments and three bytes of remaining
/// length, one in between.
pub(super) fn size(qos: QoS) -> usize {
    match qos {
        QoS::AtMostOnce => 300,
        QoS::AtLeastOnce => 20_000,
        QoS::ExactlyOnce => 5_000,
    }
}
