//! The state: what bear has recorded about the world, as a snapshot and the journal entries since.
//!
//! Everything here is pure: [`v1::State`] changes only by applying [`v1::Record`]s, so that a state is always the
//! fold of its records, whether they come from a running engine or from a journal that a crash left behind.

pub mod journal;
mod snapshot;
pub mod v1;

pub use snapshot::{SnapshotError, read, write};
pub use v1::State;
