//! What goes wrong on the way to a host and on it: each error as people see it, and that the next try goes on.

use std::fs;
use std::time::Duration;

use bear_core::fleet::model::Ports;
use bear_core::observed::Observation;
use bear_hosts::{ConnectError, FirstContactRule, Hosts};
use bear_provider::{Known, Provider};

use crate::lab::{Host, Lab, MOSQUITTO, lab};

#[tokio::test]
async fn an_unknown_host_key_is_refused_until_somebody_accepts_it() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts_of("plant", FirstContactRule::Refuse);
    let error = host.create(&hosts).await.unwrap_err();
    assert_eq!(error.code, "bear::ssh::host_key_unknown");
    let greeted = hosts.greet(&[host.place()]).await.remove(0);
    let Err(ConnectError::FirstContact(contact)) = greeted else { panic!("{greeted:?}") };
    assert_eq!(contact.key, lab.world.public_key("a"));
    assert!(!host.root("etc/bear").exists());
    hosts.accept(&contact).await.unwrap();
    host.create(&hosts).await.unwrap();
}

#[tokio::test]
async fn a_pinned_host_key_is_the_only_one() {
    let lab = lab!();
    let mut host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts_of("plant", FirstContactRule::Refuse);
    host.spec.host.as_mut().unwrap().host_key = Some(lab.world.public_key("other").fingerprint());
    let error = host.create(&hosts).await.unwrap_err();
    assert_eq!(error.code, "bear::ssh::host_key_not_pinned");
    host.spec.host.as_mut().unwrap().host_key = Some(lab.world.public_key("a").fingerprint());
    host.create(&hosts).await.unwrap();
    host.spec.host.as_mut().unwrap().host_key = Some("SHA256:nonsense".into());
    let error = host.create(&hosts).await.unwrap_err();
    insta::assert_snapshot!(error, @"reading the `host_key` of `plant-brokers-a`: a fingerprint is written `SHA256:` and 43 characters, as `ssh-keygen -lf` prints it");
}

#[tokio::test]
async fn a_changed_host_key_is_refused_by_everything() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let machine = host.create(&lab.hosts()).await.unwrap();
    let Host { sshd, instance, spec, .. } = host;
    let address = (sshd.address.clone(), sshd.port);
    drop(sshd);
    let _impostor = lab.world.start_at(address, "impostor", &[]);
    let place = bear_hosts::Place { instance: &instance, spec: &spec, machine: Some(&machine) };
    let hosts = lab.hosts();
    let greeted = hosts.greet(&[place]).await.remove(0).unwrap_err();
    let code = "bear::ssh::host_key_changed";
    assert!(matches!(greeted, ConnectError::Failed(error) if error.code == code));
    assert_eq!(hosts.logs(place, 1, false, &mut |_| {}).await.unwrap_err().code, code);
    assert_eq!(hosts.forward(place, 1883).await.unwrap_err().code, code);
    assert_eq!(hosts.ssh_command(place).await.unwrap_err().code, code);
    let look = hosts.look(place, Ports { mqtt: Some(1883), ..Ports::default() }).await;
    assert!(look.detail(1883).starts_with("the host itself could not be asked: the host key of "));
}

#[tokio::test]
async fn hosts_that_cannot_be_looked_at_are_never_absent() {
    let lab = lab!();
    let members = ["a", "b", "c"].map(|member| lab.host(member, MOSQUITTO));
    let hosts = lab.hosts();
    for host in &members {
        host.create(&hosts).await.unwrap();
    }
    let [mut a, mut b, c] = members;
    // Nothing listens there.
    for host in [&mut a, &mut b] {
        host.spec.host.as_mut().unwrap().port = Some(1);
    }
    let recorded = [&a, &b, &c].map(|host| host.recorded(None, None));
    let names = [&a.instance, &b.instance, &c.instance];
    let known = names.iter().zip(&recorded).map(|(instance, recorded)| Known { instance, recorded });
    let observed = hosts.observe(&known.collect::<Vec<_>>(), &[]).await.unwrap();
    for host in [&a, &b] {
        let Observation::Unreachable { why } = &observed.instances[&host.instance] else {
            panic!("{observed:?}")
        };
        assert!(why.ends_with("Connection refused"), "{why}");
    }
    assert!(matches!(observed.instances[&c.instance], Observation::Present { .. }));

    // And a host that can't be reached is never taken for given back.
    let error = a.destroy(&hosts).await.unwrap_err();
    assert!(error.transient);
    let text = a.told(&lab, &error);
    insta::assert_snapshot!(text.lines().last().unwrap(), @"help: nothing listens there: see that sshd runs and that the port is right; if the host is gone for good, `bear state rm plant-brokers-a` takes it out of the fleet");
}

/// Each fault in the middle of an install: what is said of it. The next try goes on from there.
async fn check(lab: &Lab, fault: impl Fn(&Host), mend: impl Fn(&Host)) -> String {
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    fault(&host);
    let (installed, _) = host.install_on(&hosts, machine.clone()).await;
    let error = installed.unwrap_err();
    mend(&host);
    let (again, blocks) = host.install_on(&hosts, machine).await;
    assert!(again.is_ok(), "{again:?} {blocks:?}");
    format!("{}{}", if error.transient { "transient " } else { "" }, host.told(lab, &error))
}

#[tokio::test]
async fn a_full_disk() {
    let lab = lab!();
    let fault = |host: &Host| {
        host.fail("apt-get", " install ", 100, "E: Write error - write (28: No space left on device)");
    };
    let text = check(&lab, fault, |host| host.mend("apt-get")).await;
    assert!(text.starts_with("bear::recipe::disk_full: mosquitto.package failed on "), "{text}");
}

