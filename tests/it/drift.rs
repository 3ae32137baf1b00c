//! Drift: brokers that died or hang, what bear says of them, and how it brings them back

use std::fs;

use rumqttc::QoS;
use rustix::process::{Pid, Signal};

use crate::brokers::{check_run, eventually, fleet_of, send};
use crate::client::Client;
use crate::examples::elsewhere;
use crate::support::{Project, check};

#[test]
fn brokers_that_nothing_is_recorded_about_are_told_of() {
    let project = Project::of(2);
    project.bear("apply --yes").ok();
    let orphan = project.pid_of("demo", "demo-broker-2").as_raw_pid();
    fs::remove_dir_all(project.path(".bear")).unwrap();
    let stray = |outcome: &str| {
        outcome.contains(&format!("process {orphan} is a stray: it is the broker of demo-broker-2,"))
    };
    let destroyed = project.bear("destroy --yes").ok();
    assert!(stray(&destroyed.stderr), "{destroyed}");
    // The other one's place is taken by a new broker.
    project.write("fleets/demo.yaml", fleet_of(1));
    let applied = project.bear("apply fleets/demo.yaml --yes").ok();
    assert!(stray(&applied.stderr), "{applied}");
    assert_eq!(applied.stderr.matches("is a stray").count(), 1, "{applied}");
    send(Pid::from_raw(orphan).unwrap(), Signal::TERM);
    eventually("it is gone", || project.running("demo").len() == 1);
    project.expect_settled("demo", 1);
}

#[test]
fn an_instance_whose_machine_vanished_keeps_its_ports_whoever_asks_first() {
    let project = Project::of(2);
    project.bear("apply --yes").ok();
    let ports = project.recorded("demo", "demo-broker-1")["installed"]["ports"].clone();
    send(project.pid_of("demo", "demo-broker-1"), Signal::KILL);
    fs::remove_dir_all(project.instances("demo").join("demo-broker-1")).unwrap();
    // Its group comes first, and so does it.
    let another =
        fleet_of(2).replace("groups:\n", "groups:\n  another:\n    count: 1\n    broker: embedded\n");
    project.write("fleets/demo.yaml", another);
    project.bear("apply --yes --parallelism 1").ok();
    project.expect_settled("demo", 3);
    assert_eq!(project.recorded("demo", "demo-broker-1")["installed"]["ports"], ports);
}

