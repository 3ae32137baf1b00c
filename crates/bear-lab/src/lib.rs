//! The simulated world that bear is tested in.

#[cfg(feature = "servers")]
pub mod broken_broker;
pub mod clock;
pub mod disk;
#[cfg(feature = "servers")]
pub mod fake_ec2;
pub mod sim;
pub mod world;
