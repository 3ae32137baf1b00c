//! Runs of plans in the simulated world.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod concurrency;
mod convergence;
mod crashes;
mod disk;
mod durability;
mod failures;
mod fleets;
mod foundations;
mod lab;
mod retries;
mod stopping;
mod stream;
