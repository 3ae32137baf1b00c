//! bear on hosts: containers with systemd, sshd, sudo and a Docker engine of their own, made by `cargo xtask lab up`.
//!
//! `cargo xtask lab test` runs these; without the lab they say that they were skipped, and `BEAR_TEST_LAB=required`
//! turns that into a failure.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "../it/support.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the other tests use what these leave out")]
mod support;

mod book;
mod changes;
mod ec2;
mod ec2_cloud;
mod faults;
mod lab;
mod whole_way;
