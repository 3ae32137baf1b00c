//! End to end: the program `bear`, run as people run it. A module for each command, and one binary for all, since
//! linking takes longer than running.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod brokers;
mod chromium;
mod client;
mod screen;
mod sshd;
mod support;

mod apply;
mod bad_input;
mod book;
mod canary;
mod completions;
mod confirm;
mod crash;
mod doctor;
mod drift;
mod errors;
mod examples;
mod exit_status;
mod graph;
mod host_keys;
mod init;
mod inventory;
mod lock;
mod logs;
mod man;
mod mosquitto;
mod open;
mod output;
mod password;
mod plan;
mod readme;
mod refused;
mod report;
mod report_browser;
mod schema;
mod secret;
mod ssh;
mod state;
mod state_faults;
mod status;
mod two_files;
mod ui;
mod ui_pages;
mod ui_terminal;
mod validate;
