//! The embedded MQTT broker that the `local` provider runs as a child process.
//!
//! `bear __broker --spec FILE` calls [`run`], which holds the instance's folder for itself, loads what the folder
//! remembers, listens on three loopback ports (MQTT 3.1.1 and 5, the same over websockets, a status page) and goes
//! on until it is told to stop. Nothing listens before everything is loaded, so an accepted MQTT CONNECT is readiness.
//!
//! # What survives
//!
//! A message is acknowledged (PUBACK, PUBREC) after it was handed to the operating system, so `kill -9` of the
//! broker loses nothing that was acknowledged: sessions with an expiry, their subscriptions, what is queued and in
//! flight for them at QoS 1 and 2, and retained messages. The file is flushed to the disk once a second, so a power
//! cut may lose the last second. Sessions that end with their connection, and QoS 0, live in memory only. A will
//! that waits for its delay is forgotten when the broker is killed, which MQTT allows.
//!
//! # Layout
//!
//! - [`Spec`], [`Credentials`] and [`Holder`]: what others write for the broker and read of it
//! - `process`: one broker from the lock to the last log line; `status`: the page on the dashboard port
//! - `embedded`: the trait that a broker library is put behind
//! - `native`: the broker behind it: MQTT's rules (`native::core`) know no socket and no codec; the codec is a
//!   library that only `native::wire` and its neighbours see

mod credentials;
mod doorkeeper;
mod embedded;
mod error;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limits;
mod listener;
mod lock;
mod native;
mod process;
mod spec;
mod status;

pub use credentials::Credentials;
pub use error::BrokerError;
pub use lock::{Holder, start_time};
pub use process::run;
pub use spec::{Ports, Spec};

/// The version of the embedded broker: that of bear itself.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
