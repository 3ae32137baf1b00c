//! Hosts that fail, each in its own way, and each with its own error.

use std::fs;
use std::time::Duration;

use bear_executor::host_keys::FirstContactRule;
use bear_executor::ssh::Ssh;
use bear_executor::{Executor, Line, Privilege, Redactor, Script};

use crate::sshd::{assert_ends, free_address, world};
use crate::{MINUTE, output, run, run_within};

#[tokio::test]
async fn a_deadline_ends_what_runs_on_the_host() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    ssh.connect().await.unwrap();
    let pids = world.path("pids");
    let text = format!("trap '' TERM; sleep 300 & echo $! >'{0}'; echo waiting; sleep 300", pids.display());
    let error = run_within(&ssh, &text, Duration::from_secs(1)).await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"a script on [user]@[address]:[port] did not end within 1 s; its processes were ended");
    assert_eq!((error.code, error.transient), ("bear::ssh::deadline", false));
    assert_eq!(error.last_lines, ["waiting"]);
    assert_ends(&fs::read_to_string(&pids).unwrap());
    // The connection was not to blame.
    assert_eq!(output(&ssh, "echo again").await, "again\n");
}

#[tokio::test]
async fn a_dropped_run_ends_what_runs_on_the_host() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let (sent, mut pids) = tokio::sync::mpsc::unbounded_channel();
    let redactor = Redactor::default();
    let text = "echo $$; sleep 300";
    let script =
        Script { text, privilege: Privilege::User, deadline: MINUTE, redactor: &redactor, keep: None };
    let mut each = |line: Line<'_>| sent.send(line.text.to_owned()).unwrap();
    let pid = tokio::select! {
        outcome = ssh.run(&script, &mut each) => panic!("{outcome:?}"),
        pid = pids.recv() => pid.unwrap(),
    };
    assert_ends(&pid);
}

#[tokio::test]
async fn a_lost_connection_is_told_from_a_script_that_was_killed() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let redactor = Redactor::default();
    let text = "echo $$; sleep 300";
    let script =
        Script { text, privilege: Privilege::User, deadline: MINUTE, redactor: &redactor, keep: None };
    let mut pid = String::new();
    let mut each = |line: Line<'_>| {
        line.text.clone_into(&mut pid);
        sshd.cut_connections();
    };
    let error = ssh.run(&script, &mut each).await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"the connection to [user]@[address]:[port] was lost while a script ran");
    assert_eq!((error.code, error.transient), ("bear::ssh::lost", true));
    // The next one connects anew, and finds nothing left of the first.
    let gone = format!(
        "for i in $(seq 500); do grep -qv ') Z ' /proc/{pid}/stat || exit 0; sleep 0.02; done; exit 1"
    );
    output(&ssh, &gone).await;

    let error = run(&ssh, "kill -9 $$; sleep 1").await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"a script on [user]@[address]:[port] was killed, together with the shell that watched it");
    assert_eq!((error.code, error.transient), ("bear::ssh::killed", true));
}

#[tokio::test]
async fn a_connection_that_was_cut_in_between_is_made_again() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    assert_eq!(output(&ssh, "echo one").await, "one\n");
    sshd.cut_connections();
    assert_eq!(output(&ssh, "echo two").await, "two\n");
}

#[tokio::test]
async fn a_host_that_is_dropped_is_disconnected() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    ssh.connect().await.unwrap();
    assert_eq!(sshd.connections(), 1);
    drop(ssh);
    for _ in 0..500 {
        if sshd.connections() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection is still there");
}

#[tokio::test]
async fn a_host_that_is_busy_until_the_deadline_is_told() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let busy = (0..8).map(|_| run_within(&ssh, "sleep 300", Duration::from_secs(4)));
    let last = async {
        // All sessions are taken once the eight before it were polled.
        run_within(&ssh, "echo never", Duration::from_secs(2)).await.unwrap_err()
    };
    let (_, error) = futures_util::future::join(futures_util::future::join_all(busy), last).await;
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"a script on [user]@[address]:[port] could not begin within 2 s: no connection, or no session left");
    assert_eq!((error.code, error.transient), ("bear::ssh::deadline", true));
}

#[tokio::test]
async fn where_nothing_listens_the_connection_is_refused() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let place = world.target(&sshd);
    drop(sshd);
    let error = run(&ssh, "true").await.unwrap_err();
    let message = error
        .message
        .replace(&place.port.unwrap().to_string(), "[port]")
        .replace(&place.address, "[address]");
    assert!(
        message.contains("[address]:[port]: ssh: connect to host [address] port [port]: Connection refused"),
        "{message}"
    );
    assert_eq!((error.code, error.transient), ("bear::ssh::refused", true));
}

#[tokio::test]
async fn a_host_that_says_nothing_is_unreachable() {
    let world = world!();
    let sshd = world.start("host", &[]);
    // It takes the connection and never says a word.
    let (address, port) = free_address();
    let _listener = std::net::TcpListener::bind((address.as_str(), port)).unwrap();
    let target = bear_executor::ssh::Target { address, port: Some(port), ..world.target(&sshd) };
    let error = run(&Ssh::new(target, world.host_keys(FirstContactRule::Refuse)), "true").await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::ssh::unreachable", true), "{error:?}");
}

#[tokio::test]
async fn a_key_that_the_host_does_not_know_is_refused() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let target = bear_executor::ssh::Target { identity: Some(world.key("other")), ..world.target(&sshd) };
    let ssh = Ssh::new(target, world.host_keys(FirstContactRule::Accept));
    let error = run(&ssh, "true").await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"connecting to [user]@[address]:[port]: [user]@[address]: Permission denied (publickey,keyboard-interactive).");
    assert_eq!((error.code, error.transient), ("bear::ssh::auth", false));
}

#[tokio::test]
async fn a_name_without_an_address_is_no_host() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let target = bear_executor::ssh::Target { address: "no-such-host.invalid".into(), ..world.target(&sshd) };
    let error = run(&Ssh::new(target, world.host_keys(FirstContactRule::Accept)), "true").await.unwrap_err();
    assert_eq!(error.code, "bear::ssh::unresolved", "{error:?}");
}

#[tokio::test]
async fn an_account_without_a_shell_is_told() {
    let world = world!();
    let sshd = world.start("host", &["ForceCommand=echo This account is currently not available."]);
    let error = run(&world.ssh(&sshd), "true").await.unwrap_err();
    let message = world.redacted(&error, &sshd);
    insta::assert_snapshot!(message, @"running a shell on [user]@[address]:[port]: This account is currently not available.");
    assert_eq!((error.code, error.transient), ("bear::ssh::no_shell", false));
}

#[tokio::test]
async fn a_greeting_is_no_part_of_the_output() {
    let world = world!();
    let sshd = world.start("host", &["ForceCommand=echo Welcome; eval \"$SSH_ORIGINAL_COMMAND\""]);
    let mut lines = Vec::new();
    let mut each = |line: Line<'_>| lines.push(line.text.to_owned());
    let redactor = Redactor::default();
    let script = Script {
        text: "echo hello",
        privilege: Privilege::User,
        deadline: MINUTE,
        redactor: &redactor,
        keep: None,
    };
    assert!(world.ssh(&sshd).run(&script, &mut each).await.unwrap().exit.ok());
    assert_eq!(lines, ["hello"]);
}
