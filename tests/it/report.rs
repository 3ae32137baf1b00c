//! `bear report`, and `--report` of what runs

use serde_json::Value;

use crate::brokers::fleet_of;
use crate::support::{Project, check};

#[test]
fn a_page_about_a_run_can_be_made_again() {
    let project = Project::of(2);
    let applied = project.bear("apply --yes --report page.html").ok();
    assert!(applied.stderr.contains("report: page.html"), "{applied}");
    let page = project.read("page.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("<span class=\"badge good\">done</span>"));
    assert!(page.contains("mqtt.qos2"));
    assert_eq!(project.bear("report").ok().stdout, page);
    project.bear("report --output again.html").ok();
    assert_eq!(project.read("again.html"), page);
    project.bear("destroy --yes").ok();
    let listed = project.bear("report --list --json").ok();
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let runs = listed["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let first = project.bear_with(["report", "--run", runs[0].as_str().unwrap()]).ok();
    assert_eq!(first.stdout, page);
    assert!(project.bear("report").ok().stdout.contains("<h1>destroy"));
}

#[test]
fn only_the_last_runs_are_kept() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    for _ in 0..11 {
        project.bear("verify").ok();
    }
    let listed = project.bear("report --list").ok().stdout;
    assert_eq!(listed.lines().count(), 10);
    assert!(listed.lines().all(|run| run.contains("-verify-")), "{listed}");
    project.bear("destroy --yes").ok();
}

#[test]
fn a_page_that_cannot_be_written_stops_the_run_before_it_begins() {
    let project = Project::new().with("fleets/demo.yaml", fleet_of(1));
    check!(project.bear("apply --yes --report no/such/folder.html"), @"
    exit status: 3
    ----- stdout -----
    Fleet demo

        + demo-broker-1  create → install → verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ----- stderr -----
    bear::report::write

      × could not write to the report `no/such/folder.html`
      ╰─▶ No such file or directory (os error 2)
      help: nothing was begun; name a file in a folder that is there
    ");
    assert!(!project.bear("status --json").stdout.contains("demo-broker-1"));
}

#[test]
fn runs_that_there_are_none_of() {
    let project = Project::demo();
    check!(project.bear("report"), @"
    exit status: 3
    ----- stderr -----
    bear::report::none

      × no run of fleet `demo` is kept
      help: `bear apply`, `bear verify` and `bear destroy` keep a record of what they do
    ");
    check!(project.bear("report --list"), @"
    exit status: 0
    ----- stderr -----
    no run of fleet `demo` is kept
    ");
    check!(project.bear("report --run yesterday"), @"
    exit status: 3
    ----- stderr -----
    bear::report::unknown

      × there is no run `yesterday`
      help: `bear report --list` names those that are kept
    ");
}

#[test]
fn a_record_that_is_damaged() {
    let project =
        Project::demo().with(".bear/demo/runs/20261122T060000.000Z-apply-1.ndjson", "{\"version\":1}\n");
    check!(project.bear("report"), @"
    exit status: 1
    ----- stderr -----
    bear::report::read

      × the record of run `20261122T060000.000Z-apply-1` can't be read
      ╰─▶ line 1 is damaged: missing field `bear` at line 1 column 13
      help: `bear report --list` names the others that are kept
    ");
    project.write(".bear/demo/runs/20261122T060000.000Z-apply-1.ndjson", "{\"version\":7}\n");
    check!(project.bear("report"), @"
    exit status: 1
    ----- stderr -----
    bear::report::read

      × the record of run `20261122T060000.000Z-apply-1` can't be read
      ╰─▶ it has version 7, and this bear knows versions up to 1
      help: `bear report --list` names the others that are kept
    ");
}
