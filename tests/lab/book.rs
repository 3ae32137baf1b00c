//! The commands of the book that need real hosts or EC2, performed there. `tests/it` performs all others.

#[path = "../it/book/page.rs"]
#[expect(dead_code, reason = "links and headings are looked at by the other tests")]
mod page;
mod stage;

use std::fs;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use self::page::{Page, book};
use self::stage::{Performed, Stage};
use crate::ec2::eventually;
use crate::ec2_cloud::{Cloud, cloud, texts};
use crate::lab::{Image, Lab, lab, setting};

/// What is performed nowhere, and why not.
const LEFT_OUT: [(&str, &str, &str); 3] = [
    (
        "docs/from-ansible.md",
        "ansible-playbook -i inventory.yaml site.yml",
        "the playbook is the reader's; the inventory is tried with Ansible in `tests/it`",
    ),
    (
        "docs/from-terraform.md",
        "terraform state rm 'aws_instance.emqx[0]'",
        "Terraform's own, about a machine that it made",
    ),
    (
        "docs/tasks.md",
        "bear import daily-emqx-4 i-0123456789abcdef0 --fleet fleets/team.yaml --host-key \"ssh-ed25519 \
         AAAAC3NzaC1lZDI1NTE5AAAAIMnN1q6xJ9s7SJrpmHhBMSSWgZDu1aJVtV5CdPtWKYYJ\"",
        "a host key is given wherever a page imports a machine, since moto's consoles show none",
    ),
];

fn is_left_out(path: &str, command: &str) -> bool {
    LEFT_OUT.iter().any(|(page, left_out, _)| (*page, *left_out) == (path, command))
}

#[test]
fn every_command_of_the_book_that_can_be_is_performed() {
    let Some(lab) = &lab() else { return };
    let parts: [fn(&Lab) -> Vec<Performed>; 5] =
        [on_hosts, emqx_on_a_host, from_scripts, from_terraform, on_ec2];
    let performed = thread::scope(|scope| {
        let parts = parts.map(|part| scope.spawn(move || part(lab)));
        parts.map(|part| part.join().unwrap()).concat()
    });
    let pages = book();
    let all = pages.iter().flat_map(commands).collect::<Vec<_>>();
    let left = all.iter().filter(|command| !performed.contains(command));
    let left = left.map(|(page, _, command)| (page.as_str(), command.as_str())).collect::<Vec<_>>();
    println!("{} of {} commands that need the lab were performed", all.len() - left.len(), all.len());
    assert_eq!(left, LEFT_OUT.map(|(page, command, _)| (page, command)));
}

/// The commands of a page that only the lab can perform.
fn commands(page: &Page) -> Vec<Performed> {
    let blocks = page.blocks().into_iter().filter(|block| block.info == "console lab");
    let commands = blocks.flat_map(|block| {
        let commands = block.lines.into_iter().map(|line| line.strip_prefix("$ ").unwrap());
        commands.map(move |command| (page.name().to_owned(), block.at, command.to_owned()))
    });
    commands.collect()
}

/// How a fleet file names the lab's source of packages.
fn docker() -> String {
    let (url, fingerprint) = (setting("LAB_APT_URL"), setting("LAB_APT_FINGERPRINT"));
    format!(
        "docker: {{ version: \"5:20.10.13~3-0~ubuntu-jammy\", \
         repository: {{ url: {url}, suite: jammy, fingerprint: {fingerprint} }} }}"
    )
}

const HOSTS: &str = "hosts: { user: ubuntu, identity: ~/.ssh/id_ed25519 }";

/// Two hosts with Mosquitto, one of which breaks, and two with EMQX.
fn on_hosts(lab: &Lab) -> Vec<Performed> {
    let mut hosts = lab.hosts(3, Image::Bare);
    let docker_hosts = lab.hosts(2, Image::Docker);
    let [paris, lyon, new_paris] = [0, 1, 2].map(|number| hosts[number].ip.clone());
    // As the page has it.
    hosts[1].exec(
        "useradd -m -s /bin/bash admin && cp -r /home/ubuntu/.ssh /home/admin && chown -R admin: /home/admin/.ssh \
         && echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/admin \
         && echo 'Port 2222' >>/etc/ssh/sshd_config && systemctl restart ssh",
    );
    let mut stage = Stage::new("plant");
    stage.instead("SHA256:QtdYR27WbO0b58tXvtZ1XO73bMUiIAKVBQCgrks1M9I", &*hosts[0].fingerprint);
    stage.instead("192.0.2.10", paris);
    stage.instead("192.0.2.11", lyon);
    stage.instead("192.0.2.12", new_paris);
    stage.instead("192.0.2.20", &*docker_hosts[0].ip);
    stage.instead("192.0.2.21", &*docker_hosts[1].ip);
    stage.instead("provider: hosts", format!("provider:\n  {HOSTS}"));

    stage.perform("docs/hosts.md", &[]);
    stage.perform("docs/tasks.md", &["depot"]);
    // The host breaks.
    drop(hosts.remove(0));
    stage.perform("docs/tasks.md", &["plant"]);
    stage.performed
}

