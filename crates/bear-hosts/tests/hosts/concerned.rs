//! Which blocks a change in place runs: those that it concerns, and all of them where anything is in doubt.

use std::fs;

use bear_core::state::v1::{Installed, Machine, Phase, Recorded};
use bear_engine::adapter::InstallRequest;
use bear_hosts::Hosts;
use bear_provider::{Known, Provider};

use crate::lab::{EMQX, Host, Lab, MOSQUITTO, PASSWORD, lab};

const PIN: &str = "5:20.10.13~3-0~ubuntu-jammy";

/// What is recorded, seen and wanted when a change begins.
struct Scene<'a> {
    host: &'a Host,
    hosts: &'a Hosts,
    recorded: Recorded,
    request: InstallRequest,
}

impl Scene<'_> {
    /// Looks at the host.
    async fn look(&self) {
        let known = Known { instance: &self.host.instance, recorded: &self.recorded };
        self.hosts.observe(&[known], &[]).await.unwrap();
    }

    /// Carries the change out, and tells how each block ended.
    async fn change(&self) -> String {
        let (installed, blocks) = self.host.carry_out(self.hosts, self.request.clone(), PASSWORD).await;
        installed.unwrap_or_else(|error| panic!("{error:?} {blocks:?}"));
        let ended = blocks.iter().filter(|block| !block.ends_with(" started"));
        ended.map(|block| format!("{block}\n")).collect()
    }
}

