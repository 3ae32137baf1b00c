//! MQTT's rules for sessions, queues and retained messages, without sockets, clocks or codec.
//!
//! Every lasting change is a [`record::Record`]: [`broker::Broker`] decides on it, [`journal::Journal`] keeps it, and
//! then [`state::State`] applies it, so that what a restart replays is by construction what happened.

pub(super) mod broker;
mod delivery;
mod journal;
pub(super) mod link;
pub(super) mod message;
#[cfg(test)]
mod properties;
mod record;
mod routes;
mod session;
mod state;
#[cfg(test)]
mod tests;
pub(super) mod topic;
mod wills;
