//! The words with which scripts say why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bear_recipes::{Cause, Failure};

/// Every reason that some script gives is known, and every known one is given by some script.
#[test]
fn scripts_and_bear_have_the_same_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sh");
    let mut said = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let code = fs::read_to_string(entry.unwrap().path()).unwrap();
        let words: Vec<_> = code.split_whitespace().collect();
        let after = words.windows(2).filter(|pair| ["why", "refuse"].contains(&pair[0])).map(|pair| pair[1]);
        said.extend(
            after
                .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
                .map(String::from),
        );
    }
    let known: BTreeSet<_> = Cause::all().map(|(_, word)| word.to_owned()).collect();
    said.retain(|word| word.contains('_') || known.contains(word));
    assert_eq!(said, known);
}

#[test]
fn every_cause_has_a_code_of_its_own() {
    let codes: BTreeSet<_> = Cause::all().map(|(cause, _)| cause.code()).collect();
    assert_eq!(codes.len(), Cause::all().count());
    assert!(Cause::all().all(|(cause, word)| cause.code() == format!("bear::recipe::{word}")));
}

/// What a script says of each cause, as it stands there, what its variables stand for, and the last lines of its block.
type Said =
    (Cause, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[rustfmt::skip]
const SAID: &[Said] = &[
    (Cause::Timeout, "docker.packages", "$1 took longer than ${limit}s", &[("$1", "systemctl"), ("${limit}", "180")], &["(exit status 124 of: systemctl restart docker)"]),
    (Cause::NotSo, "emqx.host-limits", "it was applied, and still is not so", &[], &[]),
    (Cause::DiskFull, "docker.packages", "$(fullest)", &[("$(fullest)", "/var has 0 MiB left")], &["E: You don't have enough free space in /var/cache/apt/archives/."]),
    (Cause::NoPrivileges, "host.system", "the script runs as $(id -un), not as root", &[("$(id -un)", "ubuntu")], &[]),
    (Cause::HostBusy, "", "another bear is at work on this host and was so for ${lock_wait_seconds}s", &[("${lock_wait_seconds}", "60")], &[]),
    (Cause::OtherFleet, "host.owner", "the host is the instance $(owner_says instance) of the fleet $(owner_says fleet), lineage $(owner_says lineage)", &[("$(owner_says instance)", "team-emqx-1"), ("$(owner_says fleet)", "team"), ("$(owner_says lineage)", "5f3c0a4e9d1b4c7f8e2a6b0d3c5f7a91")], &[]),
    (Cause::OtherInstance, "host.owner", "the host is the instance $(owner_says instance) of this fleet", &[("$(owner_says instance)", "plant-edge-2")], &[]),
    (Cause::OtherSystem, "host.system", "the host runs ${ID:-a system without a name} ${VERSION_ID:-}", &[("${ID:-a system without a name}", "fedora"), ("${VERSION_ID:-}", "41")], &[]),
    (Cause::ClockSkew, "host.clock", "the clock of the host says $(date -u '+%Y-%m-%d %H:%M:%S') UTC, ${skew}s off", &[("$(date -u '+%Y-%m-%d %H:%M:%S')", "2026-11-20 04:12:09"), ("${skew}", "278571")], &[]),
    (Cause::CloudInit, "host.first-boot", "cloud-init did not end within 300s; $(first_boot_detail)", &[("$(first_boot_detail)", "status: running detail: Running in stage: modules-final")], &[]),
    (Cause::HostKey, "host-key.moved", "sshd would not start again with its settings as they are", &[], &["/etc/ssh/sshd_config line 7: Bad configuration option: PermitRootLogn"]),
    (Cause::OtherMachine, "host-key.next", "it is $noted_id that answers, not $host_machine", &[("$noted_id", "i-0fedcba9876543210"), ("$host_machine", "i-0123456789abcdef0")], &[]),
    (Cause::AptLocked, "docker.packages", "$(grep -m 1 -E 'Could not get lock|locked by another process' \"$1\")", &[("$(grep -m 1 -E 'Could not get lock|locked by another process' \"$1\")", "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1312 (unattended-upgr)")], &[]),
    (Cause::AptUnreachable, "mosquitto.package", "$(grep -m 1 -E '^(E|Err|W: Failed to fetch)' \"$1\")", &[("$(grep -m 1 -E '^(E|Err|W: Failed to fetch)' \"$1\")", "Err:1 http://archive.ubuntu.com/ubuntu jammy InRelease")], &["Err:1 http://archive.ubuntu.com/ubuntu jammy InRelease", "  Temporary failure resolving 'archive.ubuntu.com'"]),
    (Cause::VersionAbsent, "mosquitto.package", "$1 $2 is in no package source; there is $(apt_list \"$1\")", &[("$1 $2", "mosquitto 2.0.11-1"), ("$(apt_list \"$1\")", "2.0.18-1")], &[]),
    (Cause::WrongKey, "docker.source", "the key at $url has the fingerprint ${found:-of no key}, not $docker_fingerprint", &[("$url", "https://download.docker.com/linux/ubuntu/gpg"), ("${found:-of no key}", "0123456789ABCDEF0123456789ABCDEF01234567"), ("$docker_fingerprint", "9DC858229FC7DD38854AE2D88D81803C0EBFCD88")], &[]),
    (Cause::DockerSnap, "docker.rivals", "Docker is installed as a snap", &[], &[]),
    (Cause::DockerOther, "docker.rivals", "the package $package is installed", &[("$package", "docker.io")], &[]),
    (Cause::DockerAbsent, "docker.running", "there is no Docker on the host", &[], &[]),
    (Cause::DockerDown, "docker.running", "docker info does not answer", &[], &["failed to start daemon: error initializing graphdriver: driver not supported: overlay2"]),
    (Cause::ImageAbsent, "emqx.image", "$image_reference: $(grep -m 1 -iE \"$image_is_absent\" \"$scratch/cause\")", &[("$image_reference", "emqx/emqx:5.0.99"), ("$(grep -m 1 -iE \"$image_is_absent\" \"$scratch/cause\")", "Error response from daemon: manifest for emqx/emqx:5.0.99 not found: manifest unknown")], &[]),
    (Cause::ImageUnreachable, "emqx.image", "$image_reference: $(grep -m 1 . \"$scratch/cause\")", &[("$image_reference", "emqx/emqx:5.0.9"), ("$(grep -m 1 . \"$scratch/cause\")", "Error response from daemon: lookup registry-1.docker.io: no such host")], &[]),
    (Cause::ImageFileAbsent, "emqx.image", "there is no file $image_file on the host", &[("$image_file", "/var/lib/bear/image.tar")], &[]),
    (Cause::ImageArchitecture, "emqx.image", "$image_reference is made for $image_made_for, and the host runs $runs_on", &[("$image_reference", "emqx/emqx:5.0.9"), ("$image_made_for", "arm64"), ("$runs_on", "amd64")], &[]),
    (Cause::PortTaken, "host.ours", "port $port is taken by $holder", &[("$port", "1883"), ("$holder", "nginx (process 712)")], &[]),
    (Cause::BrokerOther, "host.foreign", "the service $service runs on this host, and bear did not install it", &[("$service", "mosquitto")], &[]),
    (Cause::BrokerCrashes, "emqx.container", "$2: ${because:-it writes no log}", &[("$2", "the broker does not stay up"), ("${because:-it writes no log}", "failed_to_start_listener: key_cert_mismatch")], &["failed_to_start_listener: key_cert_mismatch"]),
    (Cause::NotReady, "emqx.ready", "$emqx_node did not say that it runs within 180s", &[("$emqx_node", "emqx@10.0.0.5")], &["Listener ssl:default on 0.0.0.0:8883 started."]),
    (Cause::DefaultPassword, "emqx.password", "admin can log in with the password public", &[], &[]),
    (Cause::UnknownPassword, "emqx.password", "admin has a password that neither the fleet nor this host knows", &[], &[]),
];

/// Each in the words of the script that gives it.
#[test]
fn every_cause_says_what_happened_where_and_what_to_do() {
    let scripts = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sh")).unwrap();
    let scripts = scripts.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect::<String>();
    let mut told = String::new();
    for (cause, block, words, values, last_lines) in SAID {
        assert!(scripts.contains(&format!("\"{words}\"")), "no script says {words:?}");
        let text = values.iter().fold((*words).to_owned(), |text, (name, value)| text.replace(name, value));
        let failure = Failure {
            block: Some(block).filter(|block| !block.is_empty()).map(|block| (*block).to_owned()),
            status: 1,
            why: Some((*cause, text)),
            last_lines: last_lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        told.push_str(&failure.error("ubuntu@192.0.2.10:22").told());
    }
    assert_eq!(SAID.len(), Cause::all().count());
    insta::assert_snapshot!(told, @"
    bear::recipe::timeout: docker.packages failed on ubuntu@192.0.2.10:22: systemctl took longer than 180s
      | (exit status 124 of: systemctl restart docker)
      help: look what keeps the host busy; the next apply goes on from here
    bear::recipe::not_so: emqx.host-limits failed on ubuntu@192.0.2.10:22: it was applied, and still is not so
      help: look whether another program on the host changes it back
    bear::recipe::disk_full: docker.packages failed on ubuntu@192.0.2.10:22: /var has 0 MiB left
      | E: You don't have enough free space in /var/cache/apt/archives/.
      help: make room on the host's disk; the next apply goes on from here
    bear::recipe::no_privileges: host.system failed on ubuntu@192.0.2.10:22: the script runs as ubuntu, not as root
      help: log in as root, or as a user whom sudo lets in without a password
    bear::recipe::host_busy: the script failed on ubuntu@192.0.2.10:22: another bear is at work on this host and was so for 60s
      help: wait until it is done; `fuser /run/bear/lock` on the host names its process
    bear::recipe::other_fleet: host.owner failed on ubuntu@192.0.2.10:22: the host is the instance team-emqx-1 of the fleet team, lineage 5f3c0a4e9d1b4c7f8e2a6b0d3c5f7a91
      help: destroy that fleet first, or take the host out of one of the two
    bear::recipe::other_instance: host.owner failed on ubuntu@192.0.2.10:22: the host is the instance plant-edge-2 of this fleet
      help: give each member an address of its own; a renamed one waits for the old one to go
    bear::recipe::other_system: host.system failed on ubuntu@192.0.2.10:22: the host runs fedora 41
      help: use a host with Debian or Ubuntu
    bear::recipe::clock_skew: host.clock failed on ubuntu@192.0.2.10:22: the clock of the host says 2026-11-20 04:12:09 UTC, 278571s off
      help: set the host's clock, or let it set itself: `timedatectl set-ntp true`
    bear::recipe::cloud_init: host.first-boot failed on ubuntu@192.0.2.10:22: cloud-init did not end within 300s; status: running detail: Running in stage: modules-final
      help: look at `cloud-init status --long` on the host
    bear::recipe::host_key: host-key.moved failed on ubuntu@192.0.2.10:22: sshd would not start again with its settings as they are
      | /etc/ssh/sshd_config line 7: Bad configuration option: PermitRootLogn
      help: look at `sshd -t` and at /etc/ssh on the host
    bear::recipe::other_machine: host-key.next failed on ubuntu@192.0.2.10:22: it is i-0fedcba9876543210 that answers, not i-0123456789abcdef0
      help: the address may have become another machine's: applying again looks it up
    bear::recipe::apt_locked: docker.packages failed on ubuntu@192.0.2.10:22: E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1312 (unattended-upgr)
      help: wait until the other program is done: often it is the daily upgrade after the first boot
    bear::recipe::apt_unreachable: mosquitto.package failed on ubuntu@192.0.2.10:22: Err:1 http://archive.ubuntu.com/ubuntu jammy InRelease
      | Err:1 http://archive.ubuntu.com/ubuntu jammy InRelease
      |   Temporary failure resolving 'archive.ubuntu.com'
      help: look whether the host reaches its package sources: `apt-get update`
    bear::recipe::version_absent: mosquitto.package failed on ubuntu@192.0.2.10:22: mosquitto 2.0.11-1 is in no package source; there is 2.0.18-1
      help: pin one of the versions that the package source has
    bear::recipe::wrong_key: docker.source failed on ubuntu@192.0.2.10:22: the key at https://download.docker.com/linux/ubuntu/gpg has the fingerprint 0123456789ABCDEF0123456789ABCDEF01234567, not 9DC858229FC7DD38854AE2D88D81803C0EBFCD88
      help: compare the fingerprint with the one that the site publishes
    bear::recipe::docker_snap: docker.rivals failed on ubuntu@192.0.2.10:22: Docker is installed as a snap
      help: remove it with `snap remove docker`: it keeps the socket that Docker needs
    bear::recipe::docker_other: docker.rivals failed on ubuntu@192.0.2.10:22: the package docker.io is installed
      help: remove those packages, or leave out `install.docker` to use them as they are
    bear::recipe::docker_absent: docker.running failed on ubuntu@192.0.2.10:22: there is no Docker on the host
      help: pin a version under `install.docker`, and bear installs it
    bear::recipe::docker_down: docker.running failed on ubuntu@192.0.2.10:22: docker info does not answer
      | failed to start daemon: error initializing graphdriver: driver not supported: overlay2
      help: look at `journalctl -u docker` on the host
    bear::recipe::image_absent: emqx.image failed on ubuntu@192.0.2.10:22: emqx/emqx:5.0.99: Error response from daemon: manifest for emqx/emqx:5.0.99 not found: manifest unknown
      help: look for the tag in the registry
    bear::recipe::image_unreachable: emqx.image failed on ubuntu@192.0.2.10:22: emqx/emqx:5.0.9: Error response from daemon: lookup registry-1.docker.io: no such host
      help: look whether the host reaches the registry; `registry` names a mirror, `image_file` needs no network
    bear::recipe::image_file_absent: emqx.image failed on ubuntu@192.0.2.10:22: there is no file /var/lib/bear/image.tar on the host
      help: copy the image file to the host first
    bear::recipe::image_architecture: emqx.image failed on ubuntu@192.0.2.10:22: emqx/emqx:5.0.9 is made for arm64, and the host runs amd64
      help: use a tag or an image file that is made for the host's processor
    bear::recipe::port_taken: host.ours failed on ubuntu@192.0.2.10:22: port 1883 is taken by nginx (process 712)
      help: stop the program that holds the port, or write another one under `ports`
    bear::recipe::broker_other: host.foreign failed on ubuntu@192.0.2.10:22: the service mosquitto runs on this host, and bear did not install it
      help: remove that broker, or take the host out of the fleet
    bear::recipe::broker_crashes: emqx.container failed on ubuntu@192.0.2.10:22: the broker does not stay up: failed_to_start_listener: key_cert_mismatch
      | failed_to_start_listener: key_cert_mismatch
      help: its last lines say why; a certificate that doesn't fit its key is a common reason
    bear::recipe::not_ready: emqx.ready failed on ubuntu@192.0.2.10:22: emqx@10.0.0.5 did not say that it runs within 180s
      | Listener ssl:default on 0.0.0.0:8883 started.
      help: its last lines may say what it waits for; `bear logs` shows more
    bear::recipe::default_password: emqx.password failed on ubuntu@192.0.2.10:22: admin can log in with the password public
      help: set a password for `admin` in the dashboard, and keep strangers out until then
    bear::recipe::unknown_password: emqx.password failed on ubuntu@192.0.2.10:22: admin has a password that neither the fleet nor this host knows
      help: set the password of `admin` in the dashboard to the one that the fleet names
    ");
}
