//! Hosts that are real sshd processes of the current user. Each test says that it is skipped, unless
//! `BEAR_TEST_SSH=required` is set.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so, and the figures are for people")]

mod alias;
mod by_hand;
mod faults;
mod host_keys;
mod kept;
mod load;
mod run;
mod sshd;
mod sudo;

use std::time::Duration;

use bear_core::event::StepError;
use bear_executor::ssh::Ssh;
use bear_executor::{Executor, Outcome, Privilege, Redactor, Script};

pub(crate) const MINUTE: Duration = Duration::from_mins(1);

pub(crate) async fn run(ssh: &Ssh, text: &str) -> Result<Outcome, StepError> {
    run_within(ssh, text, MINUTE).await
}

pub(crate) async fn run_within(ssh: &Ssh, text: &str, deadline: Duration) -> Result<Outcome, StepError> {
    let redactor = Redactor::default();
    let script = Script { text, privilege: Privilege::User, deadline, redactor: &redactor, keep: None };
    ssh.run(&script, &mut |_| {}).await
}

/// What a script that succeeds writes.
pub(crate) async fn output(ssh: &Ssh, text: &str) -> String {
    let outcome = run(ssh, text).await.unwrap();
    assert!(outcome.exit.ok(), "{outcome:?}");
    outcome.transcript.to_string()
}
