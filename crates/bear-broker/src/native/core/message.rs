//! What a broker carries and to whom: messages, subscriptions, deliveries. Part of the journal's format.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// How sure a delivery is. Ordered: the lesser of two is what a subscriber gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "these are MQTT's own names")]
pub(crate) enum Qos {
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

/// A message as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    /// When it must not be delivered any more, in milliseconds since 1970.
    pub(crate) expires_at: Option<u64>,
    pub(crate) properties: Properties,
}

/// The properties of MQTT 5 that travel with a message unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Properties {
    pub(crate) payload_is_text: Option<bool>,
    pub(crate) content_type: Option<String>,
    pub(crate) response_topic: Option<String>,
    pub(crate) correlation_data: Option<Bytes>,
    pub(crate) user: Vec<(String, String)>,
}

impl Message {
    /// Makes the message expire so long after `now`, if it is to expire at all.
    pub(crate) fn expire_after(&mut self, seconds: Option<u32>, now: u64) {
        self.expires_at = seconds.map(|seconds| now + u64::from(seconds) * 1000);
    }

    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// About what it takes in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        let properties = &self.properties;
        let texts = [&properties.content_type, &properties.response_topic];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let user = properties.user.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        let correlation = properties.correlation_data.as_ref().map_or(0, Bytes::len);
        size_of::<Self>() + self.topic.len() + self.payload.len() + texts + user + correlation
    }
}

/// What a session asked for with one topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) qos: Qos,
    /// Messages that the session published itself are not for it.
    pub(crate) no_local: bool,
    /// Messages keep the retain flag that they were published with.
    pub(crate) retain_as_published: bool,
    /// The number that the client wants to see on messages of this subscription.
    pub(crate) id: Option<u32>,
}

/// Which retained messages a new subscription gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetainHandling {
    Always,
    IfNew,
    Never,
}

/// How one session gets one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) qos: Qos,
    pub(crate) retain: bool,
    pub(crate) subscription_ids: Vec<u32>,
}

/// What is published in the name of a client that went without a word.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) message: Message,
    pub(crate) delay_seconds: u32,
    /// How long the message is worth delivering, from when it is published.
    pub(crate) expiry_seconds: Option<u32>,
}
