//! What the inventory is for: the real ssh, Ansible and Prometheus take it as it is.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{inventory, mixed};
use crate::sshd::Plant;
use crate::support::Project;

/// Names of folders in which a project may lie, and nobody's quotes may be confused by them.
const FOLDERS: [&str; 3] = ["plain", "it's my #1", r#"a "b" \ c %h $HOME"#];

#[test]
fn ssh_takes_it() {
    let Some(plant) = Plant::of(&["paris", "lyon"]) else { return };
    let config = plant.project.bear("inventory fleets/plant.yaml --format ssh-config").ok();
    insta::assert_snapshot!(plant.redacted(&config), @r#"
    exit status: 0
    ----- stdout -----
    # fleet plant, by `bear inventory --format ssh-config`

    Host plant-edge-lyon
        HostName [lyon]
        Port [PORT]
        User [USER]
        HostKeyAlias [[lyon]]:[PORT]
        IdentityFile "[PROJECT]/keys/my key #1"
        IdentitiesOnly yes
        UserKnownHostsFile "[PROJECT]/.bear/plant/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no

    Host plant-edge-paris
        HostName [paris]
        Port [PORT]
        User [USER]
        HostKeyAlias [[paris]]:[PORT]
        IdentityFile "[PROJECT]/keys/my key #1"
        IdentitiesOnly yes
        UserKnownHostsFile "[PROJECT]/.bear/plant/known_hosts"
        GlobalKnownHostsFile /dev/null
        StrictHostKeyChecking yes
        UpdateHostKeys no
    "#);
    plant.project.write("ssh config", &config.stdout);
    let login = |instance: &str| {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(plant.project.path("ssh config"));
        ssh.args(["-o", "BatchMode=yes", instance, "echo $SSH_CONNECTION"]).output().unwrap()
    };
    for (instance, member) in [("plant-edge-paris", "paris"), ("plant-edge-lyon", "lyon")] {
        let host = plant.host(member);
        let output = login(instance);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.trim().ends_with(&format!("{} {}", host.address, host.port)), "{instance}: {output:?}");
    }
    plant.know("other");
    let output = login("plant-edge-paris");
    assert_eq!(output.status.code(), Some(255), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Host key verification failed"), "{output:?}");
}

#[test]
fn ssh_takes_every_name_of_a_folder() {
    if !is_here("ssh", &["-V"], "BEAR_TEST_SSH") {
        return;
    }
    for folder in FOLDERS {
        let project = mixed(folder);
        let config = inventory(&project, folder, "ssh-config").stdout;
        project.write("config", &config);
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(project.path("config")).args(["-T", "-G", "plant-3-north-1"]);
        let settings = success(ssh.output().unwrap());
        let setting = |name: &str| {
            let line = settings.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {settings}")).replace("%%", "%")
        };
        let root = project.path(folder);
        assert_eq!(setting("userknownhostsfile"), root.join(".bear/plant/known_hosts").to_str().unwrap());
        assert_eq!(setting("identityfile"), root.join("keys/it's my {{ key }} #1").to_str().unwrap());
        assert_eq!((setting("user"), setting("port")), ("ubuntu".into(), "2222".into()));
        assert_eq!(setting("stricthostkeychecking"), "true");
    }
}

#[test]
fn ansible_takes_it() {
    if !is_here("ansible-inventory", &["--version"], "BEAR_TEST_ANSIBLE") {
        return;
    }
    for folder in FOLDERS {
        let project = mixed(folder);
        project.write("hosts.yaml", inventory(&project, folder, "ansible").stdout);
        let read = ansible(&project, "ansible-inventory", &["--list"]);
        let read = serde_json::from_str::<Value>(&read).unwrap();
        assert_eq!(read["_3_north"], json!({ "hosts": ["plant-3-north-1"] }));
        assert_eq!(read["_all"], json!({ "hosts": ["plant-all-a", "plant-all-b"] }));
        // What Ansible would put in the place of a variable, once every template was filled in.
        let variables =
            "[ansible_host, ansible_port, ansible_user, ansible_ssh_private_key_file, bear_ports.mqtt]";
        let message = format!("msg={{{{ {variables} }}}}");
        let shown = ansible(&project, "ansible", &["plant-3-north-1", "-m", "debug", "-a", &message]);
        let message = serde_json::from_str::<Value>(shown.split_once("=> ").unwrap().1).unwrap();
        let identity = project.path(folder).join("keys/it's my {{ key }} #1");
        let identity =
            identity.to_str().unwrap().replace('%', "%%").replace('\\', r"\\").replace('"', "\\\"");
        assert_eq!(message["msg"], json!(["192.0.2.10", 2222, "ubuntu", identity, 1883]));
    }
}

#[test]
fn ansible_logs_in() {
    if !is_here("ansible", &["--version"], "BEAR_TEST_ANSIBLE") {
        return;
    }
    let Some(plant) = Plant::of(&["paris"]) else { return };
    plant.project.write("hosts.yaml", inventory(&plant.project, "", "ansible").stdout);
    let ping = ["all", "-m", "raw", "-a", "echo it is $((20 + 3))"];
    let said = ansible(&plant.project, "ansible", &ping);
    assert!(said.contains("it is 23"), "{said}");
    // Whatever the user's own settings say of host keys.
    plant.know("other");
    let output = run_ansible(&plant.project, "ansible", &ping);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("Host key verification failed"), "{output:?}");
}

/// Runs a program of Ansible on `hosts.yaml`, which must succeed; what it prints.
fn ansible(project: &Project, program: &str, arguments: &[&str]) -> String {
    success(run_ansible(project, program, arguments))
}

fn run_ansible(project: &Project, program: &str, arguments: &[&str]) -> Output {
    let mut ansible = Command::new(program);
    ansible.arg("-i").arg(project.path("hosts.yaml")).args(arguments).current_dir(project.path(""));
    ansible.env("ANSIBLE_HOME", project.path("ansible")).env("LC_ALL", "C.UTF-8");
    // Each connection is a new one, made by somebody who does not care whose it is.
    ansible.env("ANSIBLE_SSH_ARGS", "-o ControlMaster=no").env("ANSIBLE_HOST_KEY_CHECKING", "False");
    ansible.output().unwrap()
}

#[test]
fn prometheus_takes_it() {
    if !is_here("promtool", &["--version"], "BEAR_TEST_PROMETHEUS") {
        return;
    }
    let project = mixed("plain");
    project.write("targets.json", inventory(&project, "plain", "prometheus").stdout);
    let check = || {
        let config = "scrape_configs: [{ job_name: bear, file_sd_configs: [{ files: [targets.json] }] }]\n";
        project.write("prometheus.yml", config);
        Command::new("promtool")
            .args(["check", "config"])
            .arg(project.path("prometheus.yml"))
            .output()
            .unwrap()
    };
    success(check());
    // It does look into the file.
    project.write("targets.json", r#"[{ "targets": "192.0.2.10:18083" }]"#);
    assert!(!check().status.success());
}

/// Whether a program is on this machine; it must be where its variable is `required`.
fn is_here(program: &str, arguments: &[&str], variable: &str) -> bool {
    let here = Command::new(program).args(arguments).output().is_ok();
    let required = std::env::var(variable).is_ok_and(|value| value == "required");
    assert!(here || !required, "{variable} is `required`, but there is no {program}");
    if !here {
        println!("skipped: there is no {program} on this machine");
    }
    here
}

/// What a program prints that must succeed, and have nothing to warn of.
#[track_caller]
fn success(output: Output) -> String {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
