//! `bear apply`: from nothing, again, more, less, and whatever keeps it from beginning

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;

use serde_json::Value;

use crate::brokers::{check_run, fleet_of};
use crate::support::{Project, check};

#[test]
fn from_nothing_to_three_proven_brokers() {
    let project = Project::of(3);
    let outcome = project.bear("apply fleets/demo.yaml --yes").ok();
    check_run!(outcome.stdout, @"
    Fleet demo

        + demo-broker-1  create → install → verify
        + demo-broker-2  create → install → verify
        + demo-broker-3  create → install → verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 3 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    instance       address          broker          checks           seconds
    demo-broker-1  127.0.0.1:[PORT]  embedded [VERSION]  10 of 10 passed  [SECONDS]
    demo-broker-2  127.0.0.1:[PORT]  embedded [VERSION]  10 of 10 passed  [SECONDS]
    demo-broker-3  127.0.0.1:[PORT]  embedded [VERSION]  10 of 10 passed  [SECONDS]
    ");
    let said = outcome.stderr.lines().skip_while(|line| !line.contains("done")).collect::<Vec<_>>();
    check_run!(said.join("\n"), @"
         done [  [SECONDS]] (9/9) 9 steps succeeded


    Next:
      mosquitto_sub -h 127.0.0.1 -p [PORT] -t '#'  hear the messages of demo-broker-1
      bear open demo-broker-1                     see its dashboard
      bear destroy fleets/demo.yaml               take it all down
    ");
    project.expect_settled("demo", 3);

    let before = (project.running("demo"), project.state("demo"));
    check!(project.bear("apply fleets/demo.yaml --yes"), @"
    exit status: 0
    ----- stdout -----
    No changes. 3 instances are as fleet demo wants them.
    ");
    assert_eq!((project.running("demo"), project.state("demo")), before);
}

#[test]
fn for_programs() {
    let project = Project::of(1);
    let outcome = project.bear("apply --yes --json").ok();
    let events =
        outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    for (event, seq) in events.iter().zip(1_u64..) {
        assert_eq!((&event["version"], &event["seq"]), (&Value::from(1), &Value::from(seq)), "{event}");
    }
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    assert_eq!(types.collect::<BTreeSet<_>>().len(), 5, "{outcome}");
    let summary = events.last().unwrap();
    assert_eq!(
        (&summary["type"], &summary["ok"]),
        (&Value::from("summary"), &Value::from(true)),
        "{summary}"
    );
    let checks = summary["instances"][0]["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["ok"] == true && check["millis"].is_number()), "{summary}");
    let checks = checks.iter().map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(checks, @"
    tcp
    mqtt311.connect
    mqtt5.connect
    mqtt.qos0
    mqtt.qos1
    mqtt.qos2
    mqtt.retained
    mqtt.session
    mqtt.will
    ws.connect
    ");

    let again = project.bear("apply --yes --json --only broker").ok();
    check!(again, @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"seq":1,"at":"[TIME]","type":"run_started","operation":"apply","steps":0}
    {"version":1,"seq":2,"at":"[TIME]","type":"summary","ok":true,"succeeded":0,"failed":0,"skipped":0,"interrupted":false,"seconds":0.0,"instances":[]}
    "#);
}

#[test]
fn nobody_to_ask() {
    let project = Project::of(1);
    let before = project.files();
    check!(project.bear("apply"), @"
    exit status: 3
    ----- stderr -----
    bear::confirm::nobody

      × there is no terminal to ask for a confirmation on
      help: add `--yes` to go ahead without being asked
    ");
    assert_eq!(project.bear("apply --json").code(), 3);
    assert_eq!(project.bear("destroy").code(), 3);
    assert_eq!(project.files(), before);
}

#[test]
fn more_and_fewer_touch_exactly_the_difference() {
    let project = Project::of(3);
    // What is recorded about the brokers, and what lies in their folders.
    let deployed = |count| {
        project.write("fleets/demo.yaml", fleet_of(count));
        let outcome = project.bear("apply fleets/demo.yaml --yes --max-destroy 60%").ok();
        project.expect_settled("demo", count);
        let state = project.state("demo")["instances"].as_object().unwrap().clone();
        let files = project.files().into_iter().filter(|(path, _)| path.starts_with(".bear/demo/instances"));
        (outcome.stdout, state, files.collect::<BTreeMap<_, _>>())
    };
    let (_, three, in_three) = deployed(3);
    let (plan, five, in_five) = deployed(5);
    assert!(
        plan.contains("Plan: 2 to create, 0 to change, 0 to replace, 0 to destroy, 3 unchanged."),
        "{plan}"
    );
    assert!(three.iter().all(|(name, recorded)| five[name] == *recorded), "{three:#?}\n{five:#?}");
    assert!(in_three.iter().all(|(path, content)| in_five[path] == *content));
    let (plan, two, in_two) = deployed(2);
    assert!(
        plan.contains("Plan: 0 to create, 0 to change, 0 to replace, 3 to destroy, 2 unchanged."),
        "{plan}"
    );
    assert!(two.iter().all(|(name, recorded)| three[name] == *recorded), "{two:#?}\n{three:#?}");
    assert!(in_two.iter().all(|(path, content)| in_three[path] == *content));
    assert_eq!(project.instances("demo").read_dir().unwrap().count(), 2);
}

#[test]
fn removing_a_member_touches_one() {
    let members = |names: &[&str]| {
        let members = names.iter().map(|name| format!("      {name}:\n")).collect::<String>();
        format!(
            "fleet: demo\nprovider: local\ngroups:\n  line:\n    broker: embedded\n    members:\n{members}"
        )
    };
    let project = Project::new().with("fleets/demo.yaml", members(&["press", "oven", "packing"]));
    project.bear("apply --yes").ok();
    let before = project.state("demo")["instances"].clone();

    project.write("fleets/demo.yaml", members(&["press", "packing"]));
    check_run!(project.bear("apply --yes").ok().stdout, @"
    Fleet demo

        - demo-line-oven  destroy
            instance: verified → gone

    Plan: 0 to create, 0 to change, 0 to replace, 1 to destroy, 2 unchanged.
    instance        address  broker  checks     seconds
    demo-line-oven                   destroyed  [SECONDS]
    ");

    project.expect_settled("demo", 2);
    for instance in ["demo-line-press", "demo-line-packing"] {
        assert_eq!(project.recorded("demo", instance), before[instance]);
    }
}

#[test]
fn a_port_that_another_program_holds() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let fleet = format!("{}    ports:\n      ws: {port}\n", fleet_of(1));
    let project = Project::new().with("fleets/demo.yaml", &fleet);
    let before = project.files();

    let outcome = project.bear("apply --yes");
    assert_eq!(outcome.code(), 3, "{outcome}");
    check_run!(outcome.stderr.replace(&port.to_string(), "[PORT]"), @"
    bear::fleet::port_taken

      × port [PORT] is taken: process [PID] ([PROGRAM]) listens there
       ╭─[fleets/demo.yaml:8:11]
     7 │     ports:
     8 │       ws: [PORT]
       ·           ──┬──
       ·             ╰── the ws listener of `demo-broker-1`
       ╰────
      help: choose another port, or stop that program; without a port bear finds a free one
    ");
    assert_eq!(project.bear("plan").code(), 3);
    assert_eq!(project.files(), before);
    let error = serde_json::from_str::<Value>(&project.bear("apply --yes --json").stderr).unwrap();
    let location = serde_json::json!({ "file": "fleets/demo.yaml", "line": 8, "column": 11 });
    assert_eq!(error["error"]["location"], location);
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_bear_that_was_built_without_ec2() {
    let project = Project::new().with("fleets/team.yaml", include_str!("../../fleets/team.yaml"));
    let before = project.files();
    check!(project.bear("apply --yes"), @"
    exit status: 3
    ----- stderr -----
    bear::provider::not_built

      × this bear was built without Amazon EC2; it can only plan
      help: build it with its default features
    ");
    assert_eq!(project.files(), before);
}

#[test]
fn two_fleets_at_once_share_no_port() {
    let projects = [Project::of(2), Project::of(2)];
    let running = projects.each_ref().map(|project| project.start("apply --yes"));
    for (project, bear) in projects.iter().zip(running) {
        let outcome = project.end(bear);
        assert_eq!(outcome.code(), 0, "{outcome}{}", project.read("said.txt"));
        project.expect_settled("demo", 2);
    }
    let ports = projects.iter().flat_map(|project| project.ports("demo")).collect::<Vec<_>>();
    assert_eq!(ports.len(), 12);
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 12, "{ports:?}");
}
