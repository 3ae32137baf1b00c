//! Changes in place, what somebody changed by hand, and where images and certificates come from.

use std::process::Command;

use serde_json::Value;

use crate::faults::said;
use crate::lab::{Host, Image, is_as_found, lab, setting};
use crate::support::{Outcome, Project};

const APPLY: &str = "apply fleets/plant.yaml --yes";

const PLAN: &str = "plan fleets/plant.yaml --detailed-exitcode";

fn emqx(version: &str, rest: &str) -> String {
    format!("broker:\n  emqx: {{ version: {version}{rest} }}\n")
}

fn mosquitto(rest: &str) -> String {
    format!("broker:\n  mosquitto: {{ version: 2.0.11-1.2+deb12u2{rest} }}\n")
}

/// The names of the blocks of a run that came to this end.
fn blocks(outcome: &Outcome, state: &str) -> Vec<String> {
    let events = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let blocks = events.filter(|event| event["type"] == "block" && event["block"]["state"] == state);
    blocks.map(|event| event["block"]["name"].as_str().unwrap().to_owned()).collect()
}

/// The names of the checks of a run, all of which must have passed.
#[track_caller]
fn checks(outcome: &Outcome) -> Vec<String> {
    let summary: Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    let instances = summary["instances"].as_array().unwrap();
    let checks = instances.iter().flat_map(|instance| instance["checks"].as_array().unwrap());
    checks
        .map(|check| {
            assert_eq!(check["ok"], true, "{check}");
            check["name"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[track_caller]
fn nothing_to_do(project: &Project) {
    let plan = project.bear(PLAN).ok();
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

#[test]
fn a_new_version_is_installed_in_place_and_keeps_the_data() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab.project(&[&host], &emqx("5.0.9", ", admin_password: { env: CANARY }"));
    let first = project.bear(&format!("{APPLY} --json")).ok();
    assert!(blocks(&first, "changed").contains(&"emqx.container".to_owned()), "{first}");
    let node = host.exec("docker exec bear-emqx ls /opt/emqx/data/mnesia");

    project
        .write("fleets/plant.yaml", lab.fleet(&[&host], &emqx("5.8.9", ", admin_password: { env: CANARY }")));
    let plan = project.bear(PLAN);
    assert_eq!(plan.code(), 2, "{plan}");
    assert!(plan.stdout.contains("emqx/emqx:5.8.9"), "the settings on the host are shown: {plan}");
    let upgraded = project.bear(&format!("{APPLY} --json")).ok();
    assert!(!blocks(&upgraded, "changed").iter().any(|block| block.starts_with("docker.")), "{upgraded}");
    assert_eq!(host.exec("docker exec bear-emqx ls /opt/emqx/data/mnesia"), node);
    nothing_to_do(&project);

    project
        .write("fleets/plant.yaml", lab.fleet(&[&host], &emqx("5.0.9", ", admin_password: { env: CANARY }")));
    let files = project.files();
    let refused = project.bear(APPLY);
    assert_eq!(refused.code(), 3, "{refused}");
    said(
        &refused,
        &["5.8.9", "5.0.9", "an older version can't read what a newer one wrote", "destroy the instance"],
    );
    assert!(project.files().len() >= files.len());
    assert_eq!(host.exec("docker inspect -f '{{.Config.Image}}' bear-emqx").trim(), "emqx/emqx:5.8.9");
}

#[test]
fn a_new_password_reference_changes_the_password_and_restarts_nothing() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab
        .project(&[&host], &emqx("5.0.9", ", admin_password: { env: CANARY }"))
        .with_variable("ANOTHER", "another Secret-9");
    project.bear(APPLY).ok();
    let started = host.exec("docker inspect -f '{{.State.StartedAt}}' bear-emqx");
    project.write(
        "fleets/plant.yaml",
        lab.fleet(&[&host], &emqx("5.0.9", ", admin_password: { env: ANOTHER }")),
    );
    let changed = project.bear(&format!("{APPLY} --json")).ok();
    let blocks = blocks(&changed, "changed");
    assert!(blocks.contains(&"emqx.password".to_owned()) && blocks.len() <= 2, "{blocks:?}");
    assert!(checks(&changed).contains(&"dashboard.default_password_refused".to_owned()), "{changed}");
    assert_eq!(host.exec("docker inspect -f '{{.State.StartedAt}}' bear-emqx"), started);
    nothing_to_do(&project);
}

#[test]
fn a_new_port_restarts_once_and_moves_clients() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], &mosquitto(""));
    project.bear(APPLY).ok();
    project.write(
        "fleets/plant.yaml",
        lab.fleet(&[&host], &format!("{}ports: {{ mqtt: 1884 }}\n", mosquitto(""))),
    );
    let plan = project.bear(PLAN);
    assert_eq!(plan.code(), 2, "{plan}");
    said_out(&plan, &["-listener 1883", "+listener 1884"]);
    let changed = project.bear(&format!("{APPLY} --json")).ok();
    assert!(!blocks(&changed, "changed").contains(&"mosquitto.package".to_owned()), "{changed}");
    assert_eq!(host.exec("ss -ltnH | grep -c :1883 || :").trim(), "0");
    nothing_to_do(&project);
}

