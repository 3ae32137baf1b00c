//! The broker behind [`EmbeddedBroker`](crate::embedded::EmbeddedBroker): own rules on a codec from a library.
//!
//! Why not a whole broker from a library: neither of the two that came near passes the public suites *and* keeps what
//! it acknowledged through `kill -9`; `docs/conformance.md` has the figures.

mod alias;
mod client;
mod clock;
mod connection;
#[cfg(feature = "fuzzing")]
mod converse;
mod core;
mod handshake;
mod outbox;
mod packets;
mod server;
mod websocket;
mod wire;

#[cfg(feature = "fuzzing")]
pub(crate) use converse::converse;
pub(crate) use server::NativeBroker;
