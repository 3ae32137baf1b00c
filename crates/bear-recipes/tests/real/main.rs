//! Scripts on real machines: real systemd, real apt, real Docker, in the lab. `BEAR_TEST_LAB=required` runs them.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests run scripts on machines; only the recipes themselves do no I/O"
)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod brokers;
mod faults;
mod machine;
mod wanted;
