//! Hosts that `known_hosts` calls by another name than their address, and hosts behind others.

use std::fs;

use bear_executor::host_keys::FirstContactRule;
use bear_executor::ssh::{ConnectError, Ssh, Target};

use crate::sshd::{Sshd, World, free_address, world};
use crate::{output, run};

/// What the host is called, whatever its address.
const ALIAS: &str = "7f3a51c0";

fn target(world: &World, sshd: &Sshd) -> Target {
    Target { alias: Some(ALIAS.to_owned()), ..world.target(sshd) }
}

#[tokio::test]
async fn a_key_is_known_by_its_alias_and_not_by_the_address() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    host_keys.expect(ALIAS, &world.public_key("host")).await.unwrap();
    assert_eq!(output(&Ssh::new(target(&world, &sshd), host_keys.clone()), "echo in").await, "in\n");
    let line = format!("{ALIAS} {}\n", world.public_key("host"));
    assert_eq!(fs::read_to_string(host_keys.path()).unwrap(), line);

    // The same machine at another address is the same machine, another one at this address is not.
    let moved = world.start("host", &[]);
    assert_eq!(output(&Ssh::new(target(&world, &moved), host_keys.clone()), "echo in").await, "in\n");
    let address = (sshd.address.clone(), sshd.port);
    drop(sshd);
    let other = world.start_at(address, "other", &[]);
    let error = run(&Ssh::new(target(&world, &other), host_keys.clone()), "true").await.unwrap_err();
    let (known, presented) =
        (world.public_key("host").fingerprint(), world.public_key("other").fingerprint());
    let message =
        world.redacted(&error, &other).replace(&known, "[known]").replace(&presented, "[presented]");
    insta::assert_snapshot!(message, @"the host key of [user]@[address]:[port] has changed: known is ssh-ed25519 [known], presented is ssh-ed25519 [presented]");
    insta::assert_snapshot!(error.help.unwrap(), @"another machine answers at this address, or somebody is in between: see that the address is still this machine's. If it is the machine that was meant, the fleet's known_hosts is not the one that the last apply left: bring that one back, or replace the instance");
    assert_eq!((error.code, error.transient), ("bear::ssh::host_key_changed", false));
    assert_eq!(fs::read_to_string(host_keys.path()).unwrap(), line);
}

#[tokio::test]
async fn a_host_with_an_alias_is_never_trusted_on_first_contact() {
    let world = world!();
    let sshd = world.start("host", &[]);
    for rule in [FirstContactRule::Refuse, FirstContactRule::Accept] {
        let host_keys = world.host_keys(rule);
        let error = match Ssh::new(target(&world, &sshd), host_keys.clone()).connect().await {
            Err(ConnectError::Failed(error)) => error,
            other => panic!("{other:?}"),
        };
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.redacted(&error, &sshd), @"connecting to [user]@[address]:[port]: [folder]/known_hosts has no host key for it, under the name 7f3a51c0");
        }
        assert_eq!((error.code, error.transient), ("bear::ssh::host_key_unknown", false));
        assert!(!host_keys.path().exists());
    }
}

#[tokio::test]
async fn what_is_expected_never_replaces_what_is_known() {
    let world = world!();
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    let [given, made, other] = ["given", "made", "other"].map(|name| world.public_key(name));
    host_keys.expect(ALIAS, &given).await.unwrap();
    host_keys.expect(ALIAS, &other).await.unwrap();
    host_keys.expect("another", &other).await.unwrap();
    assert_eq!(host_keys.known(ALIAS).await.unwrap(), std::slice::from_ref(&given));
    for _ in 0..2 {
        host_keys.add(ALIAS, &made).await.unwrap();
        assert_eq!(host_keys.known(ALIAS).await.unwrap(), [given.clone(), made.clone()]);
    }
    host_keys.forget(ALIAS).await.unwrap();
    assert_eq!(host_keys.known(ALIAS).await.unwrap(), []);
    assert_eq!(host_keys.known("another").await.unwrap(), [other]);
}

