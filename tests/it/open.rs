//! `bear open`

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::brokers::eventually;
use crate::support::{Outcome, Project, check};

#[test]
fn the_address_of_the_dashboard() {
    let project = Project::deployed();
    check!(project.bear("open demo-broker-1"), @"
    exit status: 0
    ----- stdout -----
    http://127.0.0.1:3/
    ");
    check!(project.bear("open demo-broker-1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"instance":"demo-broker-1","url":"http://127.0.0.1:3/"}
    "#);
}

#[test]
fn a_browser_where_somebody_sees_it() {
    let project = Project::deployed().with("browser", "#!/bin/sh\necho \"$1\" >> \"$SEEN\"\n");
    let (program, seen) = (project.path("browser"), project.path("seen"));
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let open = |variables: &[(&str, &str)]| {
        let mut bear = project.command(["open", "demo-broker-1"]);
        bear.env("BROWSER", &program).env("SEEN", &seen).envs(variables.iter().copied());
        let outcome = Outcome::of(bear.spawn().unwrap(), &project.root()).ok();
        assert_eq!((&*outcome.stdout, &*outcome.stderr), ("http://127.0.0.1:3/\n", ""));
    };
    open(&[]);
    open(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")]);
    open(&[("DISPLAY", ":0"), ("CI", "true")]);
    open(&[("DISPLAY", ":0")]);
    open(&[("WAYLAND_DISPLAY", "wayland-0")]);
    // Browsers are not waited for. Those that should not have been started would have been so before these two.
    let opened = || fs::read_to_string(&seen).unwrap_or_default().lines().count();
    eventually("two browsers have opened the page", || opened() >= 2);
    assert_eq!(opened(), 2);
}

#[test]
fn no_dashboard() {
    check!(Project::deployed().bear("open demo-broker-2"), @"
    exit status: 3
    ----- stderr -----
    bear::open::no_dashboard

      × `demo-broker-2` has no dashboard yet
      help: `bear apply` finishes what is not installed
    ");
    check!(Project::deployed().bear("open demo-broker-3"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-3`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
    check!(Project::demo().bear("open demo-broker-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-1`
      help: nothing is deployed; `bear apply` deploys a fleet
    ");
}
