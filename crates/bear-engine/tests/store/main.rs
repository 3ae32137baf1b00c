//! The store in files: no crash loses what was recorded, and nobody writes who does not hold the lock.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod crash;
mod damage;
mod history;
mod lock;
mod plan;
mod power;
mod reading;
mod room;
mod secrets;
mod support;
