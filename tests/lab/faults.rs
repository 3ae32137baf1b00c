//! What goes wrong on hosts: each is told with its cause, nothing is lost, and the next apply goes on from there.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::{Host, Image, Lab, lab, setting};
use crate::support::{Outcome, Project};

/// Debian's own package: what a bare host can have without Docker.
const MOSQUITTO: &str = "broker:\n  mosquitto: { version: 2.0.11-1.2+deb12u2 }\n";

const EMQX: &str = "broker:\n  emqx: { version: 5.0.9 }\n";

const APPLY: &str = "apply fleets/plant.yaml --yes";

/// Applying fails and says all of `says`; once `mend` was done the same command ends well, and so does destroying.
#[track_caller]
fn check(project: &Project, arguments: &str, says: &[&str], mend: impl FnOnce()) {
    let failed = project.bear(&format!("{APPLY} {arguments}"));
    assert_eq!(failed.code(), 1, "{failed}");
    said(&failed, says);
    project.bear("state list --fleet fleets/plant.yaml").ok();
    mend();
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}

/// The words stand in what was told, however the lines were broken.
#[track_caller]
pub(crate) fn said(outcome: &Outcome, says: &[&str]) {
    let words =
        |text: &str| text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    let told = words(&outcome.stderr);
    for text in says {
        assert!(told.contains(&words(text)), "`{text}` is not in {outcome}");
    }
}

/// A fleet on one host, changed in one place.
fn fleet_with(lab: &Lab, host: &Host, rest: &str, from: &str, to: &str) -> String {
    let text = lab.fleet(&[host], rest);
    assert!(text.contains(from), "`{from}` is not in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn a_host_that_does_not_answer() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    host.docker(&["pause"]);
    check(&project, "--timeout 40s", &["10.77.0."], || drop(host.docker(&["unpause"])));
}

#[test]
fn a_host_that_is_down_keeps_nobody_from_the_others() {
    let Some(lab) = lab() else { return };
    let hosts = lab.hosts(2, Image::Bare);
    let hosts = hosts.iter().collect::<Vec<_>>();
    let project = lab.project(&hosts, MOSQUITTO);
    project.bear(APPLY).ok();
    hosts[1].docker(&["pause"]);
    project.write("fleets/plant.yaml", lab.fleet(&hosts, &format!("{MOSQUITTO}ports: {{ mqtt: 1884 }}\n")));
    let half = project.bear(&format!("{APPLY} --timeout 30s"));
    assert_eq!(half.code(), 1, "{half}");
    assert!(half.stdout.contains("can't be looked at"), "{half}");
    said(&half, &["could not install plant-edge-h2"]);
    assert!(hosts[0].exec("ss -ltnH").contains(":1884"), "the other host has its change: {half}");
    hosts[1].docker(&["unpause"]);
    project.bear(APPLY).ok();
    let plan = project.bear("plan fleets/plant.yaml --detailed-exitcode").ok();
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

#[test]
fn a_user_who_is_not_let_in() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    project.write("fleets/plant.yaml", fleet_with(&lab, &host, MOSQUITTO, "user: ubuntu", "user: nobody"));
    check(&project, "", &["nobody@", "Permission denied"], || {
        project.write("fleets/plant.yaml", lab.fleet(&[&host], MOSQUITTO));
    });
}

#[test]
fn users_without_the_right_to_be_root() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    for (user, says) in [("nosudo", "sudo"), ("asksudo", "sudo asks for a password")] {
        project.write(
            "fleets/plant.yaml",
            fleet_with(&lab, &host, MOSQUITTO, "user: ubuntu", &format!("user: {user}")),
        );
        let failed = project.bear(APPLY);
        assert_eq!(failed.code(), 1, "{failed}");
        said(&failed, &[says, "NOPASSWD"]);
    }
    host.exec("mv /usr/bin/sudo /usr/bin/sudo.away");
    project.write("fleets/plant.yaml", lab.fleet(&[&host], MOSQUITTO));
    let failed = project.bear(APPLY);
    assert_eq!(failed.code(), 1, "{failed}");
    said(&failed, &["there is no sudo", "log in as root"]);
    host.exec("mv /usr/bin/sudo.away /usr/bin/sudo");
    project.write("fleets/plant.yaml", lab.fleet(&[&host], MOSQUITTO));
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}

