//! `bear status`

use rustix::process::Signal;

use crate::brokers::{check_run, send};
use crate::support::{Project, check};

/// A project whose one broker is deployed.
fn applied() -> Project {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    project
}

#[test]
fn a_broker_that_is_well() {
    let project = applied();
    check_run!(project.bear("status"), @"
    exit status: 0
    ----- stdout -----
    instance       group   provider  address    ports                                  broker          health   since
    demo-broker-1  broker  local     127.0.0.1  mqtt [PORT], ws [PORT], dashboard [PORT]  embedded [VERSION]  healthy  [TIME]
    ");
}

#[test]
fn a_broker_that_was_killed() {
    let project = applied();
    send(project.pid_of("demo", "demo-broker-1"), Signal::KILL);
    check_run!(project.bear("status"), @"
    exit status: 0
    ----- stdout -----
    instance       group   provider  address    ports                                  broker          health       since
    demo-broker-1  broker  local     127.0.0.1  mqtt [PORT], ws [PORT], dashboard [PORT]  embedded [VERSION]  unreachable  [TIME]
    ----- stderr -----
    demo-broker-1: process [PID] is gone
    ");
    assert_eq!(project.bear("status --json").ok().json()["instances"][0]["health"], "unreachable");
}

#[test]
fn a_broker_that_hangs() {
    let project = applied();
    send(project.pid_of("demo", "demo-broker-1"), Signal::STOP);
    let outcome = project.bear("status --json").ok();
    assert_eq!(outcome.json()["instances"][0]["health"], "unhealthy", "{outcome}");
}

#[test]
fn a_broker_that_was_not_proven() {
    let project = applied();
    let state = ".bear/demo/state.json";
    project.write(state, project.read(state).replace("\"verified\"", "\"installed\""));
    let outcome = project.bear("status --json").ok();
    assert_eq!(outcome.json()["instances"][0]["health"], "unverified", "{outcome}");
}

#[test]
fn a_broker_that_asks_for_a_password() {
    let fleet = "\
fleet: demo
provider: local
groups:
  broker:
    count: 1
    broker:
      embedded:
        authentication: { username: team, password: { env: TEAM_PASSWORD } }
";
    let project =
        Project::new().with("fleets/demo.yaml", fleet).with_variable("TEAM_PASSWORD", "correct horse");
    project.bear("apply --yes").ok();
    assert_eq!(project.bear("status --json").ok().json()["instances"][0]["health"], "healthy");

    let project = project.with_variable("TEAM_PASSWORD", "");
    check_run!(project.bear("status"), @"
    exit status: 0
    ----- stdout -----
    instance       group   provider  address    ports                                  broker          health      since
    demo-broker-1  broker  local     127.0.0.1  mqtt [PORT], ws [PORT], dashboard [PORT]  embedded [VERSION]  unverified  [TIME]
    ----- stderr -----
    warning: could not get the password of `team`: it is empty
    ");
}

#[test]
fn machines_that_are_gone() {
    let project = Project::deployed();
    check!(project.bear("status"), @"
    exit status: 0
    ----- stdout -----
    instance       group   provider  address    ports                      broker          health       since
    demo-broker-1  broker  local     127.0.0.1  mqtt 1, ws 2, dashboard 3  embedded 0.1.0  unreachable  [TIME]
    demo-broker-2  broker  local     127.0.0.1                             embedded        unreachable  [TIME]
    ----- stderr -----
    demo-broker-1: its machine is gone
    demo-broker-2: its machine is gone
    ");
    check!(project.bear("status --only demo-broker-1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[{"name":"demo-broker-1","group":"broker","provider":"local","address":"127.0.0.1","ports":{"mqtt":1,"ws":2,"dashboard":3},"broker":"embedded","broker_version":"0.1.0","health":"unreachable","since":"[TIME]","detail":"its machine is gone"}]}
    "#);
}

#[test]
fn nothing_is_deployed() {
    check!(Project::demo().bear("status"), @"
    exit status: 0
    ----- stderr -----
    nothing of fleet `demo` is deployed
    ");
    check!(Project::demo().bear("status --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[]}
    "#);
}