/// A broker that is there and shall get another port, once `prepare` has had its way.
async fn check(lab: &Lab, broker: &str, prepare: impl FnOnce(&mut Scene<'_>)) -> (String, usize) {
    let host = lab.host("a", broker);
    fs::write(host.stub("emqx-version"), "5.8.9").unwrap();
    fs::write(host.stub("emqx-method"), "POST").unwrap();
    let (machine, installed) = there(lab, &host).await;
    let before = lab.sessions();
    let hosts = lab.hosts();
    let mut request = InstallRequest { installed: Some(installed.clone()), ..host.request(machine.clone()) };
    request.spec.ports.mqtt = Some(1884);
    let recorded = host.recorded(Some(machine), Some(installed));
    let mut scene = Scene { host: &host, hosts: &hosts, recorded, request };
    prepare(&mut scene);
    scene.look().await;
    (scene.change().await, lab.sessions() - before)
}

async fn there(lab: &Lab, host: &Host) -> (Machine, Installed) {
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    let (installed, blocks) = host.install_on(&hosts, machine.clone()).await;
    (machine, installed.unwrap_or_else(|error| panic!("{error:?} {blocks:?}")))
}

/// All that can be asked of a host with Mosquitto, where the port is new.
const ALL: &str = "host.system ok
host.first-boot ok
host.clock ok
host.foreign ok
host.owner ok
broker.others ok
mosquitto.package ok
mosquitto.users ok
mosquitto.configuration changed
mosquitto.running changed
";

#[tokio::test]
async fn a_new_port_of_mosquitto() {
    let lab = lab!();
    let (blocks, sessions) = check(&lab, MOSQUITTO, |_| {}).await;
    insta::assert_snapshot!(blocks, @"
    host.ours ok
    mosquitto.users ok
    mosquitto.configuration changed
    mosquitto.running changed
    ");
    // What looked at the host did it, too.
    assert_eq!(sessions, 1);
}

#[tokio::test]
async fn a_new_version_of_mosquitto() {
    let lab = lab!();
    let prepare = |scene: &mut Scene<'_>| {
        let spec = serde_json::to_string(&scene.request.spec).unwrap().replace("2.0.11-1", "2.0.18-1");
        scene.request.spec = serde_json::from_str(&spec).unwrap();
        scene.request.spec.ports.mqtt = None;
    };
    let (blocks, _) = check(&lab, MOSQUITTO, prepare).await;
    insta::assert_snapshot!(blocks, @"
    host.ours ok
    mosquitto.package changed
    mosquitto.users ok
    mosquitto.running changed
    ");
}

#[tokio::test]
async fn whatever_is_in_doubt_is_asked_again() {
    let lab = lab!();
    let doubts: [fn(&mut Scene<'_>); 5] = [
        |scene| scene.recorded.phase = Phase::Created,
        |scene| scene.recorded.token = "an0ther".into(),
        |scene| scene.recorded.installed = None,
        |scene| scene.request.installed = None,
        |scene| fs::write(scene.host.root("etc/mosquitto/conf.d/bear.conf"), "listener 1\n").unwrap(),
    ];
    for doubt in doubts {
        assert_eq!(check(&lab, MOSQUITTO, doubt).await.0, ALL);
    }
}

/// A step that failed may have changed what was seen.
#[tokio::test]
async fn what_was_seen_counts_once() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let (machine, installed) = there(&lab, &host).await;
    let hosts = lab.hosts();
    let request = InstallRequest { installed: Some(installed.clone()), ..host.request(machine.clone()) };
    let recorded = host.recorded(Some(machine), Some(installed));
    let scene = Scene { host: &host, hosts: &hosts, recorded, request };
    scene.look().await;
    assert!(scene.change().await.starts_with("host.ours ok"));
    assert!(scene.change().await.starts_with("host.system ok"));
}

/// What claimed it asked all of that, moments before; a step that failed may have changed it.
#[tokio::test]
async fn a_host_that_was_just_taken_over_is_asked_once() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    let (_, first) = host.install_on(&hosts, machine.clone()).await;
    assert_eq!(lab.sessions(), 1);
    assert_eq!(first[1], "host.ours ok");
    let (_, again) = host.install_on(&hosts, machine).await;
    assert_eq!(again[1], "host.system ok");
}

/// A broker is restarted once, and Docker is left alone.
#[tokio::test]
async fn a_new_port_of_emqx() {
    let lab = lab!();
    let (blocks, sessions) = check(&lab, EMQX, |_| {}).await;
    insta::assert_snapshot!(blocks, @"
    host.ours ok
    emqx.image ok
    emqx.files changed
    emqx.container changed
    emqx.password ok
    emqx.ready ok
    ");
    assert_eq!(sessions, 1);
}

#[tokio::test]
async fn a_new_version_of_emqx() {
    let lab = lab!();
    let prepare = |scene: &mut Scene<'_>| {
        let spec = serde_json::to_string(&scene.request.spec).unwrap().replace("5.8.9", "5.10.0");
        scene.request.spec = serde_json::from_str(&spec).unwrap();
        fs::write(scene.host.stub("emqx-version"), "5.10.0").unwrap();
    };
    let (blocks, _) = check(&lab, EMQX, prepare).await;
    insta::assert_snapshot!(blocks, @"
    host.ours ok
    emqx.image changed
    emqx.files changed
    emqx.container changed
    emqx.password ok
    emqx.ready ok
    ");
}

#[tokio::test]
async fn a_new_version_of_docker() {
    let lab = lab!();
    let prepare = |scene: &mut Scene<'_>| {
        let newer = PIN.replace("20.10.13", "20.10.24");
        let spec = serde_json::to_string(&scene.request.spec).unwrap().replace(PIN, &newer);
        scene.request.spec = serde_json::from_str(&spec).unwrap();
        scene.request.spec.ports.mqtt = None;
        let offered = fs::read_to_string(scene.host.stub("available")).unwrap();
        fs::write(scene.host.stub("available"), format!("{offered}{}", offered.replace(PIN, &newer)))
            .unwrap();
    };
    let (blocks, _) = check(&lab, EMQX, prepare).await;
    insta::assert_snapshot!(blocks, @"
    host.ours ok
    docker.tools ok
    docker.rivals ok
    docker.source ok
    docker.packages changed
    docker.running ok
    emqx.image ok
    emqx.files ok
    emqx.container ok
    emqx.password ok
    emqx.ready ok
    ");
}
