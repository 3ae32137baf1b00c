//! The first connection to a machine: it is let in by the host key that the machine was launched with, and by no other.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::sleep;
use std::time::Duration;

use bear_lab::fake_ec2::{Instance, Settings};
use serde_json::Value;

use crate::cloud::{APPLY, Cloud, FLEET, check_cloud, settings};
use crate::support::Outcome;

/// The second number of the addresses of the next account: tests that run at the same time have different ones.
static NEXT: AtomicU8 = AtomicU8::new(81);

/// The sshd of a machine; it ends with it.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An account whose machines let the current user in, made and without any sshd; none where there is no sshd, or where
/// it may not have the port that EC2's machines have.
fn cloud() -> Option<Cloud> {
    let required = std::env::var("BEAR_TEST_SSH").is_ok_and(|value| value == "required");
    if !required || TcpListener::bind((Ipv4Addr::new(127, 81, 255, 254), 22)).is_err() {
        println!("skipped: set BEAR_TEST_SSH=required and be root to run it");
        return None;
    }
    let fleet = FLEET.replace("user: ubuntu", &format!("user: {}\n    identity: keys/id", user()));
    let network = NEXT.fetch_add(1, Ordering::Relaxed);
    let settings = Settings { public_cidr: format!("127.{network}.0.0/16").parse().unwrap(), ..settings() };
    let cloud = Cloud::with(&fleet.replace("count: 3", "count: 1"), settings);
    make_key(&cloud.project.path("keys/id"));
    cloud.project.write("sshd.log", "");
    // Root's sshd wants this folder, which the system makes when it starts.
    let _ = fs::create_dir_all("/run/sshd");
    let outcome = cloud.bear(APPLY);
    assert_eq!(cloud.fake.alive().len(), 1, "{outcome}");
    Some(cloud)
}

/// Who runs the tests, and logs in.
fn user() -> String {
    String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap().trim().to_owned()
}

/// The text without whoever runs the tests.
fn anonymous(text: &str) -> String {
    text.replace(&format!("{}@", user()), "[USER]@")
}

fn make_key(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut keygen = Command::new("ssh-keygen");
    assert!(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap().success());
}

/// The private host key in a machine's user data, as cloud-init would take it from there.
fn handed_over(machine: &Instance) -> String {
    let text = String::from_utf8(machine.user_data()).unwrap();
    let begin = text.find("    -----BEGIN").unwrap();
    let lines = text[begin..].lines().take_while(|line| line.starts_with("    "));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

/// Starts the sshd of a machine with a host key. Whoever is let in can do nothing there.
fn boot(cloud: &Cloud, machine: &Instance, host_key: &Path) -> Sshd {
    let address = machine.public_ip.unwrap();
    let authorized = cloud.project.path("authorized_keys");
    fs::copy(cloud.project.path("keys/id.pub"), &authorized).unwrap();
    let log = File::options().append(true).open(cloud.project.path("sshd.log")).unwrap();
    let options = [
        format!("ListenAddress={address}:22"),
        format!("AuthorizedKeysFile={}", authorized.display()),
        "PidFile=none".to_owned(),
        "UsePAM=no".to_owned(),
        "StrictModes=no".to_owned(),
        "PermitRootLogin=prohibit-password".to_owned(),
        "ForceCommand=echo nothing can be done here >&2; exit 1".to_owned(),
    ];
    let mut sshd = Command::new("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f", "/dev/null", "-h"]).arg(host_key);
    sshd.args(options.iter().flat_map(|option| ["-o", option]));
    let sshd = Sshd(sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    for _ in 0..1000 {
        let mut banner = [0; 4];
        if let Ok(mut stream) = TcpStream::connect((address, 22))
            && stream.read_exact(&mut banner).is_ok()
        {
            return sshd;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("no sshd answers at {address}: {}", cloud.project.read("sshd.log"));
}

/// Applies as whoever has an `ssh`.
fn apply(cloud: &Cloud, more: &[&str]) -> Outcome {
    let words = [&["apply", "fleets/daily.yaml", "--yes", "--timeout"], more].concat();
    let bear = cloud.project.command(words).env("PATH", std::env::var("PATH").unwrap()).spawn().unwrap();
    Outcome::of(bear, &cloud.project.path(""))
}

#[test]
fn the_key_that_the_machine_was_launched_with_is_known_from_the_first_connection_on() {
    let Some(cloud) = cloud() else { return };
    let machine = cloud.machine(1);
    let key = cloud.project.path("keys/host");
    fs::write(&key, handed_over(&machine)).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let _sshd = boot(&cloud, &machine, &key);
    let outcome = apply(&cloud, &["20s", "--json"]);
    assert!(outcome.stdout.contains(r#""name":"machine.ssh","state":"ok""#), "{outcome}");
    assert!(cloud.project.read("sshd.log").contains("Accepted publickey"), "{outcome}");
    let known = cloud.project.read(".bear/daily/known_hosts");
    assert!(known.starts_with(&format!("{} ssh-ed25519 ", machine.id)), "{known}");
    // Once it is destroyed its key is forgotten.
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.project.read(".bear/daily/known_hosts").trim(), "");
}

#[test]
fn another_machine_in_its_place_is_refused_at_once() {
    let Some(cloud) = cloud() else { return };
    let machine = cloud.machine(1);
    make_key(&cloud.project.path("keys/host"));
    let _sshd = boot(&cloud, &machine, &cloud.project.path("keys/host"));
    let outcome = apply(&cloud, &["20s", "--json"]);
    assert_eq!(outcome.code(), 1, "{outcome}");
    let mut events = outcome.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let failed = events.find(|event| event["type"] == "step_failed").unwrap();
    let message = failed["error"]["message"].as_str().unwrap();
    check_cloud!(anonymous(message), @"the host key of [USER]@[ADDRESS]:22 has changed: known is ssh-ed25519 SHA256:[FINGERPRINT], presented is ssh-ed25519 SHA256:[FINGERPRINT]");
    assert!(!cloud.project.read("sshd.log").contains("Accepted publickey"));
}

#[test]
fn a_machine_that_does_not_answer_is_told_with_its_console() {
    let Some(cloud) = cloud() else { return };
    cloud
        .fake
        .set_console_output(&cloud.machine(1).id, "[    1.0] Kernel panic - not syncing: VFS: no root\r\n");
    let outcome = apply(&cloud, &["3s"]);
    let told = outcome.stderr.split("\n\n").find(|text| text.contains("error: could not")).unwrap();
    check_cloud!(anonymous(told), @"
    error: could not install daily-emqx-1: waiting for SSH on [USER]@[ADDRESS]:22: not within [SECONDS]; the last try: connecting to [USER]@[ADDRESS]:22: nothing listens there
      bear::hosts::no_ssh, after [SECONDS]
      | [    1.0] Kernel panic - not syncing: VFS: no root
      help: look at the machine's console, and whether its network lets port 22 in from here; applying again waits once more, and longer with `--timeout`
      retry: bear apply fleets/daily.yaml --only daily-emqx-1
    ");
}
