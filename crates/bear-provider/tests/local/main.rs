//! The `local` provider against real processes: a stand-in for the broker, which is this very test program.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod lifecycle;
mod ports;
mod recovery;
mod stand_in;
mod world;
