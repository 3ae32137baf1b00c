//! From a host that is there to a host as it was found.

use bear_core::observed::{BrokerSeen, Observation};
use bear_hosts::FirstContactRule;

use crate::lab::{MOSQUITTO, lab};

#[tokio::test]
async fn a_host_becomes_a_machine_and_is_given_back_as_it_was_found() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let before = host.picture();

    let machine = host.create(&hosts).await.unwrap();
    assert_eq!(machine.id, lab.world.public_key("a").fingerprint());
    assert_eq!(machine.address, host.sshd.address);
    let system = machine.system.clone().unwrap();
    assert_eq!((system.name.as_str(), system.architecture.as_str()), ("ubuntu 22.04", "amd64"));
    assert!(system.memory_mib > 0 && system.disk_free_mib > 0);

    let (installed, blocks) = host.install_on(&hosts, machine.clone()).await;
    let installed = installed.unwrap();
    assert_eq!(installed.version, "2.0.11-1");
    assert_eq!(installed.ports.mqtt, Some(1883));
    assert!(blocks.contains(&"mosquitto.package changed".to_owned()), "{blocks:?}");

    let sessions = lab.sessions();
    let (again, blocks) = host.install_on(&hosts, machine.clone()).await;
    assert_eq!(lab.sessions(), sessions + 1);
    assert_eq!(again.unwrap(), installed);
    assert!(blocks.iter().all(|block| block.ends_with(" started") || block.ends_with(" ok")), "{blocks:?}");

    let seen = host.observe(&hosts, Some(machine.clone()), Some(installed)).await.unwrap();
    assert_eq!(seen, Observation::Present { machine, changed: Vec::new(), broker: BrokerSeen::Running });
    assert_eq!(lab.sessions(), sessions + 2);
    assert_eq!(host.sshd.connections(), 1);

    host.destroy(&hosts).await.unwrap();
    assert_eq!(host.picture(), before);
    assert_eq!(host.observe(&hosts, None, None).await.unwrap(), Observation::Absent);
    host.destroy(&hosts).await.unwrap();
    assert_eq!(host.picture(), before);
}

#[tokio::test]
async fn a_host_of_another_fleet_is_refused_and_left_alone() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    host.create(&lab.hosts()).await.unwrap();
    let before = host.picture();

    let other = lab.hosts_of("other", FirstContactRule::Accept);
    let error = host.create(&other).await.unwrap_err();
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::recipe::other_fleet: host.owner failed on [user]@[address]:[port]: the host is the instance plant-brokers-a of the fleet plant, lineage lineage-of-plant
    help: destroy that fleet first, or take the host out of one of the two
    ");
    assert_eq!(error.code, "bear::recipe::other_fleet");
    assert_eq!(host.observe(&other, None, None).await.unwrap(), Observation::Absent);
    // What never was this fleet's counts as gone.
    host.destroy(&other).await.unwrap();
    assert_eq!(host.picture(), before);
}

#[tokio::test]
async fn a_host_of_another_instance_is_refused() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    host.create(&hosts).await.unwrap();
    let mut moved = lab.host("b", MOSQUITTO);
    moved.spec = host.spec.clone();
    let error = moved.create(&hosts).await.unwrap_err();
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::recipe::other_instance: host.owner failed on [user]@[address]:[port]: the host is the instance plant-brokers-a of this fleet
    help: give each member an address of its own; a renamed one waits for the old one to go
    ");
}

#[tokio::test]
async fn a_create_that_is_repeated_finds_its_own() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let first = host.create(&lab.hosts()).await.unwrap();
    assert_eq!(host.create(&lab.hosts()).await.unwrap().id, first.id);
    let seen = host.observe(&lab.hosts(), None, None).await.unwrap();
    let Observation::Present { machine, broker: BrokerSeen::Stopped { why }, .. } = seen else {
        panic!("{seen:?}");
    };
    assert_eq!(machine.id, first.id);
    assert_eq!(why, "no broker was installed");
}

#[tokio::test]
async fn somebody_elses_broker_is_refused_before_the_host_is_claimed() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    std::fs::write(host.stub("packages/mosquitto"), "2.0.11-1").unwrap();
    std::fs::write(host.stub("active/mosquitto"), "").unwrap();
    let before = host.picture();
    let error = host.create(&lab.hosts()).await.unwrap_err();
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::recipe::broker_other: host.foreign failed on [user]@[address]:[port]: the service mosquitto runs on this host, and bear did not install it
    help: remove that broker, or take the host out of the fleet
    ");
    assert_eq!(host.picture(), before);
}
