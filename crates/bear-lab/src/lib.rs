//! The simulated world that bear is tested in.

pub mod broken_broker;
pub mod clock;
pub mod fake_ec2;
pub mod store;
pub mod world;
