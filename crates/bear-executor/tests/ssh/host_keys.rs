//! Host keys: known, unknown, changed and pinned.

use std::fs;

use bear_executor::host_keys::{FirstContactRule, Pin};
use bear_executor::ssh::{ConnectError, Ssh, Target};

use crate::sshd::world;
use crate::{output, run};

#[tokio::test]
async fn an_unknown_key_is_refused_until_somebody_accepts_it() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    let ssh = Ssh::new(world.target(&sshd), host_keys.clone());
    let contact = match ssh.connect().await {
        Err(ConnectError::FirstContact(contact)) => contact,
        other => panic!("{other:?}"),
    };
    assert_eq!(contact.key, world.public_key("host"));
    let error = run(&ssh, "true").await.unwrap_err();
    let message = world.redacted(&error, &sshd).replace(&contact.key.fingerprint(), "[fingerprint]");
    insta::assert_snapshot!(message, @"the host key of [user]@[address]:[port] is not known: it presents ssh-ed25519 [fingerprint]");
    assert_eq!((error.code, error.transient), ("bear::ssh::host_key_unknown", false));
    assert!(!host_keys.path().exists());

    host_keys.accept(&contact).await.unwrap();
    assert_eq!(output(&ssh, "echo in").await, "in\n");
    let line = format!("{} {}\n", sshd.name(), contact.key);
    assert_eq!(fs::read_to_string(host_keys.path()).unwrap(), line);
}

#[tokio::test]
async fn a_changed_key_is_refused_whatever_the_rule() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Accept);
    assert_eq!(output(&Ssh::new(world.target(&sshd), host_keys.clone()), "echo in").await, "in\n");
    let before = fs::read_to_string(host_keys.path()).unwrap();
    let address = (sshd.address.clone(), sshd.port);
    drop(sshd);

    let sshd = world.start_at(address, "other", &[]);
    let error = run(&Ssh::new(world.target(&sshd), host_keys.clone()), "true").await.unwrap_err();
    let (known, presented) =
        (world.public_key("host").fingerprint(), world.public_key("other").fingerprint());
    let message = world.redacted(&error, &sshd).replace(&known, "[known]").replace(&presented, "[presented]");
    insta::assert_snapshot!(message, @"the host key of [user]@[address]:[port] has changed: known is ssh-ed25519 [known], presented is ssh-ed25519 [presented]");
    assert_eq!((error.code, error.transient), ("bear::ssh::host_key_changed", false));
    assert_eq!(fs::read_to_string(host_keys.path()).unwrap(), before);
}

#[tokio::test]
async fn a_pinned_key_is_the_only_one() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let host_keys = world.host_keys(FirstContactRule::Accept);
    let pins = |name: &str| {
        let key = world.public_key(name);
        [Pin::Fingerprint(key.fingerprint()), Pin::Key(key)]
    };
    let ssh = |pin: Pin| Ssh::new(Target { pin: Some(pin), ..world.target(&sshd) }, host_keys.clone());
    for pin in pins("other") {
        let error = run(&ssh(pin), "true").await.unwrap_err();
        let (pinned, presented) =
            (world.public_key("other").fingerprint(), world.public_key("host").fingerprint());
        let message =
            world.redacted(&error, &sshd).replace(&pinned, "[pinned]").replace(&presented, "[presented]");
        insta::allow_duplicates! {
            insta::assert_snapshot!(message, @"the host key of [user]@[address]:[port] is not the one in the fleet file: pinned is [pinned], presented is ssh-ed25519 [presented]");
        }
        assert_eq!((error.code, error.transient), ("bear::ssh::host_key_not_pinned", false));
        assert!(!host_keys.path().exists());
    }
    for pin in pins("host") {
        assert_eq!(output(&ssh(pin), "echo in").await, "in\n");
        assert_eq!(host_keys.known(&sshd.name()).await.unwrap(), [world.public_key("host")]);
    }
}

#[tokio::test]
async fn a_pinned_fingerprint_is_found_among_keys_of_several_types() {
    let world = world!();
    let rsa = world.path("rsa");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(&rsa).status();
    assert!(made.unwrap().success());
    let sshd = world.start("host", &[&format!("HostKey={}", rsa.display())]);
    let pin = Pin::Fingerprint(world.public_key("rsa").fingerprint());
    let host_keys = world.host_keys(FirstContactRule::Refuse);
    let ssh = Ssh::new(Target { pin: Some(pin), ..world.target(&sshd) }, host_keys);
    assert_eq!(output(&ssh, "echo in").await, "in\n");
}

#[tokio::test]
async fn what_the_user_trusts_is_not_what_the_fleet_trusts() {
    let world = world!();
    let sshd = world.start("host", &[]);
    let own = world.path("own_known_hosts");
    fs::write(&own, format!("{} {}\n", sshd.name(), world.public_key("host"))).unwrap();
    let lax = "StrictHostKeyChecking no\nNoHostAuthenticationForLocalhost yes\nVerifyHostKeyDNS yes\n";
    let files = format!("UserKnownHostsFile {0}\nGlobalKnownHostsFile {0}\n", own.display());
    fs::write(world.path("ssh_config"), format!("{lax}{files}")).unwrap();
    let ssh = Ssh::new(world.target(&sshd), world.host_keys(FirstContactRule::Refuse));
    assert!(matches!(ssh.connect().await, Err(ConnectError::FirstContact(_))));
}
