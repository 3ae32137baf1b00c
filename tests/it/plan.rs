//! `bear plan`, and the plan that it records

use serde_json::Value;

use crate::brokers::{check_run, fleet_of};
use crate::support::{Project, check};

const TEAM: &str = include_str!("../../fleets/team.yaml");

#[test]
fn of_nothing() {
    let project = Project::of(2);
    check!(project.bear("plan"), @"
    exit status: 0
    ----- stdout -----
    Fleet demo

        + demo-broker-1  create → install → verify
        + demo-broker-2  create → install → verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 2 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    check!(project.bear("plan --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","foundations":[],"changes":[{"instance":"demo-broker-1","action":"create","reasons":[{"field":"instance","from":null,"to":"new"}]},{"instance":"demo-broker-2","action":"create","reasons":[{"field":"instance","from":null,"to":"new"}]}],"steps":[{"id":"create/demo-broker-1","kind":"create","resource":"demo-broker-1","after":[]},{"id":"install/demo-broker-1","kind":"install","resource":"demo-broker-1","after":["create/demo-broker-1"]},{"id":"verify/demo-broker-1","kind":"verify","resource":"demo-broker-1","after":["install/demo-broker-1"]},{"id":"create/demo-broker-2","kind":"create","resource":"demo-broker-2","after":[]},{"id":"install/demo-broker-2","kind":"install","resource":"demo-broker-2","after":["create/demo-broker-2"]},{"id":"verify/demo-broker-2","kind":"verify","resource":"demo-broker-2","after":["install/demo-broker-2"]}],"summary":{"create":2,"update":0,"replace":0,"destroy":0,"unchanged":0}}
    "#);
}

#[test]
fn for_a_comment_on_a_pull_request() {
    check!(Project::of(1).bear("plan --format markdown"), @"
    exit status: 0
    ----- stdout -----
    ### Fleet `demo`: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged

    ```diff
    + demo-broker-1  create → install → verify
      provider        local
      broker          embedded
      authentication  off (default)
      ports           free ones of this machine (default)
    ```
    ");
    check!(Project::of(1).bear("plan --format markdown --json"), @r#"
    exit status: 3
    ----- stderr -----
    {"version":1,"error":{"code":"bear::arguments","message":"the argument '--format <FORMAT>' cannot be used with '--json'","help":"Usage: bear plan --format <FORMAT> [FLEET]\n\nFor more information, try '--help'.","causes":[]}}
    "#);
}

#[test]
fn of_the_fleet_that_the_project_was_born_from() {
    let project = Project::new().with("fleets/team.yaml", TEAM);
    check!(project.bear("plan fleets/team.yaml"), @"
    exit status: 0
    ----- stdout -----
    Fleet daily

        + foundation eu-west-3  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
        + daily-emqx-2  create → install → verify
        + daily-emqx-3  create → install → verify
            provider        aws, region eu-west-3
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          5:20.10.13~3-0~ubuntu-jammy
            broker          emqx 5.0.9
            admin password  from the variable EMQX_ADMIN_PASSWORD
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)

    Plan: 3 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn whether_something_is_pending() {
    assert_eq!(Project::of(1).bear("plan --detailed-exitcode").code(), 2);
    assert_eq!(Project::of(0).bear("plan --detailed-exitcode").code(), 0);
    check!(Project::of(0).bear("plan"), @"
    exit status: 0
    ----- stdout -----
    No changes.
    ");
}

#[test]
fn the_same_to_the_byte() {
    for json in ["", "--json"] {
        let project = Project::new().with("fleets/team.yaml", TEAM);
        let plan = || {
            let shown = project.bear(&format!("plan {json}")).ok().stdout;
            let mut recorded = serde_json::from_str::<Value>(&project.read(".bear/daily/plan.json")).unwrap();
            let drawn_anew =
                ["id", "at"].map(|field| recorded.as_object_mut().unwrap().remove(field).unwrap());
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
    check!(project.bear("plan --only demo-broker-2"), @"
    exit status: 0
    ----- stdout -----
    Fleet demo

        + demo-broker-2  create → install → verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    let instances = |only: &str| {
        let plan = project.bear(&format!("plan --json {only}")).ok().json();
        plan["changes"].as_array().unwrap().len()
    };
    assert_eq!(instances("--only broker"), 3);
    assert_eq!(instances("--only demo-broker-3 --only demo-broker-1"), 2);
    check!(project.bear("plan --only demo-brokr-2"), @"
    exit status: 3
    ----- stderr -----
    bear::arguments::only

      × the fleet has no instance and no group `demo-brokr-2`
      help: did you mean `demo-broker-2`?
    ");
}

#[test]
fn open_to_the_world() {
    let open = TEAM.replace("203.0.113.7/32", "0.0.0.0/0");
    let outcome = Project::new().with("fleets/team.yaml", open).bear("plan").ok();
    check!(outcome.stderr, @"
    bear::fleet::open_to_the_world

      ⚠ SSH and the dashboard are open to the world
       ╭─[fleets/team.yaml:7:15]
     6 │ network:
     7 │   operators: [0.0.0.0/0]     # may reach SSH and the dashboard
       ·               ────┬────
       ·                   ╰── every address there is
     8 │   clients: [0.0.0.0/0]            # may reach the MQTT listeners
       ╰────
      help: write the networks that operators work from, such as `203.0.113.7/32`
    ");
}

#[test]
fn a_recorded_plan_is_run_exactly_and_once() {
    let project = Project::of(2).with("fleets/other.yaml", fleet_of(1).replace("demo", "other"));
    let planned = project.bear("plan fleets/demo.yaml --only demo-broker-2").ok();
    // Without a fleet it is the plan that was recorded last, and all of it.
    let applied = project.bear("apply --yes").ok();
    assert!(applied.stdout.starts_with(&planned.stdout), "{applied}");
    project.expect_settled("demo", 1);

    check!(project.bear("apply --yes"), @"
    exit status: 3
    ----- stderr -----
    bear::plan::used

      × the recorded plan was applied already, and a plan is used once
      help: run `bear plan` again, or `bear apply fleets/demo.yaml`
    ");
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
    check_run!(warning, @"warning: the fleet file has changed since the plan was recorded, so this is a new plan");
    project.expect_settled("demo", 1);

    // The same where the file is the same, and the world is not.
    project.write("fleets/demo.yaml", fleet_of(2));
    project.bear("plan").ok();
    project.bear("apply fleets/demo.yaml --yes").ok();
    let outcome = project.bear("apply --yes").ok();
    check_run!(outcome, @"
    exit status: 0
    ----- stdout -----
    No changes. 2 instances are as fleet demo wants them.
    ----- stderr -----
    warning: the instances have changed since the plan was recorded, so this is a new plan
    ");
    project.expect_settled("demo", 2);
}

#[test]
fn a_recorded_plan_that_can_not_be_run() {
    let project = Project::of(1);
    project.bear("plan").ok();
    let plan = project.read(".bear/demo/plan.json");

    project.write(".bear/demo/plan.json", plan.replace(env!("CARGO_PKG_VERSION"), "0.0.7"));
    check!(project.bear("apply --yes"), @"
    exit status: 3
    ----- stderr -----
    bear::plan::other_bear

      × could not read [PROJECT]/.bear/demo/plan.json: the recorded plan was made by bear 0.0.7
      help: run `bear plan` to record a new plan
    ");

    project.write(".bear/demo/plan.json", &plan[..60]);
    check!(project.bear("apply --yes"), @"
    exit status: 6
    ----- stderr -----
    bear::plan::damaged

      × could not read [PROJECT]/.bear/demo/plan.json: the recorded plan is damaged: EOF while parsing a string at line 1 column 60
      help: run `bear plan` to record a new plan
    ");

    // Both are out of the way with the next plan.
    project.bear("plan").ok();
    project.bear("plan --offline").ok();
    assert_eq!(project.running("demo"), []);
}

#[test]
fn a_recorded_plan_that_failed_half_way_needs_no_other_command() {
    let obstacle = ".bear/demo/instances/demo-broker-1/thesis.tex";
    let project = Project::of(1).with(obstacle, "years of work");
    project.bear("plan").ok();
    assert_eq!(project.bear("apply --yes").code(), 1);
    assert_eq!(project.bear("apply --yes").code(), 1);
    std::fs::remove_dir_all(project.path(obstacle).parent().unwrap()).unwrap();
    let outcome = project.bear("apply --yes");
    assert!(outcome.stderr.contains("was begun and did not come to its end"), "{outcome}");
    assert_eq!(outcome.code(), 0, "{outcome}");
    project.expect_settled("demo", 1);
    assert_eq!(project.bear("apply --yes").code(), 3);
}
