//! Crashes: bear is killed or interrupted in the middle, and the next run goes on from there

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::brokers::{eventually, fleet_of, send};
use crate::support::{Outcome, Project};

/// How many brokers the fleets have whose runs are cut off.
const COUNT: usize = 3;

/// One broker after the other, so that there is a long middle to be cut off in.
const APPLY: &str = "apply fleets/demo.yaml --yes --parallelism 1";
const DESTROY: &str = "destroy fleets/demo.yaml --yes --parallelism 1";

#[test]
fn an_apply_that_is_killed_at_ten_points_of_its_journal() {
    let project = Project::of(COUNT);
    // Each of three brokers takes three steps that begin and end, and the run itself is an entry.
    let points = (1..=19).step_by(2);
    let killed = points.filter(|&lines| {
        let moment = format!("{lines} journal lines");
        killed_apply(&project, APPLY, &moment, |_| project.journal_lines("demo") >= lines)
    });
    assert_ne!(killed.count(), 0);
}

#[test]
fn an_apply_that_is_killed_at_five_points_of_its_time() {
    let project = Project::of(COUNT);
    let apply = "apply fleets/demo.yaml --yes";
    let begun = Instant::now();
    project.bear(apply).ok();
    let whole = begun.elapsed();
    project.bear(DESTROY).ok();
    let killed = [1, 3, 5, 7, 9].into_iter().filter(|&tenth| {
        let moment = format!("{tenth}/10 of {whole:?}");
        killed_apply(&project, apply, &moment, |passed| passed >= whole * tenth / 10)
    });
    assert_ne!(killed.count(), 0);
}

/// Kills an apply from nothing once it has come far enough, and holds that the next one brings everything to a good
/// end. Whether there was something left to kill.
#[track_caller]
fn killed_apply(project: &Project, apply: &str, moment: &str, far_enough: impl Fn(Duration) -> bool) -> bool {
    let killed = cut_off(project, apply, Signal::KILL, far_enough);
    let outcome = project.bear("apply fleets/demo.yaml --yes");
    assert_eq!(outcome.code(), 0, "after a kill at {moment}: {outcome}");
    converged(project);
    let outcome = project.bear("destroy fleets/demo.yaml --yes");
    assert_eq!(outcome.code(), 0, "after a kill at {moment}: {outcome}");
    project.expect_gone("demo");
    killed
}

#[test]
fn a_destroy_that_is_killed() {
    let project = Project::of(COUNT);
    project.bear(APPLY).ok();
    let killed = [1, 2, 3, 5, 7].into_iter().filter(|&lines| {
        let killed = cut_off(&project, DESTROY, Signal::KILL, |_| project.journal_lines("demo") >= lines);
        if lines % 2 == 0 {
            // An apply goes on from there as well.
            project.bear(APPLY).ok();
            converged(&project);
        }
        project.bear(DESTROY).ok();
        project.expect_gone("demo");
        assert_eq!(project.bear("state list").ok().stdout, "");
        project.bear(APPLY).ok();
        killed
    });
    assert_ne!(killed.count(), 0);
}

#[test]
fn a_destroy_that_is_killed_over_its_last_file() {
    let project = Project::of(1);
    project.bear(APPLY).ok();
    project.bear(DESTROY).ok();
    let unfinished = project.path(".bear/demo/state.json.tmp");
    fs::write(&unfinished, "{\"vers").unwrap();
    assert!(project.bear(DESTROY).ok().stderr.contains("nothing of the fleet `demo` is deployed"));
    assert!(!unfinished.exists());
}

#[test]
fn an_apply_that_is_interrupted() {
    let project = Project::of(1);
    let (outcome, said) = interrupted(&project);
    assert_eq!(outcome.code(), 130, "{outcome}{said}");
    assert!(said.contains("Ctrl-C again stops at once"), "{said}");
    assert_eq!(project.journal_lines("demo"), 0, "the journal is folded");
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 2);
}

#[test]
fn an_apply_that_is_interrupted_twice() {
    let project = Project::of(1);
    let (bear, broker) = stuck(&project);
    let pid = Pid::from_child(&bear);
    send(pid, Signal::INT);
    eventually("the first is heard", || project.read("said.txt").contains("stopping"));
    send(pid, Signal::INT);
    let outcome = project.end(bear);
    let said = project.read("said.txt");
    assert_eq!(outcome.code(), 130, "{outcome}{said}");
    assert!(said.contains("could not verify demo-broker-1: stopped before its end"), "{said}");
    send(broker, Signal::CONT);
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 2);
}

/// Presses Ctrl-C in the middle of an apply of two brokers; how the apply ended, and what it said meanwhile.
pub(crate) fn interrupted(project: &Project) -> (Outcome, String) {
    let (bear, broker) = stuck(project);
    send(Pid::from_child(&bear), Signal::INT);
    eventually("it is heard", || project.read("said.txt").contains("stopping"));
    send(broker, Signal::CONT);
    (project.end(bear), project.read("said.txt"))
}

/// An apply of two brokers that can't come to its end, because the first of them hangs while it is proven.
fn stuck(project: &Project) -> (Child, Pid) {
    project.write("fleets/demo.yaml", fleet_of(1));
    project.bear("apply --yes").ok();
    // As a crash before its proof would leave it.
    let state = project.read(".bear/demo/state.json").replace("\"verified\"", "\"installed\"");
    project.write(".bear/demo/state.json", state);
    let broker = project.pid_of("demo", "demo-broker-1");
    send(broker, Signal::STOP);
    project.write("fleets/demo.yaml", fleet_of(2));
    let bear = project.start("apply --yes");
    eventually("the proof has begun", || project.read("said.txt").contains("verify  demo-broker-1"));
    (bear, broker)
}

/// Starts a command and sends it a signal once it has come far enough; false if it was done before.
pub(crate) fn cut_off(
    project: &Project,
    command: &str,
    signal: Signal,
    far_enough: impl Fn(Duration) -> bool,
) -> bool {
    let mut bear = project.start(command);
    let begun = Instant::now();
    eventually("the moment comes", || far_enough(begun.elapsed()) || has_ended(&mut bear));
    let cut_off = !has_ended(&mut bear);
    if cut_off {
        send(Pid::from_child(&bear), signal);
    }
    project.end(bear);
    cut_off
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
