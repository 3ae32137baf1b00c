//! From a fleet, a state and an observation to a plan.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod diff;
mod doubt;
mod faults;
mod foundation;
mod hosts;
mod laws;
mod plan;
mod progress;
mod recorded;
mod scene;