#[test]
fn a_host_key_that_changed_is_refused_by_every_command_and_every_flag() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    let unpinned = fleet_with(&lab, &host, MOSQUITTO, &format!(", host_key: \"{}\"", host.fingerprint), "");
    project.write("fleets/plant.yaml", unpinned);
    let strange = project.bear(APPLY);
    assert_eq!(strange.code(), 3, "{strange}");
    said(&strange, &[&host.fingerprint, "--accept-new-host-keys"]);
    project.bear(&format!("{APPLY} --accept-new-host-keys")).ok();

    host.exec("rm /etc/ssh/ssh_host_*; ssh-keygen -qA; systemctl restart ssh");
    let changed = host.exec("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2");
    let plan = project.bear("plan fleets/plant.yaml").ok();
    assert!(plan.stdout.contains(&host.fingerprint) && plan.stdout.contains(changed.trim()), "{plan}");
    for command in [&format!("{APPLY} --accept-new-host-keys"), "verify fleets/plant.yaml", "destroy --yes"] {
        let refused = project.bear(command);
        assert_ne!(refused.code(), 0, "{refused}");
        said(&refused, &[&host.fingerprint, changed.trim()]);
    }
    assert_eq!(host.exec("systemctl is-active mosquitto").trim(), "active");
}

#[test]
fn a_system_that_is_neither_debian_nor_ubuntu() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    host.exec("cp -L /etc/os-release /etc/os-release.real; sed -i 's/^ID=.*/ID=fedora/' /etc/os-release");
    check(&project, "", &["fedora"], || drop(host.exec("mv /etc/os-release.real /etc/os-release")));
}

#[test]
fn a_clock_that_is_a_day_off() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    // All containers share the clock of this machine, so what asks for the time is told another one.
    host.exec(
        "printf '#!/bin/sh\\nexec /bin/date -d \"1 day ago\" \"$@\"\\n' >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date",
    );
    check(&project, "", &["the clock of the host", "s off"], || drop(host.exec("rm /usr/local/sbin/date")));
}

#[test]
fn a_disk_without_room() {
    let Some(lab) = lab() else { return };
    let host = lab.host_with(Image::Docker, &["--disk-limit", "4m"]);
    let project = lab.project(&[&host], EMQX);
    check(&project, "", &["no space left on device"], || {
        host.exec("mount -o remount,size=500m /var/lib/docker");
    });
}

#[test]
fn a_package_manager_that_is_at_work_for_a_minute() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    host.exec(
        "setsid python3 -c 'import fcntl, time; file = open(\"/var/lib/dpkg/lock-frontend\", \"w\"); \
         fcntl.lockf(file, fcntl.LOCK_EX); time.sleep(60)' >/dev/null 2>&1 &",
    );
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}

#[test]
fn a_package_source_that_does_not_answer() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let docker = |url: &str| {
        let fingerprint = setting("LAB_APT_FINGERPRINT");
        format!(
            "install:\n  docker:\n    version: \"5:20.10.13~3-0~ubuntu-jammy\"\n    repository: {{ url: {url}, suite: jammy, fingerprint: {fingerprint} }}\n{EMQX}"
        )
    };
    let project = lab.project(&[&host], &docker("http://10.77.0.9"));
    check(&project, "", &["http://10.77.0.9"], || {
        project.write("fleets/plant.yaml", lab.fleet(&[&host], &docker(&setting("LAB_APT_URL"))));
    });
}

#[test]
fn a_pinned_version_that_is_not_there_is_told_with_those_that_are() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], &MOSQUITTO.replace("deb12u2", "deb12u99"));
    check(&project, "", &["2.0.11-1.2+deb12u99", "2.0.11-1.2+deb12u2"], || {
        project.write("fleets/plant.yaml", lab.fleet(&[&host], MOSQUITTO));
    });
}

#[test]
fn an_image_that_is_not_there_is_told_with_the_real_cause() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab.project(&[&host], &EMQX.replace("5.0.9", "5.0.8"));
    check(&project, "", &["emqx/emqx:5.0.8"], || {
        project.write("fleets/plant.yaml", lab.fleet(&[&host], EMQX));
    });
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    host.exec("setsid python3 -m 'http.server' 1883 >/dev/null 2>&1 & sleep 1");
    check(&project, "", &["1883", "python3"], || drop(host.exec("pkill -f '[h]ttp.server'")));
}

#[test]
fn a_broker_that_bear_did_not_install_is_left_alone() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    host.exec("apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy mosquitto");
    let project = lab.project(&[&host], MOSQUITTO);
    let refused = project.bear(APPLY);
    assert_eq!(refused.code(), 1, "{refused}");
    said(&refused, &["mosquitto"]);
    project.bear("destroy --yes").ok();
    assert_eq!(host.exec("systemctl is-active mosquitto").trim(), "active", "it is not bear's to remove");
}

