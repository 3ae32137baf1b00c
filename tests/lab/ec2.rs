//! EC2 from nothing to proven brokers and back: moto answers the API, and each instance is a machine that boots with
//! cloud-init.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ec2_cloud::{Cloud, Gate, cloud};
use crate::lab::{CANARY, setting};
use crate::support::{Outcome, Project};

/// The fleet that the project was born from, on the lab's addresses and with the lab's packages. The endpoint is in the
/// environment.
fn the_teams_fleet(version: &str) -> String {
    let repository = format!(
        "{{ url: {}, suite: jammy, fingerprint: {} }}",
        setting("LAB_APT_URL"),
        setting("LAB_APT_FINGERPRINT")
    );
    let docker = "5:20.10.13~3-0~ubuntu-jammy";
    let key = setting("LAB_KEY");
    let changes = [
        (
            "    region: eu-west-3\n",
            format!("    region: eu-west-3\n    connect: private\n    identity: {key}\n"),
        ),
        (
            &format!("docker: \"{docker}\""),
            format!("docker: {{ version: \"{docker}\", repository: {repository} }}"),
        ),
        ("version: 5.0.9", format!("version: {version}")),
    ];
    changes.iter().fold(include_str!("../../fleets/team.yaml").to_owned(), |text, (old, new)| {
        assert_eq!(text.matches(old).count(), 1, "`{old}` in fleets/team.yaml");
        text.replace(old, new)
    })
}

/// A fleet of machines that are quick to install.
fn a_quick_fleet(name: &str, count: usize) -> String {
    format!(
        "fleet: {name}\nprovider:\n  aws:\n    region: eu-west-3\n    connect: private\n    identity: {}\n\
         network: {{ operators: [203.0.113.7/32], clients: [0.0.0.0/0] }}\n\
         groups:\n  edge:\n    count: {count}\n    machine: {{ type: t3.small, image: debian-12, disk: 8 GiB }}\n    \
         broker:\n      mosquitto: {{ version: 2.0.11-1.2+deb12u2 }}\n",
        setting("LAB_KEY")
    )
}

fn project(file: &str, text: &str) -> Project {
    Project::new()
        .with(file, text)
        .with_variable("AWS_ENDPOINT_URL", setting("LAB_EC2_URL"))
        .with_variable("AWS_ACCESS_KEY_ID", "lab")
        .with_variable("AWS_SECRET_ACCESS_KEY", "lab")
        .with_variable("EMQX_ADMIN_PASSWORD", CANARY)
}

#[test]
fn the_teams_fleet_from_nothing_to_proven_brokers_and_back() {
    let Some(cloud) = cloud("daily") else { return };
    let project = project("fleets/team.yaml", &the_teams_fleet("5.0.9"));
    let plan = project.bear("plan fleets/team.yaml").ok();
    assert!(plan.stdout.contains("daily-emqx-3"), "{plan}");
    assert_eq!(cloud.machines(), [""; 0], "a plan makes nothing");

    let applied = project.bear("apply --yes --json").ok();
    is_proven(&applied, &["mqtt.qos2", "dashboard.default_password_refused", "broker.version"]);
    let machines = cloud.machines();
    assert_eq!(machines.len(), 3, "{applied}");
    for machine in &machines {
        handed_over_keys_are_worthless(&cloud, machine);
    }
    is_healthy(&project, "5.0.9");
    let shell = project.bear("ssh daily-emqx-2 -- sudo docker info --format {{.ServerVersion}}").ok();
    assert_eq!(shell.stdout.trim(), "20.10.13", "{shell}");
    project.bear("verify fleets/team.yaml").ok();
    nothing_is_left_to_do(&project, "fleets/team.yaml");

    project.write("fleets/team.yaml", the_teams_fleet("5.8.9"));
    project.bear("apply fleets/team.yaml --yes").ok();
    is_healthy(&project, "5.8.9");
    assert_eq!(cloud.machines(), machines, "a new version needs no new machine");

    a_stopped_machine_is_healed(&cloud, &project, &machines[1]);
    assert_eq!(cloud.machines(), machines);
    no_secret_shows(&project);

    project.bear("destroy fleets/team.yaml --yes").ok();
    cloud.is_empty();
}

#[track_caller]
fn a_stopped_machine_is_healed(cloud: &Cloud, project: &Project, machine: &str) {
    cloud.call("StopInstances", &[("InstanceId.1", machine)]);
    eventually("the machine stops", || cloud.container(machine).as_deref() == Some("exited"));
    let plan = project.bear("plan fleets/team.yaml --detailed-exitcode");
    assert_eq!(plan.code(), 2, "{plan}");
    assert!(plan.stdout.contains("stopped"), "{plan}");
    let healed = project.bear("apply fleets/team.yaml --yes --json").ok();
    is_proven(&healed, &["mqtt.qos2"]);
    assert_eq!(cloud.container(machine).as_deref(), Some("running"));
    nothing_is_left_to_do(project, "fleets/team.yaml");
}

