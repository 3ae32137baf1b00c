//! A shell that is kept for the next script: when it is used, and when it is not.

use std::time::Duration;

use bear_executor::ssh::Ssh;
use bear_executor::{Executor, Privilege, Redactor, Script};

use crate::sshd::{assert_ends, world};
use crate::{MINUTE, output, run, run_within};

/// The process of the shell that runs a script, which is kept for others that take so long at most.
async fn shell(ssh: &Ssh, keep: Option<Duration>) -> String {
    let redactor = Redactor::default();
    let script =
        Script { text: "echo $$", privilege: Privilege::User, deadline: MINUTE, redactor: &redactor, keep };
    let outcome = ssh.run(&script, &mut |_| {}).await.unwrap();
    outcome.transcript.to_string()
}

#[tokio::test]
async fn one_script_more_runs_in_it() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(MINUTE)).await;
    // It is another script all the same: nothing is left of the first one, and its status is its own.
    let outcome = run(&ssh, "echo $$; cat; exit 42").await.unwrap();
    assert_eq!(
        (outcome.transcript.to_string(), outcome.exit.to_string()),
        (kept.clone(), "exit status 42".into())
    );
    assert_ends(&kept);
    assert_ne!(shell(&ssh, None).await, kept);
}

#[tokio::test]
async fn one_that_died_is_replaced() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(MINUTE)).await;
    output(&world.ssh(&sshd), &format!("kill -9 {kept}")).await;
    assert_ends(&kept);
    assert_ne!(output(&ssh, "echo $$").await, kept);
}

#[tokio::test]
async fn one_whose_connection_is_gone_is_replaced() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(MINUTE)).await;
    sshd.cut_connections();
    assert_ends(&kept);
    assert_ne!(output(&ssh, "echo $$").await, kept);
}

/// It is ended on the host after a time, and that must not be in the middle of a script.
#[tokio::test]
async fn one_that_could_end_too_soon_is_not_used() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(Duration::from_secs(1))).await;
    assert_ne!(run_within(&ssh, "echo $$", 10 * MINUTE).await.unwrap().transcript.to_string(), kept);
    assert_ends(&kept);
}

#[tokio::test]
async fn a_deadline_ends_what_runs_in_it() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(MINUTE)).await;
    let error = run_within(&ssh, "echo $$; sleep 300", Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((error.code, error.last_lines), ("bear::ssh::deadline", vec![kept.trim().to_owned()]));
    assert_ends(&kept);
    assert_eq!(output(&ssh, "echo again").await, "again\n");
}

#[tokio::test]
async fn it_ends_with_its_host() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let kept = shell(&ssh, Some(MINUTE)).await;
    drop(ssh);
    assert_ends(&kept);
}
