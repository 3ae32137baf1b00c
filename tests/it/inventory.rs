//! `bear inventory`

mod tools;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::support::{Outcome, Project, check};

/// A fleet of hosts: EMQX of which one is open, and Mosquitto, with what is hard to quote in every place that takes it.
const MIXED: &str = r#"{
  "version": 1, "fleet": "plant", "lineage": "00112233445566778899aabbccddeeff", "serial": 7,
  "file": "fleets/plant.yaml", "generation": 3,
  "instances": {
    "plant-3-north-1": {
      "group": "3-north", "generation": 1, "token": "1", "phase": "verified", "since": "2026-11-22T20:00:00Z",
      "spec": {
        "provider": "hosts", "broker": { "emqx": { "version": "5.8.9" } },
        "host": { "address": "192.0.2.10", "port": 2222, "user": "ubuntu", "identity": "keys/it's my {{ key }} #1" }
      },
      "machine": { "id": "a", "address": "192.0.2.10" },
      "installed": { "ports": { "mqtt": 1883, "ws": 8083, "dashboard": 18083 }, "version": "5.8.9" }
    },
    "plant-all-a": {
      "group": "all", "generation": 2, "token": "2", "phase": "verified", "since": "2026-11-22T20:00:00Z",
      "spec": {
        "provider": "hosts", "broker": { "emqx": { "version": "5.8.9", "dashboard_bind": "0.0.0.0" } },
        "host": { "address": "2001:db8::7" }
      },
      "machine": { "id": "b", "address": "2001:db8::7" },
      "installed": { "ports": { "mqtt": 1883, "dashboard": 8080 }, "version": "5.8.9" }
    },
    "plant-all-b": {
      "group": "all", "generation": 3, "token": "3", "phase": "verified", "since": "2026-11-22T20:00:00Z",
      "spec": {
        "provider": "hosts", "broker": { "mosquitto": { "version": "2.0.18-1" } },
        "host": { "address": "edge-b.example" }
      },
      "machine": { "id": "c", "address": "edge-b.example" },
      "installed": { "ports": { "mqtt": 1883 }, "version": "2.0.18" }
    }
  }
}"#;

/// The fleet file that the fleet is known by, whatever else it says.
const FLEET: &str = "\
fleet: plant
provider: hosts
groups:
  all:
    members:
      b: { address: edge-b.example }
    broker:
      mosquitto: { version: 2.0.18-1 }
";

/// An `ssh` that knows no configuration: what `ssh -G` prints of a host then.
const SSH: &str = r#"#!/bin/sh
user=ann port=22
while [ $# -gt 1 ]; do
  case $1 in -p) port=$2 ;; -l) user=$2 ;; esac
  shift
done
printf 'user %s\nhostname %s\nport %s\n' "$user" "$1" "$port"
case $1 in *.example) echo 'proxyjump gate.example' ;; esac
"#;

