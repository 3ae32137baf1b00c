//! The key that came with the user data gives way to one of the machine's own, whatever is cut off in between.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bear_core::event::BlockReport;
use bear_executor::host_keys::HostKey;
use bear_hosts::SSH_LIMIT;
use tokio::sync::Notify;

use crate::lab::{Host, Lab, MOSQUITTO, lab};
use crate::made::{Ground, KEY, host_keys, key_on, known, prepare};

/// The machine presents a key that nobody but it ever had, only that one is known, and that is all there is to do.
async fn assert_rotated(lab: &Lab, host: &Host, given: &HostKey) -> HostKey {
    let own = key_on(host);
    assert_ne!(own, *given);
    assert_eq!(known(lab, host).await, std::slice::from_ref(&own));
    assert!(!host.root(&format!("{KEY}.bear-next")).exists());
    // A connection that is new.
    let hosts = lab.hosts();
    let (prepared, blocks) = prepare(&hosts, host, given).await;
    prepared.unwrap();
    assert_eq!(blocks, ["machine.ssh started", "machine.ssh ok"]);
    assert_eq!(hosts.ssh(host.place()).unwrap().presented(&own).await.unwrap(), own);
    own
}

#[tokio::test]
async fn the_given_key_is_good_for_the_first_connection_only() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let host = ground.start(&lab, "a", MOSQUITTO);
    let hosts = lab.hosts();
    let (prepared, blocks) = prepare(&hosts, &host, &given).await;
    prepared.unwrap();
    insta::assert_snapshot!(blocks.join("\n"), @"
    machine.ssh started
    machine.ssh ok
    host.first-boot started
    host.first-boot ok
    host-key.next started
    host-key.next changed
    host-key.moved started
    host-key.moved changed
    ");
    assert_rotated(&lab, &host, &given).await;
    // The connection that told sshd to start again has not noticed.
    assert!(hosts.drain(host.place()).await);
}

#[tokio::test]
async fn cut_off_at_any_block_it_goes_on() {
    let lab = lab!();
    for at in 1..=8 {
        let ground = Ground::new(&lab);
        let given = ground.given.clone();
        let host = ground.start(&lab, &format!("a{at}"), MOSQUITTO);
        let (seen, cut) = (AtomicUsize::new(0), Notify::new());
        let report = |_: BlockReport| {
            if seen.fetch_add(1, Ordering::Relaxed) + 1 == at {
                cut.notify_one();
            }
        };
        let hosts = lab.hosts();
        let given_text = given.to_string();
        tokio::select! {
            biased;
            () = cut.notified() => {}
            // The last report comes a moment before the end.
            prepared = hosts.prepare(host.place(), &given_text, SSH_LIMIT, &report) => prepared.unwrap(),
        }
        drop(hosts);
        let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
        prepared.unwrap();
        assert_rotated(&lab, &host, &given).await;
    }
}

/// Whose half of a key pair something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Given,
    Own,
}

