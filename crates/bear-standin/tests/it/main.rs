//! The stand-in as a program: its answers held against recordings of real brokers, and the rest of what bear relies on.
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod boot;
mod commands;
mod entrypoint;
mod faults;
mod http;
mod mqtt;
mod recorded;
mod world;