#[test]
fn killed_before_the_answer_of_a_launch_there_are_three_machines_and_no_fourth() {
    let Some(cloud) = cloud("vault") else { return };
    let project = project("fleets/vault.yaml", &a_quick_fleet("vault", 3));
    let gate = Gate::before(&setting("LAB_EC2_URL"));
    let apply = ["apply", "fleets/vault.yaml", "--yes"];
    let mut killed = project.command(apply).env("AWS_ENDPOINT_URL", gate.url()).spawn().unwrap();
    let held = gate.holds(Duration::from_mins(2));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(held, "bear launches machines");
    let launched = cloud.machines();
    assert!(!launched.is_empty(), "the launch had its effect");

    let applied = project.bear("apply fleets/vault.yaml --yes --json").ok();
    is_proven(&applied, &["mqtt.qos2"]);
    let machines = cloud.machines();
    assert_eq!(machines.len(), 3, "{applied}");
    assert!(
        launched.iter().all(|machine| machines.contains(machine)),
        "{launched:?} were kept: {machines:?}"
    );
    nothing_is_left_to_do(&project, "fleets/vault.yaml");

    project.bear("destroy fleets/vault.yaml --yes").ok();
    cloud.is_empty();
}

#[test]
fn two_fleets_applied_at_once_share_no_machine() {
    let (Some(north), Some(south)) = (cloud("north"), cloud("south")) else { return };
    let fleets = [("north", &north), ("south", &south)].map(|(name, cloud)| {
        let file = format!("fleets/{name}.yaml");
        (cloud, project(&file, &a_quick_fleet(name, 2)), file)
    });
    let everywhere = |command: &str| {
        scope(|scope| {
            for (_, project, file) in &fleets {
                scope.spawn(move || project.bear(&format!("{command} {file} --yes")).ok());
            }
        });
    };
    everywhere("apply");
    let (northern, southern) = (north.machines(), south.machines());
    assert_eq!((northern.len(), southern.len()), (2, 2));
    assert!(northern.iter().all(|machine| !southern.contains(machine)), "{northern:?} {southern:?}");
    for (_, project, file) in &fleets {
        nothing_is_left_to_do(project, file);
    }
    everywhere("destroy");
    for (cloud, ..) in &fleets {
        cloud.is_empty();
    }
}

/// Asserts that a run ended well and that every check of it passed, these among them for each instance.
#[track_caller]
fn is_proven(outcome: &Outcome, names: &[&str]) {
    let summary: Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(summary["ok"], true, "{outcome}");
    let instances = summary["instances"].as_array().unwrap();
    assert!(!instances.is_empty(), "{summary}");
    for instance in instances {
        let checks = instance["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["ok"] == true), "{instance}");
        for name in names {
            assert!(checks.iter().any(|check| check["name"] == *name), "{name} in {instance}");
        }
    }
}

#[track_caller]
fn is_healthy(project: &Project, version: &str) {
    let status = project.bear("status fleets/team.yaml --json").ok();
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let instances = status["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 3, "{status}");
    for instance in instances {
        assert_eq!(instance["health"], "healthy", "{status}");
        assert_eq!(instance["broker_version"], version, "{status}");
    }
}

#[track_caller]
fn nothing_is_left_to_do(project: &Project, file: &str) {
    let plan = project.bear(&format!("plan {file} --detailed-exitcode")).ok();
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

/// A machine is known by a key that it made itself, not by the one that lies in its user data.
#[track_caller]
fn handed_over_keys_are_worthless(cloud: &Cloud, machine: &str) {
    let given = cloud.exec(machine, "cat /var/lib/cloud/seed/nocloud/user-data");
    assert!(given.contains("ed25519"), "a host key was handed over: {given}");
    let key = cloud.exec(machine, "ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key");
    let key = key.split(' ').nth(1).unwrap();
    assert!(!given.contains(key), "{machine} still has the host key of its user data");
    let listened = cloud.exec(machine, "ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null");
    assert!(listened.contains(key), "{listened}");
}

/// The password of the dashboards is in no file of bear's.
#[track_caller]
fn no_secret_shows(project: &Project) {
    for (path, content) in project.files() {
        assert!(!String::from_utf8_lossy(&content).contains("Canary-7"), "{}", path.display());
    }
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(200));
    }
}