/// Where a machine may be when everything was cut off (an sshd that reads its key for each connection, as that of
/// OpenSSH 9.2 does, is never in the last state but one): the key in its file, whether one lies beside it, the key that
/// sshd presents, and those that are known.
type State = (Key, bool, Key, &'static [Key]);

const STATES: [(&str, State); 6] = [
    ("before all", (Key::Given, false, Key::Given, &[Key::Given])),
    ("made and not heard of", (Key::Given, true, Key::Given, &[Key::Given])),
    ("made and known", (Key::Given, true, Key::Given, &[Key::Given, Key::Own])),
    ("known and lost, as the host lost its power", (Key::Given, false, Key::Given, &[Key::Given, Key::Own])),
    ("moved and not presented", (Key::Own, false, Key::Given, &[Key::Given, Key::Own])),
    ("presented, and the old one not forgotten", (Key::Own, false, Key::Own, &[Key::Given, Key::Own])),
];

fn copy_pair(from: &Path, to: &Path) {
    for end in ["", ".pub"] {
        fs::copy(format!("{}{end}", from.display()), format!("{}{end}", to.display())).unwrap();
    }
}

#[tokio::test]
async fn from_every_state_it_goes_on() {
    let lab = lab!();
    for (number, (state, (file, beside, presents, are_known))) in STATES.into_iter().enumerate() {
        let ground = Ground::new(&lab);
        let (given, root) = (ground.given.clone(), ground.root.clone());
        let (own_pair, own) =
            (lab.world.key(&format!("own-{number}")), lab.world.public_key(&format!("own-{number}")));
        let path = root.join(KEY);
        if presents == Key::Own {
            copy_pair(&own_pair, &path);
        }
        let host = ground.start(&lab, &format!("b{number}"), MOSQUITTO);
        if file == Key::Own {
            copy_pair(&own_pair, &path);
        }
        if beside {
            copy_pair(&own_pair, &root.join(format!("{KEY}.bear-next")));
        }
        for key in are_known {
            let key = if *key == Key::Own { &own } else { &given };
            host_keys(&lab).add(&host.made.as_ref().unwrap().id, key).await.unwrap();
        }
        let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
        assert_eq!(prepared, Ok(()), "{state}");
        let made = assert_rotated(&lab, &host, &given).await;
        assert_eq!(made == own, beside || file == Key::Own, "{state}");
    }
}

/// Both keys stay known until the new one was seen.
#[tokio::test]
async fn an_sshd_that_presents_another_file_is_not_locked_out() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let mut host = ground.start(&lab, "a", MOSQUITTO);
    copy_pair(&host.root(KEY), &lab.world.path("copy"));
    restart(&lab, &mut host, "copy");
    let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
    let error = prepared.unwrap_err();
    let own = key_on(&host);
    let told = host.told(&lab, &error);
    let told = told.replace(&given.fingerprint(), "[given]").replace(&own.fingerprint(), "[own]");
    insta::assert_snapshot!(told, @"
    bear::hosts::host_key_rotation: replacing the host key of plant-brokers-a: its sshd was told to present [own]: it still presents [given]
    help: both keys stay known; applying again goes on from here
    ");
    assert!(error.transient);
    assert_eq!(known(&lab, &host).await, [given.clone(), own]);

    let key = format!("roots/{}/{KEY}", host.sshd.address);
    restart(&lab, &mut host, &key);
    let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
    prepared.unwrap();
    assert_rotated(&lab, &host, &given).await;
}

/// Another sshd in the place of the one before, with the key of this name.
fn restart(lab: &Lab, host: &mut Host, key: &str) {
    let address = (host.sshd.address.clone(), host.sshd.port);
    drop(std::mem::replace(&mut host.sshd, lab.world.start("elsewhere", &[])));
    let pid_file = format!("PidFile={}", host.root("run/sshd.pid").display());
    host.sshd = lab.sshd(address, key, &host.stub, &[&pid_file]);
}

#[tokio::test]
async fn an_sshd_that_would_not_start_again_is_left_alone() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let given = ground.given.clone();
    let host = ground.start(&lab, "a", MOSQUITTO);
    host.fail("sshd", "-t", 255, "/etc/ssh/sshd_config line 1: Bad configuration option: X");
    let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
    insta::assert_snapshot!(host.told(&lab, &prepared.unwrap_err()), @"
    bear::recipe::host_key: host-key.moved failed on [user]@[address]:[port]: sshd would not start again with its settings as they are
      | /etc/ssh/sshd_config line 1: Bad configuration option: X
      | (exit status 255 of: sshd -t)
    help: look at `sshd -t` and at /etc/ssh on the host
    ");
    assert_eq!(key_on(&host), given);
    host.mend("sshd");
    let (prepared, _) = prepare(&lab.hosts(), &host, &given).await;
    prepared.unwrap();
    assert_rotated(&lab, &host, &given).await;
}

/// A machine whose own key is known, because somebody who saw its console said so, was never given one.
#[tokio::test]
async fn a_machine_that_bear_did_not_make_keeps_its_key() {
    let lab = lab!();
    let ground = Ground::new(&lab);
    let own = ground.given.clone();
    let host = ground.start(&lab, "a", MOSQUITTO);
    let hosts = lab.hosts();
    hosts.expect(host.made.as_ref().unwrap(), &own.to_string()).await.unwrap();
    let derived = lab.world.public_key("derived");
    let (prepared, blocks) = prepare(&hosts, &host, &derived).await;
    prepared.unwrap();
    assert_eq!(blocks, ["machine.ssh started", "machine.ssh ok"]);
    assert_eq!(known(&lab, &host).await, [own]);
}
