//! The provider against the fake EC2, by the real SDK. Time is paused where there are no sockets.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "the figures of performance.md")]

mod calls;
mod create;
mod destroy;
mod faults;
mod foundation;
mod observe;
mod thousand;
mod world;