fn emqx_on_a_host(lab: &Lab) -> Vec<Performed> {
    let host = lab.host(Image::Bare);
    let mut stage = Stage::new("depot");
    stage.instead("192.0.2.20", &*host.ip);
    stage.instead("hosts: { user: ubuntu }", HOSTS);
    stage.instead("docker: \"5:28.5.2-1~ubuntu.22.04~jammy\"", docker());
    stage.perform("docs/emqx.md", &["depot"]);
    stage.performed
}

/// A project on the lab's EC2. Fleets of one name would meet there, so that of each page gets another.
fn ec2_stage(fleet: &'static str) -> Stage {
    let mut stage = Stage::new(fleet);
    stage.instead("daily", fleet);
    stage.instead(
        "aws: { region: eu-west-3 }",
        "aws: { region: eu-west-3, connect: private, identity: ~/.ssh/id_ed25519 }",
    );
    stage.instead("docker: \"5:20.10.13~3-0~ubuntu-jammy\"", docker());
    stage
}

fn from_scripts(_: &Lab) -> Vec<Performed> {
    let cloud = cloud("scripts").unwrap();
    let mut stage = ec2_stage("scripts");
    a_machine_of_others(&cloud, &mut stage);
    stage.perform("docs/from-scripts.md", &[]);
    cloud.clear();
    stage.performed
}

fn on_ec2(_: &Lab) -> Vec<Performed> {
    let cloud = cloud("team").unwrap();
    let mut stage = ec2_stage("team");
    a_machine_of_others(&cloud, &mut stage);
    stage.exports_the_password();
    stage.instead("/var/lib/bear", "../state");
    stage.perform("docs/aws.md", &["fleet: daily", "bear doctor", "--replace"]);
    stage.perform("docs/tasks.md", &["daily"]);
    stage.perform("docs/ci.md", &["install -d"]);
    stage.perform("docs/aws.md", &["bear destroy"]);
    cloud.is_empty();
    stage.performed
}

fn from_terraform(_: &Lab) -> Vec<Performed> {
    let cloud = cloud("harbour").unwrap();
    let mut stage = Stage::new("harbour");
    a_machine_of_others(&cloud, &mut stage);
    stage.exports_the_password();
    stage.instead("user: ubuntu", "user: ubuntu\n    connect: private\n    identity: ~/.ssh/id_ed25519");
    stage.instead("docker: \"5:28.5.2-1~ubuntu.22.04~jammy\"", docker());
    // Every machine beyond the one that is imported is like those of the other pages.
    stage.instead("count: 3", "count: 1");
    stage.perform("docs/from-terraform.md", &[]);
    cloud.clear();
    stage.performed
}

/// Has somebody else make a machine, for the pages that import one. Its key pair is named like the fleet.
fn a_machine_of_others(cloud: &Cloud, stage: &mut Stage) {
    let key = BASE64_STANDARD.encode(fs::read(setting("LAB_KEY_PUB")).unwrap());
    let name = stage.fleet;
    cloud.call("DeleteKeyPair", &[("KeyName", name)]);
    cloud.call("ImportKeyPair", &[("KeyName", name), ("PublicKeyMaterial", &key)]);
    let subnets = cloud
        .call("DescribeSubnets", &[("Filter.1.Name", "cidr-block"), ("Filter.1.Value.1", "10.77.16.0/22")]);
    let machine = [
        ("ImageId", "ami-0bea0000000000005"),
        ("InstanceType", "t3.small"),
        ("KeyName", name),
        ("SubnetId", &texts(&subnets, "subnetId")[0]),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    let id = texts(&cloud.call("RunInstances", &machine), "instanceId").remove(0);
    eventually("a machine of others answers", || cloud.container(&id).as_deref() == Some("running"));
    // Its first boot makes it another host key.
    let key = "cloud-init status --wait >/dev/null || :; cat /etc/ssh/ssh_host_ed25519_key.pub";
    let host_key = cloud.exec(&id, key);
    stage.imports(id, host_key.trim().to_owned());
}