/// The mixed fleet in a project whose folder is called so.
fn mixed(folder: &str) -> Project {
    let project = Project::new()
        .with("programs/ssh", SSH)
        .with(&format!("{folder}/.bear/plant/state.json"), MIXED)
        .with(&format!("{folder}/fleets/plant.yaml"), FLEET);
    let programs = project.path("programs");
    fs::set_permissions(programs.join("ssh"), Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    project.with_variable("PATH", path)
}

fn inventory(project: &Project, folder: &str, format: &str) -> Outcome {
    project.bear_in(folder, ["inventory", "fleets/plant.yaml", "--format", format, "-q"]).ok()
}

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
    check!(Project::demo().bear("inventory --format ansible"), @"
    exit status: 0
    ----- stdout -----
    # fleet demo, by `bear inventory --format ansible`
    all: {}
    ");
    check!(Project::demo().bear("inventory --format ssh-config"), @"
    exit status: 0
    ----- stdout -----
    # fleet demo, by `bear inventory --format ssh-config`
    ");
    check!(Project::demo().bear("inventory --format prometheus"), @"
    exit status: 0
    ----- stdout -----
    []
    ");
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

#[test]
fn this_machine_for_other_programs() {
    let project = Project::deployed();
    check!(project.bear("inventory --format ansible"), @r#"
    exit status: 0
    ----- stdout -----
    # fleet demo, by `bear inventory --format ansible`
    all:
      children:
        broker:
          hosts:
            demo-broker-1:
              ansible_host: "127.0.0.1"
              ansible_connection: local
              bear_fleet: "demo"
              bear_broker: "embedded"
              bear_broker_version: "0.1.0"
              bear_ports: {mqtt: 1, ws: 2, dashboard: 3}
    "#);
    check!(project.bear("inventory --format ssh-config"), @"
    exit status: 0
    ----- stdout -----
    # fleet demo, by `bear inventory --format ssh-config`
    ----- stderr -----
    left out what runs on this machine: 1 instance
    ");
    check!(project.bear("inventory --format prometheus"), @"
    exit status: 0
    ----- stdout -----
    []
    ----- stderr -----
    left out what has no metrics, for only EMQX does: 1 instance
    ");
}

#[test]
fn hosts_for_ansible() {
    check!(inventory(&mixed("plain"), "plain", "ansible"), @r#"
    exit status: 0
    ----- stdout -----
    # fleet plant, by `bear inventory --format ansible`
    all:
      children:
        _3_north:
          hosts:
            plant-3-north-1:
              ansible_host: "192.0.2.10"
              ansible_port: 2222
              ansible_user: "ubuntu"
              ansible_ssh_private_key_file: !unsafe "[PROJECT]/plain/keys/it's my {{ key }} #1"
              ansible_ssh_host_key_checking: true
              ansible_ssh_common_args: "-o 'HostKeyAlias=[192.0.2.10]:2222' -o IdentitiesOnly=yes -o 'UserKnownHostsFile=\"[PROJECT]/plain/.bear/plant/known_hosts\"' -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UpdateHostKeys=no"
              bear_fleet: "plant"
              bear_broker: "emqx"
              bear_broker_version: "5.8.9"
              bear_ports: {mqtt: 1883, ws: 8083, dashboard: 18083}
        _all:
          hosts:
            plant-all-a:
              ansible_host: "2001:db8::7"
              ansible_port: 22
              ansible_user: "ann"
              ansible_ssh_host_key_checking: true
              ansible_ssh_common_args: "-o HostKeyAlias=2001:db8::7 -o 'UserKnownHostsFile=\"[PROJECT]/plain/.bear/plant/known_hosts\"' -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UpdateHostKeys=no"
              bear_fleet: "plant"
              bear_broker: "emqx"
              bear_broker_version: "5.8.9"
              bear_ports: {mqtt: 1883, dashboard: 8080}
            plant-all-b:
              ansible_host: "edge-b.example"
              ansible_port: 22
              ansible_user: "ann"
              ansible_ssh_host_key_checking: true
              ansible_ssh_common_args: "-o HostKeyAlias=edge-b.example -o ProxyJump=gate.example -o 'UserKnownHostsFile=\"[PROJECT]/plain/.bear/plant/known_hosts\"' -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o UpdateHostKeys=no"
              bear_fleet: "plant"
              bear_broker: "mosquitto"
              bear_broker_version: "2.0.18"
              bear_ports: {mqtt: 1883}
    "#);
}

#[test]
fn hosts_for_ssh() {
    check!(inventory(&mixed("plain"), "plain", "ssh-config"), @r#"
    exit status: 0
    ----- stdout -----
    # fleet plant, by `bear inventory --format ssh-config`

    Host plant-3-north-1
        HostName 192.0.2.10
        Port 2222
        User ubuntu
        HostKeyAlias [192.0.2.10]:2222
        IdentityFile "[PROJECT]/plain/keys/it's my {{ key }} #1"
        IdentitiesOnly yes
        UserKnownHostsFile "[PROJECT]/plain/.bear/plant/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no

    Host plant-all-a
        HostName 2001:db8::7
        Port 22
        User ann
        HostKeyAlias 2001:db8::7
        UserKnownHostsFile "[PROJECT]/plain/.bear/plant/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no

    Host plant-all-b
        HostName edge-b.example
        Port 22
        User ann
        HostKeyAlias edge-b.example
        ProxyJump gate.example
        UserKnownHostsFile "[PROJECT]/plain/.bear/plant/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no
    "#);
}

#[test]
fn metrics_for_prometheus() {
    let project = mixed("plain");
    check!(project.bear("inventory plain/fleets/plant.yaml --format prometheus"), @r#"
    exit status: 0
    ----- stdout -----
    [{"targets":["192.0.2.10:18083"],"labels":{"__metrics_path__":"/api/v5/prometheus/stats","instance":"plant-3-north-1","fleet":"plant","group":"3-north"}},{"targets":["[2001:db8::7]:8080"],"labels":{"__metrics_path__":"/api/v5/prometheus/stats","instance":"plant-all-a","fleet":"plant","group":"all"}}]
    ----- stderr -----
    left out what has no metrics, for only EMQX does: 1 instance
    the dashboards of 1 instance listen on 127.0.0.1 alone, so only a Prometheus on the host itself can ask them; `dashboard_bind` in the fleet file opens them
    "#);
}