#[track_caller]
fn said_out(outcome: &Outcome, says: &[&str]) {
    for text in says {
        assert!(outcome.stdout.contains(text), "`{text}` is not in {outcome}");
    }
}

#[test]
fn what_was_changed_by_hand_is_shown_and_mended() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab.project(&[&host], &emqx("5.0.9", ""));
    project.bear(APPLY).ok();
    for (by_hand, shown) in [
        ("docker stop bear-emqx", "stopped"),
        ("docker rm -f bear-emqx", "stopped"),
        ("echo '# mine' >>/etc/bear/emqx/settings.env", "settings.env was changed"),
        ("docker update --restart=no bear-emqx", "restart"),
    ] {
        host.exec(by_hand);
        let plan = project.bear(PLAN);
        assert_eq!(plan.code(), 2, "{by_hand}: {plan}");
        assert!(plan.stdout.contains(shown), "{by_hand}: {plan}");
        project.bear(APPLY).ok();
        nothing_to_do(&project);
    }
}

#[test]
fn verify_says_whether_the_way_or_the_broker_is_to_blame() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], &mosquitto(""));
    project.bear(APPLY).ok();
    let rule = |action: &str| {
        let words = ["-d", &host.ip, "-p", "tcp", "--dport", "1883", "-j", "DROP"];
        assert!(
            Command::new("iptables").args(["-w", action, "OUTPUT"]).args(words).status().unwrap().success()
        );
    };
    rule("-I");
    let blocked = project.bear("verify fleets/plant.yaml");
    rule("-D");
    assert_eq!(blocked.code(), 5, "{blocked}");
    said(&blocked, &["the broker answers on the host but not from here: port 1883 is blocked on the way"]);

    host.exec("systemctl stop mosquitto");
    let stopped = project.bear("verify fleets/plant.yaml");
    assert_eq!(stopped.code(), 5, "{stopped}");
    said(
        &stopped,
        &["the broker does not answer on the host either", "mosquitto version 2.0.11 terminating"],
    );
}

#[test]
fn data_that_is_to_be_kept_outlives_its_instance() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab.project(&[&host], &format!("{}keep_data: true\n", emqx("5.0.9", "")));
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
    assert_eq!(host.exec("docker ps -aq | wc -l").trim(), "0");
    assert!(host.exec("docker volume ls -q").contains("bear-emqx-data"));
    project.bear(APPLY).ok();
    nothing_to_do(&project);
}

#[test]
fn every_emqx_line_is_right() {
    let Some(lab) = lab() else { return };
    let hosts = lab.hosts(3, Image::Docker);
    std::thread::scope(|scope| {
        for (host, version) in hosts.iter().zip(["5.0.9", "5.8.9", "6.2.2"]) {
            let lab = &lab;
            scope.spawn(move || {
                let project = lab.project(&[host], &emqx(version, ", admin_password: { env: CANARY }"));
                let applied = project.bear(&format!("{APPLY} --json")).ok();
                let checks = checks(&applied);
                for name in ["mqtt5.connect", "ws.connect", "dashboard.http", "broker.version"] {
                    assert!(checks.iter().any(|check| check == name), "{name} of {version}: {applied}");
                }
                nothing_to_do(&project);
                project.bear("destroy --yes").ok();
            });
        }
    });
}

