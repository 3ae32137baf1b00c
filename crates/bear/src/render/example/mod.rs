//! Examples for the tests of this module: fleets, what was deployed of them, and runs.

mod fleet;
mod run;

use jiff::Timestamp;

pub(crate) use fleet::*;
pub(crate) use run::*;

/// When everything happens.
fn dawn() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}
