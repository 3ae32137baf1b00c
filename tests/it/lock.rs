//! The lock: one bear at a time changes a fleet

use std::process::Child;

use rustix::process::{Pid, Signal};

use crate::brokers::{check_run, eventually, send};
use crate::support::Project;

#[test]
fn the_second_is_told_who_is_first() {
    let project = Project::of(1);
    let first = holder(&project);
    for command in ["apply --yes", "apply fleets/demo.yaml --yes"] {
        let outcome = project.bear(command);
        let names_it = outcome.stderr.contains(&format!("process {}", first.id()));
        assert!(names_it, "{outcome}");
        check_run!(outcome, @"");
    }
    // Looking needs no lock.
    project.bear("plan").ok();
    project.bear("status").ok();

    send(Pid::from_child(&first), Signal::CONT);
    assert_eq!(project.end(first).code(), 0);
    project.expect_settled("demo", 1);
}

#[test]
fn who_waits_gets_it_once_it_is_free() {
    let project = Project::of(1);
    let first = holder(&project);
    let second = project.start("apply fleets/demo.yaml --yes --lock-wait 2m");
    let said = || project.read("said.txt");
    eventually("it waits", || said().contains("waiting for the lock"));
    check_run!(said().lines().next().unwrap(), @"");

    send(Pid::from_child(&first), Signal::CONT);
    assert_eq!(project.end(first).code(), 0);
    let outcome = project.end(second);
    assert_eq!(outcome.code(), 0, "{outcome}{}", said());
    check_run!(outcome.stdout, @"");
    project.expect_settled("demo", 1);
}

#[test]
fn nobody_waits_long_enough() {
    let project = Project::of(1);
    let first = holder(&project);
    assert_eq!(project.bear("apply --yes --lock-wait 1s").code(), 4);
    send(Pid::from_child(&first), Signal::KILL);
    project.end(first);
}

#[test]
fn the_death_of_the_holder_frees_it() {
    let project = Project::of(1);
    let first = holder(&project);
    assert_eq!(project.bear("apply --yes").code(), 4);
    send(Pid::from_child(&first), Signal::KILL);
    project.end(first);
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 1);
}

/// A bear that was stopped as soon as it had taken the lock of the fleet.
fn holder(project: &Project) -> Child {
    let bear = project.command(["apply", "fleets/demo.yaml", "--yes"]).spawn().unwrap();
    let lock = project.path(".bear/demo/lock");
    eventually("it holds the lock", || std::fs::read(&lock).is_ok_and(|text| text.ends_with(b"\n")));
    send(Pid::from_child(&bear), Signal::STOP);
    bear
}
