//! Where output goes: help, mistakes in the arguments, and a stdout that takes no more.

use std::fs::File;

use crate::support::{Outcome, Project, check};

#[test]
fn help_and_version_are_what_was_asked_for() {
    let project = Project::new();
    for asked in ["--help", "-h", "plan --help", "--version", "-V"] {
        let outcome = project.bear(asked).ok();
        assert_eq!(outcome.stderr, "", "{asked}");
        assert!(!outcome.stdout.contains("__broker"), "people don't run it: {outcome}");
    }
}

#[test]
fn mistakes_in_the_arguments() {
    let project = Project::demo();
    for wrong in
        ["", "dance", "validate a b", "apply --lock-wait soon", "apply --parallelism 0", "plan -q -v"]
    {
        let outcome = project.bear(wrong);
        assert_eq!((outcome.code(), &*outcome.stdout), (3, ""), "{wrong}: {outcome}");
    }
    check!(project.bear("validate --bogus --json"), @r#"
    exit status: 3
    ----- stderr -----
    {"version":1,"error":{"code":"bear::arguments","message":"unexpected argument '--bogus' found","help":"tip: to pass '--bogus' as a value, use '-- --bogus'\n\nUsage: bear validate [OPTIONS] [FLEET]\n\nFor more information, try '--help'.","causes":[]}}
    "#);
}

#[test]
fn quiet_and_verbose() {
    let project = Project::new();
    check!(project.bear("init demo --quiet"), @"exit status: 0");
    check!(project.bear("validate --quiet"), @"
    exit status: 0
    ----- stdout -----
    fleets/demo.yaml is valid: fleet `demo`, 3 instances in 1 group
    ");
    check!(project.bear("validate --verbose"), @"
    exit status: 0
    ----- stdout -----
    fleets/demo.yaml is valid: fleet `demo`, 3 instances in 1 group
    ----- stderr -----
    the fleet file is [PROJECT]/fleets/demo.yaml, in the project [PROJECT]
    ");
}

#[test]
fn nobody_reads_it() {
    let project = Project::demo();
    let mut bear = project.command(["schema"]).spawn().unwrap();
    drop(bear.stdout.take());
    let outcome = Outcome::of(bear, &project.path(""));
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""));
}

#[test]
fn it_can_not_be_written() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let project = Project::demo();
    let bear = project.command(["schema"]).stdout(full).spawn().unwrap();
    check!(Outcome::of(bear, &project.path("")), @"
    exit status: 1
    ----- stderr -----
    bear::output

      × could not write all of the output
      ╰─▶ No space left on device (os error 28)
      help: what was done is recorded: `bear status` shows it
    ");
}
