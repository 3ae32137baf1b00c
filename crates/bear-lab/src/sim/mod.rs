//! The deterministic simulator: random cases in which everything goes wrong, and what must hold in all of them.
//!
//! The real planner, engine, store, lock, journal, history and recovery run in it unchanged, on a
//! [disk](crate::disk) that loses what was not synced, in a [world](crate::world) with its own truth, in virtual time.
//! One seed decides everything, so that it alone runs a case again, to the byte.

mod account;
mod case;
mod coverage;
mod fleet;
mod gate;
mod generate;
mod life;
mod log;
mod property;
mod random;
mod runner;
mod show;
mod shrink;
mod stage;
#[cfg(test)]
mod tests;
mod witness;

pub use case::{Case, Change, Command, Death, Hand, Meddling, Moment, Request, Rival, Rivalry, Scene};
pub use coverage::Coverage;
pub use fleet::{MOST, Place, Sketch, Traits};
pub use log::{Property, Violation};
pub use runner::{Failure, Order, Report, simulate};
pub use shrink::{Shrunk, elements, shrink};
pub use stage::Outcome;
