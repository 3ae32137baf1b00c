//! The lock: one bear at a time changes a fleet

use std::fs::{self, File};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal};

use crate::brokers::{check_run, eventually, fleet_of, send};
use crate::support::Project;

/// A fleet whose password is there as soon as somebody has made the file `go`. Until then a bear that applies it holds
/// the lock and waits.
fn slow() -> Project {
    let fleet = fleet_of(1).replace(
        "broker: embedded",
        "broker: { embedded: { authentication: { username: ann, password: { command: [sh, wait.sh] } } } }",
    );
    let wait = "while [ ! -e go ]; do sleep 0.01; done; echo secret\n";
    Project::new().with("fleets/demo.yaml", fleet).with("wait.sh", wait)
}

/// A bear that applies a slow fleet and has taken the lock.
fn holder(project: &Project) -> Child {
    let bear = project.command(["apply", "fleets/demo.yaml", "--yes"]).spawn().unwrap();
    let holds_it = || fs::read(project.path(".bear/demo/lock")).is_ok_and(|text| text.ends_with(b"\n"));
    eventually("it holds the lock", holds_it);
    bear
}

#[test]
fn the_second_is_told_who_is_first() {
    let project = slow();
    let first = holder(&project);
    let outcome = project.bear("apply --yes");
    assert!(outcome.stderr.contains(&format!("process {}", first.id())), "{outcome}");
    check_run!(outcome, @"
    exit status: 4
    ----- stderr -----
    bear::state::locked

      × [PROJECT]/.bear/demo/lock is held by ann@[HOST] (process [PID], `bear apply`, since [TIME])
      help: wait for it with `--lock-wait 5m`; if it hangs, end process [PID] on [HOST], which frees the lock
    ");
    assert_eq!(project.bear("apply --yes --lock-wait 1s").code(), 4);
    // Looking needs no lock.
    project.bear("plan").ok();
    project.bear("state list").ok();

    project.write("go", "");
    let outcome = project.end(first);
    assert_eq!(outcome.code(), 0, "{outcome}");
    project.expect_settled("demo", 1);
}

#[test]
fn who_waits_gets_it_once_it_is_free() {
    let project = slow();
    let first = holder(&project);
    let second = project.start("apply fleets/demo.yaml --yes --lock-wait 2m");
    let said = || project.read("said.txt");
    eventually("it waits", || said().contains("waiting for the lock"));
    check_run!(said().lines().next().unwrap(), @"waiting for the lock, held by ann@[HOST] (process [PID], `bear apply`, since [TIME])");

    project.write("go", "");
    assert_eq!(project.end(first).code(), 0);
    let outcome = project.end(second);
    assert_eq!(outcome.code(), 0, "{outcome}{}", said());
    check_run!(outcome.stdout, @"No changes. 1 instance is as fleet demo wants it.");
    project.expect_settled("demo", 1);
}

#[test]
fn the_death_of_the_holder_frees_it() {
    let project = slow();
    let first = holder(&project);
    assert_eq!(project.bear("apply --yes").code(), 4);
    send(Pid::from_child(&first), Signal::KILL);
    project.write("go", "");
    project.end(first);
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 1);
}

#[test]
fn what_a_dead_holder_was_starting_is_waited_for() {
    let project = Project::of(1);
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let holder = serde_json::json!({
        "user": "ann", "host": rustix::system::uname().nodename().to_str().unwrap(), "pid": dead.id(),
        "boot_id": boot_id.trim(), "command": "bear apply", "since": "2026-11-22T20:00:00Z",
    });
    project.write(".bear/demo/lock", format!("{holder}\n"));
    let lock = File::open(project.path(".bear/demo/lock")).unwrap();
    lock.lock().unwrap();

    let bear = project.start("apply fleets/demo.yaml --yes");
    eventually("it waits", || project.read("said.txt").contains("waiting for the lock"));
    lock.unlock().unwrap();
    let outcome = project.end(bear);
    assert_eq!(outcome.code(), 0, "{outcome}{}", project.read("said.txt"));
    project.expect_settled("demo", 1);
}
