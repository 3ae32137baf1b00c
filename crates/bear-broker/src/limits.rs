//! Every bound of the broker in one place, each with its reason. None can be set: nobody has asked for that.

use std::time::Duration;

/// The longest packet that is taken, in bytes. Clients of MQTT 5 are told. Room for any sane message, and small
/// enough that a few greedy clients can't fill the memory.
pub(crate) const PACKET_BYTES: usize = 1024 * 1024;

/// Clients connected at once, over both ports. Below the 1,024 open files that systems grant by default.
pub(crate) const CONNECTIONS: usize = 900;

/// Sessions kept, connected or not.
pub(crate) const SESSIONS: usize = 10_000;

/// Subscriptions of one session.
pub(crate) const SUBSCRIPTIONS: usize = 1_000;

/// Levels of a topic filter. Filters are kept in a tree, which is walked as deep as this.
pub(crate) const FILTER_LEVELS: usize = 128;

/// Messages waiting for one session, and their bytes. What comes on top is dropped for that session and logged.
pub(crate) const QUEUED_MESSAGES: usize = 10_000;
pub(crate) const QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// Retained messages, and their bytes. What comes on top is delivered but not retained, and logged.
pub(crate) const RETAINED_MESSAGES: usize = 10_000;
pub(crate) const RETAINED_BYTES: usize = 64 * 1024 * 1024;

/// Messages of QoS 1 and 2 on their way to one client and not acknowledged yet. A client of MQTT 5 may ask for fewer.
pub(crate) const IN_FLIGHT: u16 = 64;

/// Messages of QoS 2 on their way from one client and not released yet. Clients of MQTT 5 are told.
pub(crate) const RECEIVE_MAXIMUM: u16 = 64;

/// Topic aliases that a client of MQTT 5 may set, and that the broker sets towards one.
pub(crate) const TOPIC_ALIASES: u16 = 16;

/// The longest keep alive of a client of MQTT 5, in seconds: a dead one is noticed within 1.5 times that.
pub(crate) const KEEP_ALIVE_SECONDS: u16 = 60;

/// The longest client identifier, in bytes.
pub(crate) const CLIENT_ID_BYTES: usize = 1024;

/// From the first byte of a connection (or of a websocket's handshake) to a whole CONNECT.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// A client that takes no byte for this long is gone.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(30);

/// How long a connection that the broker closes is kept open for the client to read why.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

/// Bytes waiting to be written at which nothing more is read from that client.
pub(crate) const OUTBOX_BYTES: usize = 256 * 1024;

/// Threads beside the one that serves: for checks of passwords, of which two are made at once, and for flushing.
pub(crate) const BLOCKING_THREADS: usize = 2;

/// How often expired sessions and delayed wills are looked for. MQTT counts both in seconds.
pub(crate) const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// How often the journal is flushed to the disk: what a power cut may lose.
pub(crate) const FLUSH: Duration = Duration::from_secs(1);

/// The journal is rewritten when it is longer than this and four times what the last rewriting left.
pub(crate) const COMPACT_BYTES: u64 = 4 * 1024 * 1024;

/// Requests to the status page answered at once, the longest head of one, and how long one may take.
pub(crate) const STATUS_REQUESTS: usize = 16;
pub(crate) const STATUS_HEAD_BYTES: usize = 8 * 1024;
pub(crate) const STATUS_REQUEST: Duration = Duration::from_secs(5);

/// From the signal to the end of the process.
pub(crate) const STOP: Duration = Duration::from_secs(4);
