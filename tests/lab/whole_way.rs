//! The whole way: from hosts with nothing on them to proven brokers, and back.

use serde_json::Value;

use crate::lab::{CANARY, Host, Image, is_as_found, lab, setting};
use crate::support::Project;

/// EMQX on the seed's Docker, from the lab's package source.
fn emqx_on_the_pinned_docker() -> String {
    let (url, fingerprint) = (setting("LAB_APT_URL"), setting("LAB_APT_FINGERPRINT"));
    format!(
        "install:\n  docker:\n    version: \"5:20.10.13~3-0~ubuntu-jammy\"\n    repository: {{ url: {url}, suite: jammy, fingerprint: {fingerprint} }}\n\
         broker:\n  emqx: {{ version: 5.0.9, admin_password: {{ env: CANARY }} }}\n"
    )
}

#[test]
fn three_bare_hosts_become_proven_brokers_and_are_given_back_as_found() {
    let Some(lab) = lab() else { return };
    let hosts = lab.hosts(3, Image::Bare);
    let hosts = hosts.iter().collect::<Vec<_>>();
    let before = hosts.iter().map(|host| host.inventory()).collect::<Vec<_>>();
    let project = lab.project(&hosts, &emqx_on_the_pinned_docker());

    let applied = project.bear("apply fleets/plant.yaml --yes --json").ok();
    let summary: Value = serde_json::from_str(applied.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(summary["ok"], true, "{applied}");
    for instance in summary["instances"].as_array().unwrap() {
        let checks = instance["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["ok"] == true), "{instance}");
        for name in ["mqtt.qos2", "dashboard.default_password_refused", "broker.version"] {
            assert!(checks.iter().any(|check| check["name"] == name), "{name} in {instance}");
        }
    }
    for host in &hosts {
        assert_eq!(host.exec("docker info --format '{{.ServerVersion}}'").trim(), "20.10.13");
    }

    nothing_is_left_to_do(&project);
    no_password_shows(&project, &hosts);

    project.write("fleets/plant.yaml", lab.fleet(&hosts[..2], &emqx_on_the_pinned_docker()));
    project.bear("apply fleets/plant.yaml --yes").ok();
    is_as_found(hosts[2], &before[2]);
    nothing_is_left_to_do(&project);

    project.bear("destroy --yes").ok();
    for (host, before) in hosts.iter().zip(&before) {
        is_as_found(host, before);
    }
}

#[track_caller]
fn nothing_is_left_to_do(project: &Project) {
    let plan = project.bear("plan fleets/plant.yaml --detailed-exitcode").ok();
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

/// Looks where a password shows by mistake: what Docker tells of a container, the arguments and the environment of
/// processes, and every file of bear's, here and there.
#[track_caller]
fn no_password_shows(project: &Project, hosts: &[&Host]) {
    for host in hosts {
        for place in [
            "docker inspect $(docker ps -aq)",
            "ps axww",
            "docker logs bear-emqx 2>&1",
            "journalctl --no-pager",
            "cat /etc/bear/emqx/settings.env",
        ] {
            let shown = host.exec(place);
            assert!(!shown.contains("Canary-7"), "{place} on {}: {shown}", host.name);
        }
        // Where it has to be, nobody else can read it.
        let open = host.exec(
            "grep -rl Canary-7 /etc /var/lib/bear /tmp /run 2>/dev/null | xargs -r stat -c '%a %n' || :",
        );
        assert!(open.lines().all(|line| line.starts_with("600 ") || line.starts_with("400 ")), "{open}");
    }
    for (path, content) in project.files() {
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(CANARY) && !text.contains("Canary-7"), "{}", path.display());
    }
}
