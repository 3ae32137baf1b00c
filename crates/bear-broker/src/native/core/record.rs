//! What the journal keeps: every change of state that outlives the process. A stored format, written with postcard:
//! variants and fields are only ever appended, anything else needs a new `FORMAT` in `journal`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::message::{Delivery, Message, Subscription};

/// One change of state. It is decided first, then journalled, then applied, live and at the next start alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// A session begins, or goes on with another expiry. It is connected until [`Record::Away`].
    Session {
        client: String,
        expiry_seconds: u32,
    },
    /// The connection of a session ended, in milliseconds since 1970.
    Away {
        client: String,
        since: u64,
    },
    /// A session and everything in it is gone.
    Ended {
        client: String,
    },
    Subscribed {
        client: String,
        filter: String,
        subscription: Subscription,
    },
    Unsubscribed {
        client: String,
        filter: String,
    },
    /// A message for some sessions; with `retain` also for those that subscribe later.
    Message {
        seq: u64,
        message: Arc<Message>,
        retain: bool,
        to: Vec<(String, Delivery)>,
    },
    /// A message left a session's queue under this packet identifier.
    Sent {
        client: String,
        seq: u64,
        packet_id: u16,
    },
    /// The client has it (QoS 2, PUBREC): it is released, never sent again.
    Received {
        client: String,
        packet_id: u16,
    },
    /// The client has it for good (PUBACK, PUBCOMP).
    Done {
        client: String,
        packet_id: u16,
    },
    /// The client published under this packet identifier at QoS 2; the same again is the same message.
    Incoming {
        client: String,
        packet_id: u16,
    },
    /// The client released that packet identifier (PUBREL).
    Released {
        client: String,
        packet_id: u16,
    },
}

impl Record {
    /// The session that the record is about; none for a message, which may be for many.
    pub(crate) fn client(&self) -> Option<&str> {
        match self {
            Self::Message { .. } => None,
            Self::Session { client, .. }
            | Self::Away { client, .. }
            | Self::Ended { client }
            | Self::Subscribed { client, .. }
            | Self::Unsubscribed { client, .. }
            | Self::Sent { client, .. }
            | Self::Received { client, .. }
            | Self::Done { client, .. }
            | Self::Incoming { client, .. }
            | Self::Released { client, .. } => Some(client),
        }
    }
}
