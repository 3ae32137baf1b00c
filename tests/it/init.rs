//! `bear init`

use std::fs;

use crate::support::{Project, check};

#[test]
fn a_new_fleet_file() {
    let project = Project::new();
    check!(project.bear("init demo"), @"
    exit status: 0
    ----- stderr -----
    wrote `fleets/demo.yaml`
    Next:
      bear plan fleets/demo.yaml  see what it makes
    ");
    check!(project.bear("validate"), @"
    exit status: 0
    ----- stdout -----
    fleets/demo.yaml is valid: fleet `demo`, 3 instances in 1 group
    ");
    assert_eq!(project.read(".gitignore"), ".bear/\n");
}

#[test]
fn every_provider() {
    for provider in ["local", "hosts", "aws"] {
        let project = Project::new();
        project.bear_with(["init", "demo", "--provider", provider]).ok();
        project.bear("validate").ok();
    }
}

#[test]
fn another_file_is_left_alone() {
    let project = Project::new().with("fleets/demo.yaml", "mine");
    check!(project.bear("init demo"), @"
    exit status: 3
    ----- stderr -----
    bear::init::exists

      × `fleets/demo.yaml` exists already, and is left as it is
      help: choose another name, or edit that file
    ");
    assert_eq!(project.read("fleets/demo.yaml"), "mine");
}

#[test]
fn what_is_ignored_already_is_ignored_once() {
    #[track_caller]
    fn check(before: &str, after: &str) {
        let project = Project::new().with(".gitignore", before);
        project.bear("init one").ok();
        project.bear("init two").ok();
        assert_eq!(project.read(".gitignore"), after);
    }
    check("target", "target\n.bear/\n");
    check("target\n", "target\n.bear/\n");
    check("/.bear\ntarget\n", "/.bear\ntarget\n");
    check(".bear/\r\n", ".bear/\r\n");
}

#[test]
fn from_the_folder_of_fleet_files() {
    let project = Project::new().with("fleets/one.yaml", "");
    check!(project.bear_in("fleets", ["init", "two"]), @"
    exit status: 0
    ----- stderr -----
    wrote `two.yaml`
    Next:
      bear plan two.yaml  see what it makes
    ");
    assert!(project.path("fleets/two.yaml").exists());
}

#[test]
fn names_that_are_no_names() {
    #[track_caller]
    fn check(name: &str, reason: &str) {
        let project = Project::new();
        let before = project.files();
        let outcome = project.bear_with(["init", name]);
        assert_eq!(outcome.code(), 3, "{outcome}");
        assert!(outcome.stderr.contains(reason), "{outcome}");
        assert_eq!(project.files(), before);
    }
    check("../x", "a name is made of a-z, 0-9 and single hyphens");
    check("a b", "a name is made of a-z, 0-9 and single hyphens");
    check("Demo", "a name is made of a-z, 0-9 and single hyphens");
    check("", "a name can't be empty");
    check(&"a".repeat(300), "a name has at most 40 characters, this one has 300");
}

#[test]
fn a_folder_that_can_not_be_written() {
    let project = Project::new().with("fleets", "a file where the folder should be");
    check!(project.bear("init demo"), @"
    exit status: 1
    ----- stderr -----
    bear::io

      × could not make the folder `[PROJECT]/fleets`
      ╰─▶ File exists (os error 17)
      help: look at what is there, and at who may read and write it
    ");
    assert!(fs::metadata(project.path("fleets")).unwrap().is_file());
}

#[test]
fn for_programs() {
    check!(Project::new().bear("init demo --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","file":"fleets/demo.yaml"}
    "#);
}
