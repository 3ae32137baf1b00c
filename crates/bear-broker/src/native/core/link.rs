//! Between a connection and the broker: how a client says hello, what it gets, and why it does not.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokio::sync::Notify;

use super::message::{Delivery, Message, Will};

/// A session expiry that never comes (MQTT 5, section 3.1.2.11.2); what MQTT 3.1.1 means by a session that is kept.
pub(crate) const NEVER: u32 = u32::MAX;

/// Why the broker does not do what a client asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("another connection took the session over")]
    TakenOver,
    #[error("too many sessions")]
    TooManySessions,
    #[error("too many subscriptions")]
    TooManySubscriptions,
    #[error("not a topic filter")]
    NoFilter,
    #[error("more messages at once than the broker takes")]
    TooManyIncoming,
    #[error("the journal can't be written")]
    Journal(#[source] io::Error),
}

/// What a client says of itself when it connects.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) client: String,
    pub(crate) clean_start: bool,
    pub(crate) expiry_seconds: u32,
    pub(crate) will: Option<Will>,
    /// How many messages may be on their way to the client at once.
    pub(crate) window: u16,
    /// How many the client may have on their way at QoS 2.
    pub(crate) incoming: u16,
    pub(crate) wake: Arc<Notify>,
}

/// One connection of one client. It is of no more use once another connection took the session over.
#[derive(Clone, Debug)]
pub(crate) struct LinkId {
    pub(crate) client: String,
    pub(super) number: u64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The client took its leave, and may have changed its session's expiry.
    Left { expiry_seconds: Option<u32> },
    /// It did not, or it wants its will published nevertheless.
    Lost { expiry_seconds: Option<u32> },
}

/// What a client gets.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Publish { packet_id: Option<u16>, again: bool, message: Arc<Message>, delivery: Delivery },
    Release { packet_id: u16 },
}

/// What the broker knows of one connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) wake: Arc<Notify>,
    pub(super) window: usize,
    pub(super) incoming: usize,
    pub(super) will: Option<Will>,
    /// What was in flight before this connection, to be sent first.
    pub(super) again: VecDeque<u16>,
}