#[tokio::test]
async fn a_lock_of_dpkg_that_somebody_holds() {
    let lab = lab!();
    let said =
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)";
    let fault = |host: &Host| host.fail("apt-get", " install ", 100, said);
    let text = check(&lab, fault, |host| host.mend("apt-get")).await;
    assert!(text.starts_with("transient bear::recipe::apt_locked: "), "{text}");
}

#[tokio::test]
async fn a_version_that_no_source_has() {
    let lab = lab!();
    let text = check(
        &lab,
        |host| fs::write(host.stub("available"), "mosquitto 2.0.18-1\n").unwrap(),
        |host| fs::write(host.stub("available"), "mosquitto 2.0.11-1\n").unwrap(),
    )
    .await;
    insta::assert_snapshot!(text, @"
    bear::recipe::version_absent: mosquitto.package failed on [user]@[address]:[port]: mosquitto 2.0.11-1 is in no package source; there is 2.0.18-1
      | Hit:1 http://deb.example stable InRelease
    help: pin one of the versions that the package source has
    ");
}

#[tokio::test]
async fn a_package_source_out_of_reach() {
    let lab = lab!();
    let fault = |host: &Host| {
        fs::write(host.stub("available"), "").unwrap();
        host.fail("apt-get", " update", 0, "Err:1 http://deb.example stable InRelease\n  Could not connect");
    };
    let mend = |host: &Host| {
        fs::write(host.stub("available"), "mosquitto 2.0.11-1\n").unwrap();
        host.mend("apt-get");
    };
    let text = check(&lab, fault, mend).await;
    assert!(text.starts_with("transient bear::recipe::apt_unreachable: "), "{text}");
}

#[tokio::test]
async fn a_host_that_changed_hands_meanwhile() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    host.destroy(&hosts).await.unwrap();
    host.create(&lab.hosts_of("other", FirstContactRule::Accept)).await.unwrap();
    let (installed, _) = host.install_on(&hosts, machine).await;
    assert_eq!(installed.unwrap_err().code, "bear::recipe::other_fleet");
    assert!(!host.calls().contains("apt-get"));
}

#[tokio::test]
async fn not_debian() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    fs::write(host.root("etc/os-release"), "ID=fedora\nVERSION_ID=41\n").unwrap();
    let error = host.create(&lab.hosts()).await.unwrap_err();
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::recipe::other_system: host.system failed on [user]@[address]:[port]: the host runs fedora 41
    help: use a host with Debian or Ubuntu
    ");
}

/// Waits in the middle of the package's block until the test says go on.
fn hold_up(host: &Host) {
    let wait = format!(
        "#!/bin/sh\nwhile [ ! -e {stub}/go ]; do : >{stub}/waiting; /usr/bin/sleep 0.05; done\nexec {stub}/bin/apt-get-real \"$@\"\n",
        stub = host.stub("").display()
    );
    let program = host.stub("bin/apt-get");
    fs::rename(&program, host.stub("bin/apt-get-real")).unwrap();
    fs::write(&program, wait).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

fn let_go(host: &Host) {
    fs::remove_file(host.stub("bin/apt-get")).unwrap();
    fs::rename(host.stub("bin/apt-get-real"), host.stub("bin/apt-get")).unwrap();
    fs::write(host.stub("go"), "").unwrap();
}

async fn until(path: std::path::PathBuf) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} never came", path.display());
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_block() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    hold_up(&host);
    let install = host.install_on(&hosts, machine.clone());
    let cut = async {
        until(host.stub("waiting")).await;
        host.sshd.cut_connections();
    };
    let ((installed, _), ()) = tokio::join!(install, cut);
    let error = installed.unwrap_err();
    assert!(error.transient);
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::ssh::lost: mosquitto.package: the connection to [user]@[address]:[port] was lost while a script ran
    help: whether it ran to its end is not known; applying again goes on from where the host is
    ");
    let_go(&host);
    goes_on(&host, &hosts, machine).await;
}

#[tokio::test]
async fn an_install_that_is_dropped_ends_on_the_host() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let machine = host.create(&hosts).await.unwrap();
    hold_up(&host);
    tokio::select! {
        (installed, _) = host.install_on(&hosts, machine.clone()) => panic!("{installed:?}"),
        () = until(host.stub("waiting")) => {}
    }
    let_go(&host);
    goes_on(&host, &hosts, machine).await;
}

async fn goes_on(host: &Host, hosts: &Hosts, machine: bear_core::state::v1::Machine) {
    let (again, blocks) = host.install_on(hosts, machine).await;
    assert!(again.is_ok(), "{again:?} {blocks:?}");
}

#[tokio::test]
async fn the_log_is_read_and_followed() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let journal =
        "#!/bin/sh\necho \"$@\"\necho a line\ncase \"$*\" in *--follow*) exec /usr/bin/sleep 60 ;; esac\n";
    fs::remove_file(host.stub("bin/journalctl")).unwrap();
    fs::write(host.stub("bin/journalctl"), journal).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(host.stub("bin/journalctl"), mode).unwrap();
    insta::assert_snapshot!(hosts.log(host.place(), 20).await.unwrap(), @"
    --quiet --no-pager --output cat --lines 20 --unit mosquitto
    a line
    ");
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let mut each = |line: &str| sender.send(line.to_owned()).unwrap();
    tokio::select! {
        ended = hosts.logs(host.place(), 1, true, &mut each) => panic!("{ended:?}"),
        () = async { while lines.recv().await.unwrap() != "a line" {} } => {}
    }
}
