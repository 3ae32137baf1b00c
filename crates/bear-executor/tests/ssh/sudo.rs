//! Becoming root: with stand-ins for `sudo` and `id`, so that it makes no difference who runs the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bear_core::event::StepError;
use bear_executor::{Executor, Outcome, Privilege, Redactor, Script};

use crate::MINUTE;
use crate::sshd::{World, world};

/// Runs a script as root on a host whose `sudo` is this shell script; without one there is none.
async fn run(world: &World, sudo: Option<&str>) -> Result<Outcome, StepError> {
    let tools = world.path("tools");
    let _ = fs::remove_dir_all(&tools);
    fs::create_dir(&tools).unwrap();
    for tool in ["sh", "head", "timeout", "sleep", "cat"] {
        let found = ["/bin", "/usr/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        let found = found.iter().find(|path| path.exists()).unwrap();
        std::os::unix::fs::symlink(found, tools.join(tool)).unwrap();
    }
    for (name, text) in [("id", Some("echo 1000")), ("sudo", sudo)] {
        if let Some(text) = text {
            let path = tools.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let force = format!("ForceCommand=PATH={}; export PATH; eval \"$SSH_ORIGINAL_COMMAND\"", tools.display());
    let sshd = world.start("host", &[&force]);
    let redactor = Redactor::default();
    let text = "echo \"as root\"; cat";
    let script =
        Script { text, privilege: Privilege::Root, deadline: MINUTE, redactor: &redactor, keep: None };
    world.ssh(&sshd).run(&script, &mut |_| {}).await.map_err(|mut error| {
        error.message = world.redacted(&error.message, &sshd);
        error
    })
}

#[tokio::test]
async fn sudo_runs_the_script() {
    let world = world!();
    // It ends unless it is told to ask nobody.
    let outcome = run(&world, Some("[ \"$1 $2\" = '-n --' ] || exit 1; shift 2; exec \"$@\"")).await.unwrap();
    assert_eq!((outcome.exit.ok(), outcome.transcript.to_string()), (true, "as root\n".into()));
}

#[tokio::test]
async fn without_sudo_there_is_no_root() {
    let world = world!();
    let error = run(&world, None).await.unwrap_err();
    insta::assert_snapshot!(error, @"becoming root on [user]@[address]:[port]: there is no sudo");
    assert_eq!((error.code, error.transient), ("bear::ssh::sudo_missing", false));
}

#[tokio::test]
async fn a_sudo_that_asks_or_refuses_is_told() {
    let world = world!();
    let error = run(&world, Some("echo 'sudo: a password is required' >&2; exit 1")).await.unwrap_err();
    insta::assert_snapshot!(error, @"becoming root on [user]@[address]:[port]: sudo asks for a password");
    assert_eq!((error.code, error.transient), ("bear::ssh::sudo_password", false));

    let error = run(&world, Some("echo 'ops is not in the sudoers file.' >&2; exit 1")).await.unwrap_err();
    insta::assert_snapshot!(error, @"becoming root on [user]@[address]:[port]: ops is not in the sudoers file.");
    assert_eq!((error.code, error.transient), ("bear::ssh::sudo_refused", false));
}
