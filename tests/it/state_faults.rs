//! States that can't be read or written: said clearly, and nothing is changed

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::crash::cut_off;
use crate::support::{Outcome, Project, check};

/// Runs every command that reads or changes the state. All of them refuse, and change nothing; how apply does it.
#[track_caller]
fn refused(project: &Project) -> Outcome {
    let before = project.files();
    for command in ["plan", "destroy --yes", "verify", "status", "inventory", "graph", "state list"] {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 6, "{command}: {outcome}");
    }
    let outcome = project.bear("apply --yes");
    assert_eq!(outcome.code(), 6, "{outcome}");
    // That the lock was taken is not a change of anything.
    let without_lock = |files: Vec<(PathBuf, Vec<u8>)>| {
        files.into_iter().filter(|(path, _)| path != Path::new(".bear/demo/lock")).collect::<Vec<_>>()
    };
    assert_eq!(without_lock(project.files()), without_lock(before));
    outcome
}

#[test]
fn of_a_newer_bear() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let state = project.read(".bear/demo/state.json").replacen(r#""version":1"#, r#""version":2"#, 1);
    project.write(".bear/demo/state.json", state);
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::newer

      × could not read [PROJECT]/.bear/demo/state.json: it was written by a newer bear (format 2, this one reads up to 1)
      help: use the bear that wrote it, or a later one; nothing was changed
    ");
    assert_eq!(project.running("demo").len(), 1);
}

#[test]
fn half_a_state() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let state = project.read(".bear/demo/state.json");
    project.write(".bear/demo/state.json", &state[..state.len() / 2]);
    let refusal = refused(&project);
    assert!(refusal.stderr.contains(".bear/demo/state.json: it is damaged: EOF"), "{refusal}");
    assert!(refusal.stderr.contains("`bear state restore SERIAL`"), "{refusal}");

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
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::damaged

      × [PROJECT]/.bear/demo/state.json is missing, though the fleet was applied before
      help: nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
}

#[test]
fn a_damaged_journal() {
    let project = Project::of(2);
    cut_off(&project, "apply --yes", Signal::KILL, |_| project.journal_lines("demo") >= 3);
    let journal = project.read(".bear/demo/journal.ndjson");
    project.write(".bear/demo/journal.ndjson", journal.replacen("demo", "dome", 1));
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::damaged

      × could not read [PROJECT]/.bear/demo/journal.ndjson: line 1 is damaged, and later entries follow it
      help: nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");

    // The way out that the message shows. The brokers that the lost journal told of are found again.
    project.bear("state restore 0 --yes").ok();
    project.bear("apply --yes").ok();
    project.expect_settled("demo", 2);
}

#[test]
fn a_file_where_the_folder_of_all_fleets_belongs() {
    let project = Project::of(1).with(".bear", "mine");
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::io

      × could not create [PROJECT]/.bear: File exists (os error 17)
      help: something that is no folder stands where a folder belongs; move it away
    ");
}

#[test]
fn a_file_where_the_folder_of_the_fleet_belongs() {
    let project = Project::of(1).with(".bear/demo", "mine");
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::io

      × could not create [PROJECT]/.bear/demo: File exists (os error 17)
      help: something that is no folder stands where a folder belongs; move it away
    ");
}

#[test]
fn a_folder_where_the_state_belongs() {
    let project = Project::of(1).with(".bear/demo/state.json/mine", "");
    check!(refused(&project), @"
    exit status: 6
    ----- stderr -----
    bear::state::io

      × could not read [PROJECT]/.bear/demo/state.json: Is a directory (os error 21)
      help: a folder stands where a file belongs; move it away
    ");
}
