//! The broker as a process, as its clients and its keeper see it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod child;
mod client;
mod durability;
mod keeper;
mod protocols;
mod raw;

use std::path::Path;

/// The child process of the other tests: this test binary again, told by the environment which broker to run.
#[test]
fn runs_a_broker_where_it_is_told_to() {
    if let Some(spec) = std::env::var_os(child::SPEC) {
        bear_broker::run(Path::new(&spec)).inspect_err(|error| eprintln!("{error}")).unwrap();
    }
}
