//! Running scripts and uploading files through SSH.

use std::fs;
use std::sync::Mutex;

use bear_executor::{Content, Executor, Exit, Line, Privilege, Redactor, Script, Upload, Uploaded};

use crate::sshd::{WITHHELD, World, world};
use crate::{MINUTE, output, run};

#[tokio::test]
async fn a_script_goes_there_and_its_words_come_back() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    assert_eq!(output(&ssh, "echo \"it's $((6 * 7))\"").await, "it's 42\n");
    assert_eq!(run(&ssh, "exit 42").await.unwrap().exit, Exit::Status(42));
    assert_eq!(run(&ssh, "no-such-command").await.unwrap().exit, Exit::Status(127));
    assert_eq!(run(&ssh, "sh -c 'kill -9 $$'").await.unwrap().exit, Exit::Signal(9));
}

#[tokio::test]
async fn lines_come_while_the_script_runs() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let go = world.path("go");
    // The script waits for a file that is only made once its first line has come.
    let text = format!("echo first; until [ -e '{}' ]; do sleep 0.02; done; echo second", go.display());
    let mut lines = Vec::new();
    let mut each = |line: Line<'_>| {
        lines.push(line.text.to_owned());
        fs::write(&go, "").unwrap();
    };
    let redactor = Redactor::default();
    let script =
        Script { text: &text, privilege: Privilege::User, deadline: MINUTE, redactor: &redactor, keep: None };
    assert!(ssh.run(&script, &mut each).await.unwrap().exit.ok());
    assert_eq!(lines, ["first", "second"]);
}

#[tokio::test]
async fn a_script_may_be_long() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let text = format!("{}echo end", ": a line that does nothing\n".repeat(40_000));
    assert!(text.len() > 1024 * 1024);
    assert_eq!(output(&ssh, &text).await, "end\n");
}

#[tokio::test]
async fn output_has_bounds() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let text = output(
        &ssh,
        "head -c 9000000 /dev/zero | tr '\\0' x; echo; head -c 1000000 /dev/urandom; echo; echo end",
    )
    .await;
    assert!(text.ends_with("\nend\n"));
    assert!(text.len() < 128 * 1024);
}

#[tokio::test]
async fn secrets_are_in_no_argument_and_in_no_transcript() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    // Not written whole here, so that nothing but bear could show it.
    let secret = format!("secret-{}", std::process::id() + 1_000_000);
    let redactor = Redactor::new([secret.as_str()]);
    let go = world.path("go");
    // The script waits until all that it wrote was heard, so that it runs while its arguments are looked at.
    let text = format!(
        "password={secret}; echo \"$password\"; printf %s \"$password\" | base64 | tr -d =; cat
         until [ -e '{}' ]; do sleep 0.02; done",
        go.display()
    );
    let script =
        Script { text: &text, privilege: Privilege::User, deadline: MINUTE, redactor: &redactor, keep: None };
    let seen = Mutex::new(Vec::new());
    let mut each = |line: Line<'_>| {
        let arguments = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let bytes = fs::read(entry.unwrap().path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        });
        let arguments = arguments.collect::<Vec<_>>();
        assert!(arguments.iter().any(|argument| argument.contains("sh\0-s\0bear")), "the script runs");
        assert!(!arguments.iter().any(|argument| argument.contains(&secret)));
        let mut seen = seen.lock().unwrap();
        seen.push(line.text.to_owned());
        if seen.len() == 2 {
            fs::write(&go, "").unwrap();
        }
    };
    let outcome = ssh.run(&script, &mut each).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["***", "***"]);
    assert_eq!(outcome.transcript.to_string(), "***\n***\n");
}

#[tokio::test]
async fn an_upload_is_checked_and_happens_once() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let ssh = world.ssh(&sshd);
    let (source, path) = (world.path("source"), world.path("it's there"));
    let content = (0..5_000_000_u32).map(|number| number.to_le_bytes()[0]).collect::<Vec<_>>();
    fs::write(&source, &content).unwrap();
    let upload = Upload {
        content: Content::File(&source),
        path: path.to_str().unwrap(),
        mode: 0o600,
        privilege: Privilege::User,
        deadline: MINUTE,
    };
    assert_eq!(ssh.upload(&upload).await.unwrap(), Uploaded::Changed);
    assert!(fs::read(&path).unwrap() == content);
    assert_eq!(ssh.upload(&upload).await.unwrap(), Uploaded::Unchanged);
    let error = ssh.upload(&Upload { path: "/nowhere/file", ..upload }).await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::upload::not_written", false));
}

#[tokio::test]
async fn the_way_may_lead_through_another_host() {
    let world = world!();
    let (gate, inner) = (world.start("gate", &[]), world.start("inner", &[]));
    let known = format!("{} {}\n", gate.name(), world.public_key("gate"));
    fs::write(world.path("own_known_hosts"), known).unwrap();
    let config = format!(
        "Host gate\n HostName {}\n Port {}\n IdentityFile {id}\n UserKnownHostsFile {}\n\
         Host inner\n HostName {}\n Port {}\n ProxyJump gate\n IdentityFile {id}\n",
        gate.address,
        gate.port,
        world.path("own_known_hosts").display(),
        inner.address,
        inner.port,
        id = world.path("id").display(),
    );
    fs::write(world.path("ssh_config"), config).unwrap();
    let target = |world: &World| bear_executor::ssh::Target {
        address: "inner".into(),
        config: Some(world.path("ssh_config")),
        ..Default::default()
    };
    let host_keys = world.host_keys(bear_executor::host_keys::FirstContactRule::Accept);
    let ssh = bear_executor::ssh::Ssh::new(target(&world), std::sync::Arc::clone(&host_keys));
    // The host sees the connection come from the gate's own machine, and its key is known by its own name.
    assert_eq!(output(&ssh, "echo inside").await, "inside\n");
    assert_eq!(host_keys.known(&inner.name()).await.unwrap(), [world.public_key("inner")]);

    // A gate that is not known is refused, and named.
    fs::write(world.path("own_known_hosts"), "").unwrap();
    let ssh = bear_executor::ssh::Ssh::new(target(&world), host_keys);
    let error = run(&ssh, "true").await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::ssh::jump", false), "{error:?}");
    let message = world.redacted(&error.message, &inner);
    insta::assert_snapshot!(message, @"connecting to [user]@[address]:[port] through gate: Host key verification failed.");
}

/// Nor is what ssh itself starts.
#[tokio::test]
async fn ssh_is_not_given_what_is_withheld() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let file = world.path("environment");
    fs::write(world.path("ssh_config"), format!("Match exec \"env >{}\"\n", file.display())).unwrap();
    assert_eq!(output(&world.ssh(&sshd), "echo in").await, "in\n");
    let seen = fs::read_to_string(file).unwrap();
    assert!(seen.contains("CARGO_PKG_NAME="), "{seen}");
    assert!(std::env::var_os(WITHHELD).is_some());
    assert!(!seen.contains(WITHHELD), "{seen}");
}
