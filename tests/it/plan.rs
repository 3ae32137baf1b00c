//! `bear plan`, and the plan that it records

use serde_json::Value;

use crate::brokers::{check_run, fleet_of};
use crate::support::{Project, check};

const TEAM: &str = include_str!("../../fleets/team.yaml");

#[test]
fn of_nothing() {
    let project = Project::of(2);
    check!(project.bear("plan"), @"");
    check!(project.bear("plan --json"), @"");
}

#[test]
fn of_the_fleet_that_the_project_was_born_from() {
    let project = Project::new().with("fleets/team.yaml", TEAM);
    check!(project.bear("plan fleets/team.yaml"), @"");
}

#[test]
fn whether_something_is_pending() {
    assert_eq!(Project::of(1).bear("plan --detailed-exitcode").code(), 2);
    assert_eq!(Project::of(0).bear("plan --detailed-exitcode").code(), 0);
    check!(Project::of(0).bear("plan"), @"");
}

#[test]
fn the_same_to_the_byte() {
    for json in ["", "--json"] {
        let project = Project::new().with("fleets/team.yaml", TEAM);
        let plan = || {
            let shown = project.bear(&format!("plan {json}")).ok().stdout;
            let mut recorded = serde_json::from_str::<Value>(&project.read(".bear/daily/plan.json")).unwrap();
            let drawn_anew = ["id", "at"].map(|field| recorded.as_object_mut().unwrap().remove(field).unwrap());
            (shown, recorded.to_string(), drawn_anew)
        };
        let (first, second) = (plan(), plan());
        assert_eq!((&first.0, &first.1), (&second.0, &second.1));
        assert_ne!(first.2, second.2);
    }
}

#[test]
fn a_part_of_the_fleet() {
    let project = Project::of(3);
    check!(project.bear("plan --only demo-broker-2"), @"");
    let instances = |only: &str| {
        let plan = project.bear(&format!("plan --json {only}")).ok().json();
        plan["changes"].as_array().unwrap().len()
    };
    assert_eq!(instances("--only broker"), 3);
    assert_eq!(instances("--only demo-broker-3 --only demo-broker-1"), 2);
    check!(project.bear("plan --only demo-brokr-2"), @"");
}

#[test]
fn open_to_the_world() {
    let open = TEAM.replace("203.0.113.7/32", "0.0.0.0/0");
    let outcome = Project::new().with("fleets/team.yaml", open).bear("plan").ok();
    check!(outcome.stderr, @"");
}

#[test]
fn a_recorded_plan_is_run_exactly_and_once() {
    let project = Project::of(2).with("fleets/other.yaml", fleet_of(1).replace("demo", "other"));
    let planned = project.bear("plan fleets/demo.yaml --only demo-broker-2").ok();
    // Without a fleet it is the plan that was recorded last, and all of it.
    let applied = project.bear("apply --yes").ok();
    assert!(applied.stdout.starts_with(&planned.stdout), "{applied}");
    project.expect_settled("demo", 1);

    check!(project.bear("apply --yes"), @"");
    project.expect_settled("demo", 1);

    // A plan that changes nothing is no obstacle.
    project.bear("plan --only demo-broker-2").ok();
    project.bear("apply --yes --only demo-broker-2").ok();
}

#[test]
fn a_recorded_plan_that_no_longer_holds() {
    let project = Project::of(2);
    project.bear("plan").ok();
    project.write("fleets/demo.yaml", fleet_of(1));
    let outcome = project.bear("apply --yes").ok();
    let warning = outcome.stderr.lines().next().unwrap();
    check_run!(warning, @"");
    project.expect_settled("demo", 1);

    // The same where the file is the same, and the world is not.
    project.write("fleets/demo.yaml", fleet_of(2));
    project.bear("plan").ok();
    project.bear("apply fleets/demo.yaml --yes").ok();
    let outcome = project.bear("apply --yes").ok();
    check_run!(outcome, @"");
    project.expect_settled("demo", 2);
}

#[test]
fn a_recorded_plan_that_can_not_be_run() {
    let project = Project::of(1);
    project.bear("plan").ok();
    let plan = project.read(".bear/demo/plan.json");

    project.write(".bear/demo/plan.json", plan.replace(env!("CARGO_PKG_VERSION"), "0.0.7"));
    check!(project.bear("apply --yes"), @"");

    project.write(".bear/demo/plan.json", &plan[..plan.len() / 2]);
    check!(project.bear("apply --yes"), @"");

    // Both are out of the way with the next plan.
    project.bear("plan").ok();
    project.bear("plan --offline").ok();
    assert_eq!(project.running("demo"), []);
}