/// A certificate for a name, signed by an authority of its own: `ca.pem`, `cert.pem` and `key.pem` in the project.
fn certificate(project: &Project, host: &Host) {
    let script = format!(
        "set -e; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=lab-ca \
           -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE 2>/dev/null; \
         openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=broker -keyout key.pem -out csr.pem 2>/dev/null; \
         printf 'subjectAltName=IP:{ip}\\nbasicConstraints=CA:FALSE\\nextendedKeyUsage=serverAuth\\n' >ext; \
         openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem 2>/dev/null",
        ip = host.ip
    );
    let made = Command::new("sh").args(["-c", &script]).current_dir(project.path("")).status().unwrap();
    assert!(made.success());
}

#[test]
fn brokers_with_a_certificate_are_proven_over_tls() {
    let Some(lab) = lab() else { return };
    let tls = ", tls: { certificate: cert.pem, key: { file: key.pem }, ca: ca.pem }";
    let (bare, docker) = (lab.host(Image::Bare), lab.host(Image::Docker));
    let user = ", authentication: { username: sensor, password: { env: CANARY } }";
    let canary = ("CANARY", "Plain-Secret-7");
    let cases = [
        (&bare, format!("{}ports: {{ ws: 8083, wss: 8084 }}\n", mosquitto(&format!("{tls}{user}")))),
        (&docker, emqx("5.8.9", tls)),
    ];
    for (host, broker) in cases {
        let project = lab.project(&[host], &broker).with_variable(canary.0, canary.1);
        certificate(&project, host);
        let applied = project.bear(&format!("{APPLY} --json")).ok();
        let checks = checks(&applied);
        for name in ["tls.connect", "wss.connect"] {
            assert!(checks.iter().any(|check| check == name), "{name}: {applied}");
        }
        nothing_to_do(&project);
        project.bear("destroy --yes").ok();
    }
}

#[test]
fn images_come_from_a_registry_or_from_a_file() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project =
        lab.project(&[&host], &emqx("5.8.9", &format!(", registry: \"{}\"", setting("LAB_REGISTRY"))));
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();

    save("emqx/emqx:5.8.9", &project, "emqx.tar");
    // No registry is in reach of this host, so the file is the only way.
    host.exec("echo '{}' >/etc/docker/daemon.json && systemctl restart docker");
    project.write("fleets/plant.yaml", lab.fleet(&[&host], &emqx("5.8.9", ", image_file: emqx.tar")));
    project.bear(APPLY).ok();
    nothing_to_do(&project);
    project.bear("destroy --yes").ok();
}

/// An image of the lab's registry as a file of the project.
fn save(image: &str, project: &Project, file: &str) {
    let script = format!(
        "set -e; docker pull -q 127.0.0.1:5000/{image}; docker tag 127.0.0.1:5000/{image} {image}; docker save -o {file} {image}"
    );
    let saved = Command::new("sh").args(["-c", &script]).current_dir(project.path("")).status().unwrap();
    assert!(saved.success());
}

#[test]
fn mosquitto_runs_in_a_container_too() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let before = host.inventory();
    let broker = "broker:\n  mosquitto:\n    version: 2.0.18\n    container: true\n    authentication: { username: sensor, password: { env: CANARY } }\n";
    let project = lab.project(&[&host], broker).with_variable("CANARY", "Plain-Secret-7");
    let applied = project.bear(&format!("{APPLY} --json")).ok();
    assert!(checks(&applied).contains(&"mqtt.refuses_bad_password".to_owned()), "{applied}");
    nothing_to_do(&project);
    project.bear("destroy --yes").ok();
    is_as_found(&host, &before);
}
