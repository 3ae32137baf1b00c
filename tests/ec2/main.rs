//! bear on EC2: the program as people run it, against the fake EC2 of `bear-lab` over HTTP. Its machines have addresses
//! at which nobody answers, but where a test puts an sshd; so most of it ends where SSH begins.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "../it/support.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the other tests use what these leave out")]
mod support;

mod cloud;

mod care;
mod crash;
mod destroy;
mod doctor;
mod drift;
mod first_contact;
mod import;
mod life;
mod refused;
mod secrets;