#[test]
fn a_broker_that_died_comes_back_with_all_it_had() {
    let project = Project::of(2);
    project.bear("apply --yes").ok();
    let recorded = project.recorded("demo", "demo-broker-1");
    let port = project.mqtt_port("demo", "demo-broker-1");
    let mut away = Client::persistent("away", port);
    away.subscribe("plant/#", QoS::ExactlyOnce);
    away.disconnect();
    let mut sender = Client::passing("sender", port);
    sender.publish("plant/kept", QoS::AtLeastOnce, true, "retained");
    sender.publish("plant/one", QoS::AtLeastOnce, false, "at QoS 1");
    sender.publish("plant/two", QoS::ExactlyOnce, false, "at QoS 2");

    send(project.pid_of("demo", "demo-broker-1"), Signal::KILL);
    eventually("its process is gone", || project.running("demo").len() == 1);
    let plan = project.bear("plan --detailed-exitcode");
    assert_eq!(plan.code(), 2);
    check!(plan, @"
    exit status: 2
    ----- stdout -----
    Fleet demo

        ~ demo-broker-1  install → verify
            broker: stopped: process [PID] is gone → running

    Plan: 0 to create, 1 to change, 0 to replace, 0 to destroy, 1 unchanged.
    ");
    check!(project.bear("plan --offline --detailed-exitcode"), @"
    exit status: 0
    ----- stdout -----
    No changes. 2 instances are as fleet demo wants them.
    ----- stderr -----
    nothing was observed: the plan follows from what is recorded alone
    ");
    check_run!(project.bear("status --only demo-broker-1"), @"
    exit status: 0
    ----- stdout -----
    instance       group   provider  address    ports                                  broker          health       since
    demo-broker-1  broker  local     127.0.0.1  mqtt [PORT], ws [PORT], dashboard [PORT]  embedded [VERSION]  unreachable  [TIME]
    ----- stderr -----
    demo-broker-1: process [PID] is gone
    ");
    assert_eq!(project.bear("verify --only demo-broker-1").code(), 5);

    project.bear("apply fleets/demo.yaml --yes").ok();
    project.expect_settled("demo", 2);
    let healed = project.recorded("demo", "demo-broker-1");
    assert_eq!(healed["installed"]["ports"], recorded["installed"]["ports"]);
    let mut back = Client::persistent("away", port);
    assert!(back.session_present);
    let received = [back.receive(), back.receive(), back.receive()];
    assert_eq!(received, ["retained", "at QoS 1", "at QoS 2"]);
    // Whatever came twice would come before this.
    back.publish("plant/end", QoS::AtLeastOnce, false, "the end");
    assert_eq!(back.receive(), "the end");
    let mut late = Client::passing("late", port);
    late.subscribe("plant/kept", QoS::AtLeastOnce);
    assert_eq!(late.receive(), "retained");
}

#[test]
fn a_broker_that_hangs_is_found_out() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    let verified = project.bear("verify").ok();
    assert!(verified.stdout.contains("mqtt.qos2"), "{verified}");
    let health = || project.bear("status --json").ok().json()["instances"][0]["health"].clone();
    assert_eq!(health(), "healthy");

    let broker = project.pid_of("demo", "demo-broker-1");
    send(broker, Signal::STOP);
    assert_eq!(health(), "unhealthy");
    let outcome = project.bear("verify --json");
    assert_eq!(outcome.code(), 5, "{outcome}");
    let summary = outcome.stdout.lines().last().unwrap();
    let summary = serde_json::from_str::<serde_json::Value>(summary).unwrap();
    assert_eq!((&summary["type"], &summary["ok"]), (&"summary".into(), &false.into()), "{summary}");

    send(broker, Signal::CONT);
    project.bear("verify").ok();
    assert_eq!(health(), "healthy");
    project.expect_settled("demo", 1);
}

#[test]
fn a_folder_that_was_deleted_under_its_broker() {
    // Ports of its own: nobody keeps those of a machine that is gone.
    let ports = elsewhere("    ports: { mqtt: 1883, ws: 8083, dashboard: 8080 }\n");
    let project = Project::new().with("fleets/demo.yaml", fleet_of(1) + &ports);
    project.bear("apply --yes").ok();
    fs::remove_dir_all(project.instances("demo").join("demo-broker-1")).unwrap();
    check_run!(project.bear("plan --detailed-exitcode"), @"
    exit status: 2
    ----- stdout -----
    Fleet demo

        + demo-broker-1  create → install → verify
            machine: [PROJECT]/.bear/demo/instances/demo-broker-1 → gone
            provider        local
            broker          embedded
            authentication  off (default)
            ports           mqtt [PORT], ws [PORT], dashboard [PORT], others free ones of this machine (default)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    project.bear("apply fleets/demo.yaml --yes").ok();
    project.expect_settled("demo", 1);
}

#[test]
fn destroying_one_fleet_leaves_all_others_alone() {
    let project = Project::of(2).with("fleets/other.yaml", fleet_of(1).replace("demo", "other"));
    project.bear("apply fleets/other.yaml --yes").ok();
    project.bear("apply fleets/demo.yaml --yes").ok();
    let others = project.running("other");

    let outcome = project.bear("destroy fleets/demo.yaml --yes").ok();
    check_run!(outcome.stdout, @"
    Fleet demo

        - demo-broker-1  destroy
        - demo-broker-2  destroy
            instance: verified → gone

    Plan: 0 to create, 0 to change, 0 to replace, 2 to destroy, 0 unchanged.
    ");
    project.expect_gone("demo");
    assert_eq!(project.running("other"), others);
    project.expect_settled("other", 1);
    check!(project.bear("destroy fleets/demo.yaml --yes"), @"
    exit status: 0
    ----- stderr -----
    nothing of the fleet `demo` is deployed
    ");
    check!(project.bear("verify fleets/demo.yaml"), @"
    exit status: 3
    ----- stderr -----
    bear::verify::nothing

      × nothing of the fleet `demo` is deployed
      help: `bear apply fleets/demo.yaml` deploys it
    ");
    project.bear("verify fleets/other.yaml").ok();

    project.bear("apply fleets/demo.yaml --yes --only demo-broker-2").ok();
    project.bear("destroy fleets/demo.yaml --yes --only demo-broker-2").ok();
    project.expect_gone("demo");
}
