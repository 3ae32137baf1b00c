//! Machines that bear made, from their first connection to their last.

use std::fs;
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::model::Connect;
use bear_core::observed::BrokerSeen;
use bear_hosts::{ConnectError, Hosts, NO_SSH, Place, Running};
use tokio::time::sleep;

use crate::lab::{Host, Lab, MOSQUITTO, lab};
use crate::made::{Ground, host_keys, known, prepare};

/// A machine that was prepared.
async fn prepared(lab: &Lab, hosts: &Hosts, member: &str) -> Host {
    let ground = Ground::new(lab);
    let given = ground.given.clone();
    let host = ground.start(lab, member, MOSQUITTO);
    let (prepared, _) = prepare(hosts, &host, &given).await;
    prepared.unwrap();
    host
}

/// What comes of preparing a machine with this little time.
async fn prepare_within(hosts: &Hosts, place: Place<'_>, given: &str, limit: Duration) -> StepError {
    hosts.prepare(place, given, limit, &|_| {}).await.unwrap_err()
}

#[tokio::test]
async fn a_machine_is_a_host_like_any_other_until_it_goes() {
    let lab = lab!();
    let hosts = lab.hosts();
    let host = prepared(&lab, &hosts, "a").await;
    let machine = host.made.clone().unwrap();
    let (installed, blocks) = host.install_on(&hosts, machine.clone()).await;
    let installed = installed.unwrap();
    assert!(blocks.contains(&"mosquitto.package changed".to_owned()), "{blocks:?}");

    let recorded = host.recorded(Some(machine.clone()), Some(installed));
    let running = Running { instance: &host.instance, recorded: &recorded, machine: &machine };
    assert_eq!(hosts.observe_brokers(&[running]).await, [Ok(BrokerSeen::Running)]);
    assert_eq!(host.sshd.connections(), 1);

    let words = hosts.ssh_command(host.place()).await.unwrap();
    let there = std::process::Command::new(&words[0]).args(&words[1..]).arg("echo there").output().unwrap();
    assert_eq!(String::from_utf8(there.stdout).unwrap(), "there\n");

    assert!(hosts.drain(host.place()).await);
    let stopped = hosts.observe_brokers(&[running]).await.remove(0);
    insta::assert_debug_snapshot!(stopped, @r#"
    Ok(
        Stopped {
            why: "the service mosquitto does not run",
        },
    )
    "#);

    hosts.forget(&machine).await.unwrap();
    assert_eq!(known(&lab, &host).await, []);
    for _ in 0..500 {
        if host.sshd.connections() == 0 {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection is still there");
}

#[tokio::test]
async fn a_machine_that_boots_is_waited_for() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let (address, hosts) = (ground.address.clone(), lab.hosts());
    let mut host = ground.start(&lab, "a", MOSQUITTO);
    let (root, stub) = (host.root.clone(), host.stub.clone());
    // It is not there yet: nothing listens at its address.
    drop(std::mem::replace(&mut host.sshd, lab.world.start("elsewhere", &[])));
    let waiting = prepare(&hosts, &host, &given);
    let booting = async {
        sleep(Duration::from_secs(1)).await;
        Ground { address, root, stub, given: given.clone() }.start(&lab, "a", MOSQUITTO)
    };
    let ((prepared, blocks), _booted) = futures_util::future::join(waiting, booting).await;
    prepared.unwrap();
    assert_eq!(blocks[..2], ["machine.ssh started", "machine.ssh ok"]);
}

#[tokio::test]
async fn a_machine_that_never_answers_is_told_with_the_last_reason() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let host = ground.start(&lab, "a", MOSQUITTO);
    let silent = std::net::TcpListener::bind((host.sshd.address.as_str(), 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = format!("Host {}\n Port {port}\n", host.sshd.address);
    fs::write(lab.world.path("ssh_config"), config).unwrap();
    let limit = Duration::from_secs(1);
    let mut told = Vec::new();
    // First it takes connections and says nothing, then it takes none.
    for listener in [Some(silent), None] {
        let error = prepare_within(&lab.hosts(), host.place(), &given.to_string(), limit).await;
        assert_eq!((error.code, error.transient), (NO_SSH, false));
        told.push(host.told(&lab, &error).replace(&port.to_string(), "[port]"));
        drop(listener);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    bear::hosts::no_ssh: waiting for SSH on [user]@[address]:[port]: not within 1 s; the last try: it has not answered so far
    help: look at the machine's console, and whether its network lets port 22 in from here; applying again waits once more, and longer with `--timeout`

    bear::hosts::no_ssh: waiting for SSH on [user]@[address]:[port]: not within 1 s; the last try: connecting to [user]@[address]:[port]: nothing listens there
    help: look at the machine's console, and whether its network lets port 22 in from here; applying again waits once more, and longer with `--timeout`
    ");
}

#[tokio::test]
async fn another_machine_at_the_address_is_refused_at_once() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let presented = ground.given.clone();
    let host = ground.start(&lab, "a", MOSQUITTO);
    let given = lab.world.public_key("given");
    let (prepared, blocks) = prepare(&lab.hosts(), &host, &given).await;
    let error = prepared.unwrap_err();
    let told = host.told(&lab, &error);
    let told = told.replace(&given.fingerprint(), "[given]").replace(&presented.fingerprint(), "[presented]");
    insta::assert_snapshot!(told, @"
    bear::ssh::host_key_changed: the host key of [user]@[address]:[port] has changed: known is ssh-ed25519 [given], presented is ssh-ed25519 [presented]
    help: another machine answers at this address, or somebody is in between: see that the address is still this machine's. If it is the machine that was meant, the fleet's known_hosts is not the one that the last apply left: bring that one back, or replace the instance
    ");
    assert_eq!(blocks, ["machine.ssh started", "machine.ssh failed"]);
    assert_eq!(known(&lab, &host).await, [given]);
}

/// The key that everybody may read in the user data opens nothing any more.
#[tokio::test]
async fn host_keys_that_were_lost_are_not_made_good_by_the_given_one() {
    let lab = lab!();
    let hosts = lab.hosts();
    let host = prepared(&lab, &hosts, "a").await;
    fs::remove_file(host_keys(&lab).path()).unwrap();
    let hosts = lab.hosts();
    let greeted = hosts.greet(&[host.place()]).await.remove(0);
    let Err(ConnectError::Failed(error)) = greeted else { panic!("{greeted:?}") };
    assert_eq!(error.code, "bear::ssh::host_key_unknown");
    let given = lab.world.public_key("given");
    let (prepared, _) = prepare(&hosts, &host, &given).await;
    assert_eq!(prepared.unwrap_err().code, "bear::ssh::host_key_changed");
}

#[tokio::test]
async fn a_user_who_is_not_there_yet_is_waited_for() {
    let lab = lab!();
    let (ground, late) = (Ground::new(&lab), lab.world.path("late"));
    let given = ground.given.clone();
    let option = format!("AuthorizedKeysFile={}", late.display());
    let host = ground.start_with(&lab, "a", MOSQUITTO, &[&option]);
    let limit = Duration::from_secs(2);
    let error = prepare_within(&lab.hosts(), host.place(), &given.to_string(), limit).await;
    insta::assert_snapshot!(host.told(&lab, &error), @"
    bear::hosts::no_ssh: waiting for SSH on [user]@[address]:[port]: not within 2 s; the last try: connecting to [user]@[address]:[port]: [user]@[address]: Permission denied (publickey,keyboard-interactive).
      | [user]@[address]: Permission denied (publickey,keyboard-interactive).
    help: see that the user is right and that its authorized_keys has the key of `identity`, of your agent, or of your ~/.ssh/config; to see what ssh offers: `ssh -v -p [port] [user]@[address]`; applying again waits once more, and longer with `--timeout`
    ");

    let hosts = lab.hosts();
    let waiting = prepare(&hosts, &host, &given);
    let booting = async {
        sleep(Duration::from_secs(1)).await;
        fs::copy(lab.world.path("id.pub"), &late).unwrap();
    };
    let ((prepared, _), ()) = futures_util::future::join(waiting, booting).await;
    prepared.unwrap();
}

#[tokio::test]
async fn a_machine_may_be_behind_another_one() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let gate = lab.world.start("gate", &[]);
    let trusted = lab.world.path("own_known_hosts");
    fs::write(&trusted, format!("{} {}\n", gate.name(), lab.world.public_key("gate"))).unwrap();
    let before = fs::read_to_string(lab.world.path("ssh_config")).unwrap();
    let config = format!(
        "{before}Host {}\n UserKnownHostsFile {}\n IdentityFile {}\n",
        gate.address,
        trusted.display(),
        lab.world.path("id").display(),
    );
    fs::write(lab.world.path("ssh_config"), config).unwrap();
    let mut host = ground.start(&lab, "a", MOSQUITTO);
    let made = host.made.as_mut().unwrap();
    made.private_address = Some(std::mem::replace(&mut made.address, "192.0.2.10".to_owned()));
    host.spec.login.as_mut().unwrap().connect = Connect::Jump(format!("{}:{}", gate.address, gate.port));

    let hosts = lab.hosts();
    let (prepared, _) = prepare(&hosts, &host, &given).await;
    prepared.unwrap();
    assert!(hosts.drain(host.place()).await);
    assert_eq!(gate.connections(), 1);

    fs::write(trusted, "").unwrap();
    let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
    assert_eq!(prepared.unwrap_err().code, "bear::ssh::jump");
}

#[tokio::test]
async fn one_that_is_down_keeps_nobody_from_looking_at_the_others() {
    let lab = lab!();
    let hosts = lab.hosts();
    let up = prepared(&lab, &hosts, "up").await;
    let (installed, _) = up.install_on(&hosts, up.made.clone().unwrap()).await;
    let installed = installed.unwrap();
    let down = prepared(&lab, &hosts, "down").await;
    let new = Ground::new(&lab).start(&lab, "new", MOSQUITTO);
    let recorded = [
        down.recorded(None, Some(installed.clone())),
        up.recorded(None, Some(installed)),
        // Nobody has put anything there, and nobody knows its key.
        new.recorded(None, None),
    ];
    let machines = [&down, &up, &new].map(|host| (host.instance.clone(), host.made.clone().unwrap()));
    drop(down.sshd);
    drop(hosts);
    let running = machines.iter().zip(&recorded);
    let running = running.map(|((instance, machine), recorded)| Running { instance, recorded, machine });
    let seen = lab.hosts().observe_brokers(&running.collect::<Vec<_>>()).await;
    let error = seen[0].clone().unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::ssh::refused", true), "{error}");
    assert_eq!(seen[1], Ok(BrokerSeen::Running));
    insta::assert_debug_snapshot!(seen[2], @r#"
    Ok(
        Stopped {
            why: "no broker was installed",
        },
    )
    "#);
}

#[tokio::test]
async fn a_machine_that_is_gone_keeps_nobody_from_destroying_it() {
    let lab = lab!();
    let hosts = lab.hosts();
    let host = prepared(&lab, &hosts, "a").await;
    let machine = host.made.clone().unwrap();
    let Host { sshd, instance, spec, .. } = host;
    drop(sshd);
    let place = Place { instance: &instance, spec: &spec, machine: Some(&machine) };
    assert!(!hosts.drain(place).await);
    hosts.forget(&machine).await.unwrap();
    hosts.forget(&machine).await.unwrap();
}

/// It may be the reason.
#[tokio::test]
async fn a_first_boot_that_went_wrong_is_told_where_something_fails() {
    let lab = lab!();
    let hosts = lab.hosts();
    let host = prepared(&lab, &hosts, "a").await;
    fs::create_dir_all(host.root("run/cloud-init")).unwrap();
    let errors = "{\n \"v1\": {\n  \"init\": {\n   \"errors\": [\n    \"no sources\"\n   ]\n  }\n }\n}\n";
    fs::write(host.root("run/cloud-init/status.json"), errors).unwrap();
    fs::write(host.stub("cloud-init-long"), "status: error\ndetail:\nno sources\n").unwrap();
    host.fail("apt-get", " install ", 100, "E: Unable to locate package mosquitto");
    let (installed, _) = host.install_on(&hosts, host.made.clone().unwrap()).await;
    insta::assert_snapshot!(host.told(&lab, &installed.unwrap_err()), @"
    bear::recipe::failed: mosquitto.package failed on [user]@[address]:[port]: a command ended with status 100
      | E: Unable to locate package mosquitto
      | (exit status 100 of: apt-get -s -q --no-install-recommends --allow-downgrades --allow-change-held-packages install mosquitto=2.0.11-1)
    help: its last lines say what was attempted; the host's first boot had errors, says cloud-init: status: error detail: no sources
    ");
}
