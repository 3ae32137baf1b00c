//! What somebody changed on a host by hand, as a plan shows it, and that an install mends it.

use std::fs;

use bear_core::observed::{BrokerSeen, Observation};
use bear_core::state::v1::{Installed, Machine};
use bear_hosts::Hosts;

use crate::lab::{EMQX, Host, Lab, MOSQUITTO, lab};

async fn seen(host: &Host, hosts: &Hosts, machine: &Machine, installed: &Installed) -> String {
    match host.observe(hosts, Some(machine.clone()), Some(installed.clone())).await.unwrap() {
        Observation::Absent => "absent".to_owned(),
        Observation::Unreachable { why } => format!("unreachable: {why}"),
        Observation::Present { broker: BrokerSeen::Running, .. } => "running".to_owned(),
        Observation::Present { broker: BrokerSeen::Unknown, .. } => "unknown".to_owned(),
        Observation::Present { broker: BrokerSeen::Stopped { why }, .. } => format!("stopped: {why}"),
        Observation::Present { broker: BrokerSeen::Changed { what }, .. } => {
            let each = what.iter().map(|drift| format!("{}: {} -> {}", drift.what, drift.is, drift.was));
            each.collect::<Vec<_>>().join("\n")
        }
    }
}

/// Changes a host on which the broker runs, tells what is seen of it, and whether an install mends it.
async fn check(lab: &Lab, broker: &str, change: impl Fn(&Host)) -> String {
    let host = lab.host("a", broker);
    fs::write(host.stub("emqx-version"), "5.8.9").unwrap();
    fs::write(host.stub("emqx-method"), "POST").unwrap();
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    let (installed, blocks) = host.install_on(&hosts, machine.clone()).await;
    let installed = installed.unwrap_or_else(|error| panic!("{error:?} {blocks:?}"));
    assert_eq!(seen(&host, &hosts, &machine, &installed).await, "running");

    change(&host);
    let text = seen(&host, &hosts, &machine, &installed).await;
    let (mended, blocks) = host.install_on(&hosts, machine.clone()).await;
    let mended = mended.unwrap_or_else(|error| panic!("{error:?} {blocks:?}"));
    assert_eq!(seen(&host, &hosts, &machine, &mended).await, "running");
    text
}

#[tokio::test]
async fn settings_of_mosquitto_that_were_edited() {
    let lab = lab!();
    let text = check(&lab, MOSQUITTO, |host| {
        fs::write(host.root("etc/mosquitto/conf.d/bear.conf"), "listener 1884\n").unwrap();
    })
    .await;
    insta::assert_snapshot!(text, @"file: /etc/mosquitto/conf.d/bear.conf was changed -> as bear wrote it");
}

#[tokio::test]
async fn mosquitto_that_was_stopped() {
    let lab = lab!();
    let text = check(&lab, MOSQUITTO, |host| fs::remove_file(host.stub("active/mosquitto")).unwrap()).await;
    insta::assert_snapshot!(text, @"stopped: the service mosquitto does not run");
}

#[tokio::test]
async fn mosquitto_that_was_disabled() {
    let lab = lab!();
    let text = check(&lab, MOSQUITTO, |host| fs::remove_file(host.stub("enabled/mosquitto")).unwrap()).await;
    insta::assert_snapshot!(text, @"start: only by hand -> with the host");
}

#[tokio::test]
async fn mosquitto_of_another_version() {
    let lab = lab!();
    let text =
        check(&lab, MOSQUITTO, |host| fs::write(host.stub("packages/mosquitto"), "2.0.18-1").unwrap()).await;
    insta::assert_snapshot!(text, @"version: 2.0.18-1 -> 2.0.11-1");
}

#[tokio::test]
async fn a_package_that_is_no_longer_held() {
    let lab = lab!();
    let text = check(&lab, MOSQUITTO, |host| fs::remove_file(host.stub("held/mosquitto")).unwrap()).await;
    insta::assert_snapshot!(text, @"package: may be upgraded -> held");
}

#[tokio::test]
async fn mosquitto_that_was_removed() {
    let lab = lab!();
    let text = check(&lab, MOSQUITTO, |host| fs::remove_file(host.stub("packages/mosquitto")).unwrap()).await;
    insta::assert_snapshot!(text, @"stopped: the package mosquitto is gone");
}

#[tokio::test]
async fn a_container_that_was_removed() {
    let lab = lab!();
    let text = check(&lab, EMQX, |host| fs::remove_file(host.stub("containers/bear-emqx")).unwrap()).await;
    insta::assert_snapshot!(text, @"stopped: the container bear-emqx is gone");
}

#[tokio::test]
async fn settings_of_emqx_that_were_edited() {
    let lab = lab!();
    let text = check(&lab, EMQX, |host| {
        let path = host.root("etc/bear/emqx/settings.env");
        fs::remove_file(&path).unwrap();
        fs::write(path, "EMQX_NODE_NAME='emqx@10.9.9.9'\n").unwrap();
    })
    .await;
    insta::assert_snapshot!(text, @"file: /etc/bear/emqx/settings.env was changed -> as bear wrote it");
}

#[tokio::test]
async fn the_default_password_set_again() {
    let lab = lab!();
    let text = check(&lab, EMQX, |host| fs::write(host.stub("emqx-password"), "\"public\"").unwrap()).await;
    insta::assert_snapshot!(text, @"
    default_password: accepted -> refused
    admin_password: refused -> accepted
    ");
}

#[tokio::test]
async fn docker_that_was_stopped() {
    let lab = lab!();
    let text = check(&lab, EMQX, |host| fs::remove_file(host.stub("active/docker")).unwrap()).await;
    insta::assert_snapshot!(text, @"stopped: Docker does not answer");
}

#[tokio::test]
async fn docker_of_another_version() {
    let lab = lab!();
    let change = |host: &Host| {
        fs::write(host.stub("packages/docker-ce"), "5:26.0.0-1").unwrap();
        fs::write(host.stub("docker-version"), "26.0.0").unwrap();
    };
    let text = check(&lab, EMQX, change).await;
    insta::assert_snapshot!(text, @"docker: 26.0.0 -> 20.10.13");
}

#[tokio::test]
async fn a_host_that_was_installed_anew_is_no_machine_of_the_fleet() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    fs::remove_dir_all(host.root("etc/bear")).unwrap();
    assert_eq!(host.observe(&hosts, Some(machine), None).await.unwrap(), Observation::Absent);
}
