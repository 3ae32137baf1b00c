//! States that can't be read or written: said clearly, and nothing is changed

use crate::brokers::fleet_of;
use crate::support::{Outcome, Project, check};

/// Runs every command that reads or changes the state. All of them refuse in the same words, and change nothing.
#[track_caller]
fn refused(project: &Project, status: i32) -> Outcome {
    let before = project.files();
    let first = project.bear("apply --yes");
    for command in ["plan", "destroy --yes", "verify", "status", "inventory", "graph", "state list"] {
        let outcome = project.bear(command);
        assert_eq!((outcome.code(), &outcome.stderr), (status, &first.stderr), "{command}");
    }
    assert_eq!(first.code(), status, "{first}");
    // That the lock was taken is not a change of anything.
    let unlocked = |files: Vec<(std::path::PathBuf, Vec<u8>)>| {
        files.into_iter().filter(|(path, _)| !path.ends_with(".bear/demo/lock")).collect::<Vec<_>>()
    };
    assert_eq!(unlocked(project.files()), unlocked(before));
    first
}

#[test]
fn of_a_newer_bear() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let state = project.read(".bear/demo/state.json").replacen(r#""version":1"#, r#""version":2"#, 1);
    project.write(".bear/demo/state.json", state);
    check!(refused(&project, 6), @"");
    assert_eq!(project.running("demo").len(), 1);
}

#[test]
fn half_a_state() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let state = project.read(".bear/demo/state.json");
    project.write(".bear/demo/state.json", &state[..state.len() / 2]);
    let refusal = refused(&project, 6).to_string();
    check!(refusal.replace(|c: char| c.is_ascii_digit(), "0"), @"");

    // The way out that the message shows.
    let history = project.bear("state history --json").ok().json();
    let newest = history["states"].as_array().unwrap().last().unwrap()["serial"].clone();
    project.bear(&format!("state restore {newest} --yes")).ok();
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 1);
}

#[test]
fn no_state_where_there_was_one() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    std::fs::remove_file(project.path(".bear/demo/state.json")).unwrap();
    check!(refused(&project, 6), @"");
}

#[test]
fn a_damaged_journal() {
    let project = Project::of(0);
    project.bear("apply --yes").ok();
    project.write(".bear/demo/journal.ndjson", "no journal\nof bear\n");
    check!(refused(&project, 6), @"");
}

#[test]
fn a_file_where_the_folder_of_all_fleets_belongs() {
    let project = Project::of(1).with(".bear", "mine");
    check!(refused(&project, 6), @"");
}

#[test]
fn a_file_where_the_folder_of_the_fleet_belongs() {
    let project = Project::of(1).with(".bear/demo", "mine");
    check!(refused(&project, 6), @"");
}

#[test]
fn a_folder_where_the_state_belongs() {
    let project = Project::of(1).with(".bear/demo/state.json/mine", "");
    check!(refused(&project, 6), @"");
}

#[test]
fn two_files_that_claim_one_fleet() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    project.write("fleets/copy.yaml", fleet_of(2));
    let before = project.files();
    for command in ["plan", "apply --yes", "destroy --yes", "verify"] {
        let outcome = project.bear(&format!("{command} fleets/copy.yaml"));
        assert_eq!(outcome.code(), 3, "{command}: {outcome}");
    }
    check!(project.bear("plan fleets/copy.yaml"), @"");
    let kept = |files: Vec<(std::path::PathBuf, Vec<u8>)>| {
        files.into_iter().filter(|(path, _)| !path.ends_with("lock")).collect::<Vec<_>>()
    };
    assert_eq!(kept(project.files()), kept(before));
}
