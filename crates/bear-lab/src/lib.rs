//! The simulated world that bear is tested in.

pub mod broken_broker;
pub mod clock;
pub mod store;
pub mod world;
