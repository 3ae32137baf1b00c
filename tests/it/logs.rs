//! `bear logs`

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::brokers::eventually;
use crate::sshd::Plant;
use crate::support::{Outcome, Project, check};

const LOG: &str = ".bear/demo/instances/demo-broker-1/broker.log";

#[test]
fn the_last_lines() {
    let project = Project::deployed().with(LOG, (1..=60).map(|n| format!("line {n}\n")).collect::<String>());
    assert_eq!(project.bear("logs demo-broker-1").ok().stdout.lines().count(), 50);
    check!(project.bear("logs demo-broker-1 -n 2"), @"
    exit status: 0
    ----- stdout -----
    line 59
    line 60
    ");
    check!(project.bear("logs demo-broker-1 -n 1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"instance":"demo-broker-1","line":"line 60"}
    "#);
}

#[test]
fn what_others_wrote_does_not_steer_the_terminal() {
    let project = Project::deployed().with(LOG, "\u{1b}[2Jgone\nnot whole");
    check!(project.bear("logs demo-broker-1"), @r"
    exit status: 0
    ----- stdout -----
    \u{1b}[2Jgone
    not whole
    ");
}

#[test]
fn no_log() {
    check!(Project::deployed().bear("logs demo-broker-1"), @"
    exit status: 1
    ----- stderr -----
    bear::logs::none

      × the broker of `demo-broker-1` has written no log yet
      help: `bear apply` finishes what is not installed
    ");
    check!(Project::deployed().bear("logs demo-brokr-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-brokr-1`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
}

#[test]
fn follow_until_interrupted() {
    let project = Project::deployed().with(LOG, "first\n");
    let mut bear = project.command(["logs", "demo-broker-1", "--follow"]).spawn().unwrap();
    let lines = lines(&mut bear);
    let next = || lines.recv_timeout(Duration::from_mins(1)).unwrap();
    assert_eq!(next(), "first");
    project.write(LOG, "first\nsecond\n");
    assert_eq!(next(), "second");

    kill_process(Pid::from_child(&bear), Signal::INT).unwrap();
    let outcome = Outcome::of(bear, &project.path(""));
    assert_eq!(outcome.code(), 130, "{outcome}");
}

#[test]
fn nobody_reads_any_more() {
    let project = Project::deployed().with(LOG, "first\n");
    let mut bear = project.command(["logs", "demo-broker-1", "-f"]).spawn().unwrap();
    drop(bear.stdout.take());
    project.write(LOG, "first\nsecond\n");
    let outcome = Outcome::of(bear, &project.path(""));
    assert_eq!(outcome.code(), 0, "{outcome}");
    assert_eq!(outcome.stderr, "");
}

/// The lines of a command's output, as they come.
pub(crate) fn lines(child: &mut Child) -> Receiver<String> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = sync_channel(100);
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    receiver
}

/// What `journalctl` does on a host of these tests; `sudo` gives it the rights that the user has already.
const JOURNALCTL: &str = "#!/bin/sh
echo \"$@\"
printf '\\033[2Jgone\\n'
case $* in *--follow*) ;; *) exit 0 ;; esac
until [ -e \"${0%/*}/more\" ]; do sleep 0.05; done
cat \"${0%/*}/more\"
echo $$ > \"${0%/*}/pid\"
exec sleep 100
";

fn program(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn of_a_host() {
    let programs = tempfile::tempdir().unwrap();
    let programs = programs.path();
    program(programs, "journalctl", JOURNALCTL);
    program(programs, "sudo", "#!/bin/sh\nshift 2\nexec \"$@\"\n");
    let path = format!("SetEnv=SHLVL=5 PATH={}:/usr/bin:/bin", programs.display());
    let Some(plant) = Plant::with_options(&["paris"], &[&path]) else { return };
    check!(plant.project.bear("logs plant-edge-paris -n 7"), @r"
    exit status: 0
    ----- stdout -----
    --quiet --no-pager --output cat --lines 7 --unit mosquitto
    \u{1b}[2Jgone
    ");
    check!(plant.project.bear("logs plant-edge-paris --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"instance":"plant-edge-paris","line":"--quiet --no-pager --output cat --lines 50 --unit mosquitto"}
    {"version":1,"instance":"plant-edge-paris","line":"\u001b[2Jgone"}
    "#);

    let mut bear = plant.project.command(["logs", "plant-edge-paris", "-f"]).spawn().unwrap();
    let lines = lines(&mut bear);
    let next = || lines.recv_timeout(Duration::from_mins(1)).unwrap();
    assert!(next().contains("--follow --lines 50"));
    next();
    fs::write(programs.join("more"), "third\n").unwrap();
    assert_eq!(next(), "third");
    eventually("it waits for more", || programs.join("pid").exists());

    kill_process(Pid::from_child(&bear), Signal::INT).unwrap();
    let outcome = Outcome::of(bear, &plant.project.path(""));
    assert_eq!((outcome.code(), &*outcome.stderr), (130, ""), "{outcome}");
    let pid = fs::read_to_string(programs.join("pid")).unwrap();
    let process = format!("/proc/{}/cmdline", pid.trim());
    eventually("nothing is left running there", || fs::read(&process).unwrap_or_default().is_empty());
}

#[test]
fn a_host_without_a_log() {
    let programs = tempfile::tempdir().unwrap();
    program(programs.path(), "journalctl", "#!/bin/sh\necho 'no journal here' >&2\nexit 1\n");
    program(programs.path(), "sudo", "#!/bin/sh\nshift 2\nexec \"$@\"\n");
    let path = format!("SetEnv=SHLVL=5 PATH={}:/usr/bin:/bin", programs.path().display());
    let Some(mut plant) = Plant::with_options(&["paris"], &[&path]) else { return };
    let logs = |plant: &Plant| plant.redacted(&plant.project.bear("logs plant-edge-paris"));
    insta::assert_snapshot!(logs(&plant), @"
    exit status: 1
    ----- stdout -----
    no journal here
    ----- stderr -----
    bear::hosts::logs

      × reading the log of plant-edge-paris: exit status 1
      ╰─▶ its last lines:
          no journal here
      help: `bear verify --only plant-edge-paris` looks at the broker from outside
    ");
    plant.stop("paris");
    insta::assert_snapshot!(logs(&plant), @"
    exit status: 1
    ----- stderr -----
    bear::ssh::refused

      × connecting to [USER]@[paris]:[PORT]: ssh: connect to host [paris] port [PORT]: Connection refused
      ╰─▶ its last lines:
          ssh: connect to host [paris] port [PORT]: Connection refused
      help: nothing listens there: see that sshd runs and that the port is right
    ");
}
