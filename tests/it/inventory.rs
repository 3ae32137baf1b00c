//! `bear inventory`

use crate::support::{Project, check};

#[test]
fn what_is_installed() {
    let project = Project::deployed();
    check!(project.bear("inventory"), @"
    exit status: 0
    ----- stdout -----
    127.0.0.1
    ");
    check!(project.bear("inventory --format json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[{"name":"demo-broker-1","group":"broker","provider":"local","machine_id":"demo-broker-1","address":"127.0.0.1","ports":{"mqtt":1,"ws":2,"dashboard":3},"broker":"embedded","broker_version":"0.1.0"}]}
    "#);
    check!(project.bear("inventory --only demo-broker-2 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[]}
    "#);
}

#[test]
fn nothing_is_deployed() {
    check!(Project::demo().bear("inventory --format ips"), @"exit status: 0");
    check!(Project::demo().bear("inventory --format json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[]}
    "#);
}

#[test]
fn a_fleet_file_that_is_wrong_for_the_moment() {
    let project = Project::deployed().with("fleets/demo.yaml", "fleet: [");
    check!(project.bear("inventory"), @"
    exit status: 0
    ----- stdout -----
    127.0.0.1
    ----- stderr -----
    warning: `fleets/demo.yaml` can't be read, `bear validate` says why; this is what was made from it
    ");
    let project = Project::deployed().with("other.yaml", "fleet: [");
    assert_eq!(project.bear("inventory other.yaml").code(), 3);
}
