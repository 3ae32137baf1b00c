//! Machines that exist already, reached over SSH: the `hosts` provider, and the installer that puts brokers on any
//! machine that can be reached so.
//!
//! [`Hosts`] keeps one connection to each host, which its provider, the installer [`Remote`] and everything that looks
//! at a broker share. What happens on a host are the scripts of `bear-recipes`; how they travel is for `bear-executor`.
//!
//! # Layout
//!
//! - `reach`: where an instance is, and its connection. `script`: recipes run there, and what came of it.
//! - `provider`, `observe`: machines become part of the fleet, are looked at, and are given back.
//! - `prepare`, `rotate`, `running`, `drain`: machines that bear made, from the first connection to the last.
//! - `sighting`: what was just seen to be as it was left, so that a change runs only the blocks that it concerns.
//! - `broker`, `install`, `image`: from a spec to recipes, and onto the machine.
//! - `look`, `logs`: for when something is wrong.

mod broker;
mod drain;
mod image;
mod install;
mod logs;
mod look;
mod observe;
mod prepare;
mod provider;
mod reach;
mod rotate;
mod running;
mod script;
mod settings;
mod sighting;
#[cfg(test)]
mod told;

pub use bear_executor::host_keys::{FirstContact, FirstContactRule};
pub use bear_executor::ssh::{ConnectError, Forward, Ssh};
pub use broker::FILE;
pub use install::{Remote, Secrets};
pub use look::Look;
pub use prepare::{NO_SSH, SSH_LIMIT, reported};
pub use reach::{Hosts, Place};
pub use running::Running;
pub use settings::Settings;