#[tokio::test]
async fn either_of_two_keys_will_do() {
    let world = world!();
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    for name in ["old", "new"] {
        host_keys.add(ALIAS, &world.public_key(name)).await.unwrap();
    }
    for name in ["old", "new"] {
        let sshd = world.start(name, &[]);
        let ssh = Ssh::new(target(&world, &sshd), host_keys.clone());
        assert_eq!(output(&ssh, "echo in").await, "in\n");
        assert_eq!(ssh.presented(&world.public_key("old")).await.unwrap(), world.public_key(name));
    }
}

#[tokio::test]
async fn people_and_programs_get_the_alias_too() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    host_keys.expect(ALIAS, &world.public_key("host")).await.unwrap();
    let ssh = Ssh::new(target(&world, &sshd), host_keys);
    let words = ssh.command_by_hand().await.unwrap();
    let there = std::process::Command::new(&words[0]).args(&words[1..]).arg("echo there").output().unwrap();
    assert_eq!(String::from_utf8(there.stdout).unwrap(), "there\n");
    let settings = ssh.settings_by_hand().await.unwrap();
    assert!(settings.contains(&("HostKeyAlias", ALIAS.to_owned())), "{settings:?}");
}

/// A gate whose key the user knows by their own configuration, and a host that only the fleet knows.
fn behind_a_gate(world: &World) -> (Sshd, Sshd, String) {
    let (gate, inner) = (world.start("gate", &[]), world.start("inner", &[]));
    fs::write(world.path("own_known_hosts"), format!("{} {}\n", gate.name(), world.public_key("gate")))
        .unwrap();
    let config = format!(
        "Host {}\n IdentityFile {}\n UserKnownHostsFile {}\n",
        gate.address,
        world.path("id").display(),
        world.path("own_known_hosts").display(),
    );
    fs::write(world.path("ssh_config"), config).unwrap();
    let jump = format!("{}:{}", gate.address, gate.port);
    (gate, inner, jump)
}

#[tokio::test]
async fn a_jump_host_is_gone_through_and_its_own_key_is_checked() {
    let world = world!();
    let (gate, inner, jump) = behind_a_gate(&world);
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    host_keys.expect(ALIAS, &world.public_key("inner")).await.unwrap();
    let target = Target { jump: Some(jump.clone()), ..target(&world, &inner) };
    let ssh = Ssh::new(target.clone(), host_keys.clone());
    ssh.answers().await.unwrap();
    assert_eq!(output(&ssh, "echo inside").await, "inside\n");
    assert_eq!(gate.connections(), 1);
    let settings = ssh.settings_by_hand().await.unwrap();
    assert!(settings.contains(&("ProxyJump", format!("[{}]:{}", gate.address, gate.port))), "{settings:?}");

    // The fleet's keys are not the gate's, and the alias is not its name.
    fs::write(world.path("own_known_hosts"), "").unwrap();
    let error = run(&Ssh::new(target, host_keys), "true").await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::ssh::jump", false), "{error:?}");
}

#[tokio::test]
async fn whether_a_host_answers_takes_no_login() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    Ssh::new(target(&world, &sshd), host_keys.clone()).answers().await.unwrap();

    let (address, port) = free_address();
    let nobody = Target { address, port: Some(port), ..target(&world, &sshd) };
    let error = Ssh::new(nobody.clone(), host_keys.clone()).answers().await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::ssh::refused", true), "{error:?}");

    let listener = std::net::TcpListener::bind((nobody.address.as_str(), port)).unwrap();
    for (greeting, code) in [("HTTP/1.1 400\r\n", "bear::ssh::hung_up"), ("", "bear::ssh::hung_up")] {
        let listener = listener.try_clone().unwrap();
        let greeted = std::thread::spawn(move || {
            std::io::Write::write_all(&mut listener.accept().unwrap().0, greeting.as_bytes()).unwrap();
        });
        let error = Ssh::new(nobody.clone(), host_keys.clone()).answers().await.unwrap_err();
        assert_eq!((error.code, error.transient), (code, true), "{error:?}");
        greeted.join().unwrap();
    }
}
