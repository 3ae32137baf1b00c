//! Hosts that are real sshd processes of the current user, each with a folder for its `/` and stand-ins for its
//! programs. Each test says that it is skipped, unless `BEAR_TEST_SSH=required` is set.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod concerned;
mod drift;
mod faults;
mod install;
mod lab;
mod lifecycle;
mod look;
mod made;
mod planning;
mod prepare;
mod rotate;
#[expect(dead_code, unused_imports, unused_macros, reason = "the executor's own tests use the rest")]
#[path = "../../../bear-executor/tests/ssh/sshd.rs"]
mod sshd;
