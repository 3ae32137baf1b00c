//! The pure heart of bear: fleet, state, diff, plan and events.
//!
//! Nothing here performs I/O, reads a clock, draws a random number or looks at the environment; times and
//! identifiers come in as arguments. A `clippy.toml` beside this crate's manifest holds the compiler to that.

pub mod check;
pub mod diff;
pub mod draft;
pub mod event;
pub mod fleet;
pub mod health;
pub mod name;
pub mod observed;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod state;
pub mod step;
pub mod unit;
