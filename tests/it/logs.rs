//! `bear logs`

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Outcome, Project, check};

const LOG: &str = ".bear/demo/instances/demo-broker-1/broker.log";

#[test]
fn the_last_lines() {
    let project = Project::deployed().with(LOG, (1..=60).map(|n| format!("line {n}\n")).collect::<String>());
    assert_eq!(project.bear("logs demo-broker-1").ok().stdout.lines().count(), 50);
    check!(project.bear("logs demo-broker-1 -n 2"), @"
    exit status: 0
    ----- stdout -----
    line 59
    line 60
    ");
    check!(project.bear("logs demo-broker-1 -n 1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"instance":"demo-broker-1","line":"line 60"}
    "#);
}

#[test]
fn what_others_wrote_does_not_steer_the_terminal() {
    let project = Project::deployed().with(LOG, "\u{1b}[2Jgone\nnot whole");
    check!(project.bear("logs demo-broker-1"), @r"
    exit status: 0
    ----- stdout -----
    \u{1b}[2Jgone
    not whole
    ");
}

#[test]
fn no_log() {
    check!(Project::deployed().bear("logs demo-broker-1"), @"
    exit status: 1
    ----- stderr -----
    bear::logs::none

      × the broker of `demo-broker-1` has written no log yet
      help: `bear apply` finishes what is not installed
    ");
    check!(Project::deployed().bear("logs demo-brokr-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-brokr-1`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
}

#[test]
fn follow_until_interrupted() {
    let project = Project::deployed().with(LOG, "first\n");
    let mut bear = project.command(["logs", "demo-broker-1", "--follow"]).spawn().unwrap();
    let lines = lines(&mut bear);
    let next = || lines.recv_timeout(Duration::from_mins(1)).unwrap();
    assert_eq!(next(), "first");
    project.write(LOG, "first\nsecond\n");
    assert_eq!(next(), "second");

    kill_process(Pid::from_child(&bear), Signal::INT).unwrap();
    let outcome = Outcome::of(bear, &project.path(""));
    assert_eq!(outcome.code(), 130, "{outcome}");
}

#[test]
fn nobody_reads_any_more() {
    let project = Project::deployed().with(LOG, "first\n");
    let mut bear = project.command(["logs", "demo-broker-1", "-f"]).spawn().unwrap();
    drop(bear.stdout.take());
    project.write(LOG, "first\nsecond\n");
    let outcome = Outcome::of(bear, &project.path(""));
    assert_eq!(outcome.code(), 0, "{outcome}");
    assert_eq!(outcome.stderr, "");
}

/// The lines of a command's output, as they come.
fn lines(child: &mut Child) -> Receiver<String> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = sync_channel(100);
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}
