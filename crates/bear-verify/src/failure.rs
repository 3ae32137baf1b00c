//! Why a check failed, in plain words, and the deadlines that make it fail rather than hang.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::Cause;
use crate::wire::bracketed;

/// Why a check failed, as people and callers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) cause: Cause,
    pub(crate) detail: String,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self { cause: failure.cause(), detail: failure.to_string() }
    }
}

/// What a client waits for from a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    ConnAck,
    SubAck,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Message,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnAck => "CONNACK",
            Self::SubAck => "SUBACK",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Message => "message",
        })
    }
}

/// Why a check failed: what was expected and what came instead. Never holds a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{address} can't be reached: {}", io_words(.source))]
    Unreachable { address: String, source: io::Error },
    #[error("{address} did not accept a connection within {}", humane(*.limit))]
    NotAccepted { address: String, limit: Duration },
    #[error("{address} accepted the connection, but nothing came within {}", humane(*.limit))]
    Silent { address: String, limit: Duration },
    #[error("{address} accepted the connection and closed it without a word")]
    ClosedAtOnce { address: String },
    #[error("what answers there speaks no TLS")]
    NoTls,
    #[error("the certificate {0}")]
    Certificate(String),
    #[error("no {awaited} came within {}", humane(*.limit))]
    Late { awaited: Awaited, limit: Duration },
    #[error("the broker closed the connection where a {awaited} was due")]
    Closed { awaited: Awaited },
    #[error("the broker disconnected the client where a {awaited} was due: {reason}")]
    Disconnected { awaited: Awaited, reason: String },
    #[error("the broker answered with bytes that are no MQTT where a {awaited} was due: {problem}")]
    NotMqtt { awaited: Awaited, problem: String },
    /// `over_credentials`: the reason given is the user name, the password or a lack of permission.
    #[error("the broker refused the connection: {reason}")]
    Refused { reason: String, over_credentials: bool },
    #[error("the websocket could not be opened: {0}")]
    Websocket(String),
    /// Let in and answered, but not with what the check asks.
    #[error("{0}")]
    Wrong(String),
}

impl Failure {
    pub(crate) fn wrong(detail: impl Into<String>) -> Self {
        Self::Wrong(detail.into())
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Unreachable { .. } | Self::NotAccepted { .. } => Cause::Unreachable,
            Self::Silent { .. }
            | Self::ClosedAtOnce { .. }
            | Self::Late { awaited: Awaited::ConnAck, .. }
            | Self::Closed { awaited: Awaited::ConnAck } => Cause::Unanswered,
            _ => Cause::Wrong,
        }
    }

    /// The same failure, told as a story if nothing came in time.
    pub(crate) fn if_late(self, story: &str) -> Self {
        match self {
            Self::Late { limit, .. } => Self::wrong(format!("{story} within {}", humane(limit))),
            other => other,
        }
    }
}

/// The point in time at which a check stops waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    at: Instant,
    pub(crate) limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// What `future` gives, or `None` once the deadline has passed.
    pub(crate) async fn bound<T>(self, future: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.at, future).await.ok()
    }

    /// A connection to `host`, or why there is none.
    pub(crate) async fn connect(self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let address = format!("{}:{port}", bracketed(host));
        match self.bound(TcpStream::connect((host, port))).await {
            Some(Ok(stream)) => Ok(stream),
            Some(Err(source)) => Err(Failure::Unreachable { address, source }),
            None => Err(Failure::NotAccepted { address, limit: self.limit }),
        }
    }
}

/// `connection refused` rather than `Connection refused (os error 111)`.
fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A duration as people write it: `5 s`, `400 ms`.
pub(crate) fn humane(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
