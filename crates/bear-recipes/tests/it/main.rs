//! The recipes, with their scripts really run by a shell, against a host of stand-in programs.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests run scripts and look at files; only the recipes themselves do no I/O"
)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod cases;
mod causes;
mod concerned;
mod emqx;
mod faults;
mod first_boot;
mod host_key;
mod package_look;
mod packages;
mod protocol;
mod quoting;
mod running;
mod stacks;
mod world;
