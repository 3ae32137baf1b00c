//! Crashes: bear is killed or interrupted in the middle, and the next run goes on from there

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::brokers::{eventually, send};
use crate::support::Project;

/// How many brokers the fleets have whose runs are cut off.
const COUNT: usize = 2;

#[test]
fn an_apply_that_is_killed_at_five_points_of_its_journal() {
    // As many entries as an apply from nothing has at least: one for the run, six for the steps of each broker.
    let project = Project::of(COUNT);
    for lines in [1, 3, 5, 7, 9] {
        killed_apply(&project, &format!("{lines} journal lines"), |_| project.journal_lines("demo") >= lines);
    }
}

#[test]
fn an_apply_that_is_killed_at_five_points_of_its_time() {
    let project = Project::of(COUNT);
    let begun = Instant::now();
    project.bear("apply --yes").ok();
    let whole = begun.elapsed();
    project.bear("destroy fleets/demo.yaml --yes").ok();
    for tenth in [1, 3, 5, 7, 9] {
        killed_apply(&project, &format!("{tenth}/10 of {whole:?}"), |passed| passed >= whole * tenth / 10);
    }
}

/// Kills an apply from nothing once it has come far enough; the next one brings everything to a good end.
#[track_caller]
fn killed_apply(project: &Project, moment: &str, far_enough: impl Fn(Duration) -> bool) {
    cut_off(project, "apply fleets/demo.yaml --yes", Signal::KILL, far_enough);
    let outcome = project.bear("apply fleets/demo.yaml --yes");
    assert_eq!(outcome.code(), 0, "after a kill at {moment}: {outcome}");
    converged(project);
    let outcome = project.bear("destroy fleets/demo.yaml --yes");
    assert_eq!(outcome.code(), 0, "after a kill at {moment}: {outcome}");
    project.expect_gone("demo");
}

#[test]
fn a_destroy_that_is_killed() {
    let project = Project::of(COUNT);
    for lines in [1, 2, 4] {
        project.bear("apply fleets/demo.yaml --yes").ok();
        cut_off(&project, "destroy fleets/demo.yaml --yes", Signal::KILL, |_| project.journal_lines("demo") >= lines);
        project.bear("destroy fleets/demo.yaml --yes").ok();
        project.expect_gone("demo");
    }
    // An apply also goes on from there.
    project.bear("apply fleets/demo.yaml --yes").ok();
    cut_off(&project, "destroy fleets/demo.yaml --yes", Signal::KILL, |_| project.journal_lines("demo") >= 2);
    project.bear("apply fleets/demo.yaml --yes").ok();
    converged(&project);
}

#[test]
fn an_apply_that_is_interrupted() {
    // What is in the journal was written after bear began to listen for signals.
    let project = Project::of(COUNT);
    let bear = project.start("apply --yes");
    let pid = Pid::from_child(&bear);
    eventually("the run has begun", || project.journal_lines("demo") > 0);
    send(pid, Signal::INT);
    let outcome = project.end(bear);
    let said = project.read("said.txt");
    assert_eq!(outcome.code(), 130, "{outcome}{said}");
    assert!(said.contains("stopping") && said.contains("Ctrl-C again stops at once"), "{said}");
    assert_eq!(project.journal_lines("demo"), 0, "the journal is folded");
    project.bear("apply --yes").ok();
    converged(&project);
}

#[test]
fn an_apply_that_is_interrupted_twice() {
    let project = Project::of(COUNT);
    let bear = project.start("apply --yes");
    let pid = Pid::from_child(&bear);
    eventually("brokers are proven", || project.journal_lines("demo") >= 9);
    send(pid, Signal::INT);
    eventually("the first is heard", || project.read("said.txt").contains("stopping"));
    send(pid, Signal::INT);
    let outcome = project.end(bear);
    let said = project.read("said.txt");
    assert_eq!(outcome.code(), 130, "{outcome}{said}");
    assert!(said.contains("stopped before its end"), "{said}");
    project.bear("apply --yes").ok();
    converged(&project);
}

/// Starts a command and sends it a signal once it has come far enough, unless it is done before.
fn cut_off(project: &Project, command: &str, signal: Signal, far_enough: impl Fn(Duration) -> bool) {
    let mut bear = project.start(command);
    let begun = Instant::now();
    eventually("the moment comes", || far_enough(begun.elapsed()) || has_ended(&mut bear));
    if !has_ended(&mut bear) {
        send(Pid::from_child(&bear), signal);
    }
    project.end(bear);
}

fn has_ended(bear: &mut Child) -> bool {
    bear.try_wait().unwrap().is_some()
}

/// Every broker runs once and is recorded, and there is nothing left to do.
#[track_caller]
fn converged(project: &Project) {
    project.expect_settled("demo", COUNT);
    let plan = project.bear("plan --detailed-exitcode");
    assert_eq!(plan.code(), 0, "{plan}");
}