#[test]
fn a_host_of_another_fleet_is_left_alone() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let first = lab.project(&[&host], MOSQUITTO);
    first.bear(APPLY).ok();
    let second = lab.project(&[&host], MOSQUITTO);
    let refused = second.bear(APPLY);
    assert_eq!(refused.code(), 1, "{refused}");
    said(&refused, &["is the instance plant-edge-h1 of the fleet plant", "destroy that fleet first"]);
    second.bear("destroy --yes").ok();
    let plan = first.bear("plan fleets/plant.yaml --detailed-exitcode").ok();
    assert!(plan.stdout.contains("No changes."), "{plan}");
    first.bear("destroy --yes").ok();
}

/// An apply that was started, and something done to the host while it installs.
fn in_mid_install(project: &Project, host: &Host, arguments: &str, disturb: impl FnOnce()) -> Outcome {
    let mut command = project.command(format!("{APPLY} {arguments}").split_whitespace());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(2);
    while Instant::now() < until && !is_installing(host, &mut child) {
        sleep(Duration::from_millis(50));
    }
    disturb();
    Outcome::of(child, &project.path(""))
}

/// Something done to a host.
type Disturb = fn(&Host);

/// Whether the package manager is at work on the host.
fn is_installing(host: &Host, child: &mut Child) -> bool {
    assert!(child.try_wait().unwrap().is_none(), "bear ended before anything was disturbed");
    host.try_exec("pgrep -x apt-get || pgrep -x dpkg").status.success()
}

#[test]
fn connections_that_are_cut_and_hosts_that_restart_in_mid_install() {
    let Some(lab) = lab() else { return };
    // A container that restarts keeps its address only if it was asked for.
    let address = ["--ip", "10.77.0.20"];
    let disturbances: [(&str, &[&str], Disturb); 3] = [
        ("sessions cut", &[], |host| drop(host.try_exec("pkill -f 'sshd: ubuntu'"))),
        ("sshd restarted", &[], |host| {
            drop(host.exec("systemctl kill --kill-whom=all -s KILL ssh; systemctl restart ssh"));
        }),
        ("rebooted", &address, |host| drop(host.docker(&["restart", "-t", "5"]))),
    ];
    std::thread::scope(|scope| {
        for (what, words, disturb) in disturbances {
            let lab = &lab;
            scope.spawn(move || {
                let host = lab.host_with(Image::Bare, words);
                let project = lab.project(&[&host], MOSQUITTO);
                let disturbed = in_mid_install(&project, &host, "", || disturb(&host));
                // It may have come through by itself: what may pass is tried again.
                assert!(matches!(disturbed.code(), 0 | 1), "{what}: {disturbed}");
                host.wait_until_it_answers();
                project.bear(APPLY).ok();
                project.bear("destroy --yes").ok();
            });
        }
    });
}

#[test]
fn a_host_that_freezes_in_mid_install_is_given_up_at_the_deadline() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    let frozen = in_mid_install(&project, &host, "--timeout 30s", || drop(host.docker(&["pause"])));
    assert_eq!(frozen.code(), 1, "{frozen}");
    host.docker(&["unpause"]);
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}

#[test]
fn bear_killed_in_mid_install_goes_on_where_the_host_is() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Bare);
    let project = lab.project(&[&host], MOSQUITTO);
    let mut child = project.command(APPLY.split_whitespace()).spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(2);
    while Instant::now() < until && !is_installing(&host, &mut child) {
        sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}

#[test]
fn an_image_whose_pull_is_cut_is_pulled_again() {
    let Some(lab) = lab() else { return };
    let host = lab.host(Image::Docker);
    let project = lab.project(&[&host], EMQX);
    // The registry is out of reach for a while, from this host alone.
    let rule = |action: &str| {
        let port = ["-p", "tcp", "--dport", "5000", "-j", "DROP"];
        let status = Command::new("iptables")
            .args(["-w", action, "FORWARD", "-s", &host.ip, "-d", "10.77.0.2"])
            .args(port)
            .status();
        assert!(status.unwrap().success());
    };
    rule("-I");
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            sleep(Duration::from_secs(20));
            rule("-D");
        });
        project.bear(APPLY)
    });
    assert!(matches!(outcome.code(), 0 | 1), "{outcome}");
    project.bear(APPLY).ok();
    project.bear("destroy --yes").ok();
}
