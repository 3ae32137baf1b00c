//! `bear ssh`

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use rustix::process::{Pid, Signal};

use crate::brokers::{eventually, send};
use crate::sshd::Plant;
use crate::support::{Outcome, Project, check, terminal};

/// Starts a fleet of these hosts, or skips the test where there is no sshd.
macro_rules! plant {
    ($($member:literal),+) => {
        match Plant::of(&[$($member),+]) {
            Some(plant) => plant,
            None => return,
        }
    };
}

fn ssh(plant: &Plant, arguments: &[&str]) -> Outcome {
    plant.project.bear_with([&["ssh"], arguments].concat())
}

#[test]
fn this_machine_is_no_host() {
    let project = Project::deployed();
    check!(project.bear("ssh demo-broker-1"), @"
    exit status: 3
    ----- stderr -----
    bear::ssh::local

      × `demo-broker-1` runs on this machine, so there is nothing to log in to
      help: `bear logs demo-broker-1` shows what its broker says
    ");
    check!(project.bear("ssh --all -- uptime"), @"
    exit status: 3
    ----- stderr -----
    bear::ssh::local

      × `demo-broker-1` runs on this machine, so there is nothing to log in to
      help: `bear logs demo-broker-1` shows what its broker says
    ");
    check!(project.bear("ssh demo-broker-9 -- uptime"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-9`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
}

#[test]
fn nothing_is_deployed() {
    let empty =
        r#"{"version":1,"fleet":"demo","lineage":"0","serial":1,"file":"","generation":0,"instances":{}}"#;
    let outcome = Project::demo().bear("ssh --all -- uptime");
    check!(outcome, @"
    exit status: 3
    ----- stderr -----
    bear::instance::none

      × nothing of fleet `demo` is deployed
      help: `bear apply` deploys it
    ");
    let emptied = Project::demo().with(".bear/demo/state.json", empty).bear("ssh --all -- uptime");
    assert_eq!(emptied.to_string(), outcome.to_string());
}

#[test]
fn mistakes_in_the_arguments() {
    let project = Project::deployed();
    let wrong = [
        "ssh",
        "ssh -- uptime",
        "ssh --all",
        "ssh --only broker",
        "ssh demo-broker-1 --all -- uptime",
        "ssh demo-broker-1 uptime",
        "ssh --all --only broker -- uptime",
        "ssh --all --parallelism 0 -- uptime",
        "ssh demo-broker-1 --timeout 5s -- uptime",
    ];
    for wrong in wrong {
        assert_eq!(project.bear(wrong).code(), 3, "{wrong}");
    }
    check!(project.bear("ssh demo-broker-1 --json"), @r#"
    exit status: 3
    ----- stderr -----
    {"version":1,"error":{"code":"bear::arguments","message":"a shell can't be printed as JSON","help":"give a command after `--`","causes":[]}}
    "#);
}

#[test]
fn one_command_on_one_instance() {
    let plant = plant!("paris");
    check!(ssh(&plant, &["plant-edge-paris", "--", "echo", "it is $((20 + 3));", "echo aside >&2; exit 7"]), @"
    exit status: 7
    ----- stdout -----
    it is 23
    ----- stderr -----
    aside
    ");
    // What it begins with is not taken for an option of ssh.
    let outcome = ssh(&plant, &["plant-edge-paris", "--", "-V"]);
    assert!(outcome.code() != 0 && !outcome.stderr.contains("OpenSSH"), "{outcome}");

    let mut bear = plant.project.command(["ssh", "plant-edge-paris", "--", "cat"]);
    let mut bear = bear.stdin(Stdio::piped()).spawn().unwrap();
    bear.stdin.take().unwrap().write_all(b"from here").unwrap();
    assert_eq!(Outcome::of(bear, &plant.project.root()).ok().stdout, "from here");
}

#[test]
fn a_shell() {
    let plant = plant!("paris");
    let (mut terminal, side) = terminal();
    let mut bear = plant.project.command(["ssh", "plant-edge-paris"]);
    let bear = bear.env("TERM", "dumb").stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
    terminal.write_all(b"tty; exit 7\n").unwrap();
    let outcome = Outcome::of(bear, &plant.project.root());
    assert_eq!(outcome.code(), 7, "{outcome}");
    let mut said = String::new();
    while !said.contains("/dev/pts/") {
        let mut bytes = [0; 1024];
        let count = terminal.read(&mut bytes).unwrap();
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[test]
fn a_host_whose_key_is_another() {
    let plant = plant!("paris");
    plant.know("other");
    for arguments in [&["plant-edge-paris", "--", "true"][..], &["--all", "--", "true"]] {
        let outcome = ssh(&plant, arguments);
        assert_eq!(outcome.code(), 1, "{outcome}");
        assert!(outcome.stderr.contains("SHA256:"), "{outcome}");
    }
    plant.project.write(".bear/plant/known_hosts", "");
    let outcome = ssh(&plant, &["plant-edge-paris", "--", "true"]);
    assert_eq!(outcome.code(), 1, "{outcome}");
    assert!(outcome.stderr.contains("bear::ssh::host_key_unknown"), "{outcome}");
    assert_eq!(plant.project.read(".bear/plant/known_hosts"), "");
}

#[test]
fn one_command_on_all() {
    let plant = plant!("paris", "rio-de-janeiro");
    check!(ssh(&plant, &["--all", "--parallelism", "1", "--", "echo", "one;", "printf 'two\\033'"]), @r"
    exit status: 0
    ----- stdout -----
    plant-edge-paris           one
    plant-edge-paris           two\u{1b}
    plant-edge-rio-de-janeiro  one
    plant-edge-rio-de-janeiro  two\u{1b}
    ");
    // By its port a host of these tests knows which one it is.
    let only_paris = format!("echo gone >&2; [ ${{SSH_CONNECTION##* }} = {} ]", plant.host("paris").port);
    let outcome = ssh(&plant, &["--only", "edge", "--parallelism", "1", "--", &only_paris]);
    check!(outcome, @"
    exit status: 1
    ----- stderr -----
    plant-edge-paris           gone
    plant-edge-rio-de-janeiro  gone

    Failed on 1 of 2 instances.
    instance                   outcome
    plant-edge-rio-de-janeiro  exit status 1
    ");
    let outcome = ssh(&plant, &["--all", "--json", "--parallelism", "1", "--", &only_paris]);
    check!(outcome, @r#"
    exit status: 1
    ----- stdout -----
    {"version":1,"type":"line","instance":"plant-edge-paris","stream":"stderr","line":"gone"}
    {"version":1,"type":"line","instance":"plant-edge-rio-de-janeiro","stream":"stderr","line":"gone"}
    {"version":1,"type":"summary","ok":false,"succeeded":1,"failed":1,"instances":[{"name":"plant-edge-paris","status":0},{"name":"plant-edge-rio-de-janeiro","status":1}]}
    "#);
    let outcome = ssh(&plant, &["plant-edge-paris", "--json", "--", "kill -9 $$"]);
    insta::assert_snapshot!(outcome.stdout.lines().last().unwrap(), @r#"{"version":1,"type":"summary","ok":false,"succeeded":0,"failed":1,"instances":[{"name":"plant-edge-paris","signal":9}]}"#);
}

#[test]
fn hosts_that_are_gone() {
    let mut plant = plant!("paris", "lyon");
    plant.stop("lyon");
    let outcome = ssh(&plant, &["--all", "--", "echo here"]);
    insta::assert_snapshot!(plant.redacted(&outcome), @"
    exit status: 1
    ----- stdout -----
    plant-edge-paris  here
    ----- stderr -----

    Failed on 1 of 2 instances.
    instance         outcome
    plant-edge-lyon  connecting to [USER]@[lyon]:[PORT]: ssh: connect to host [lyon] port [PORT]: Connection refused
    help: nothing listens there: see that sshd runs and that the port is right
    ");
    let outcome = ssh(&plant, &["--only", "plant-edge-paris", "--timeout", "1s", "--", "sleep 100"]);
    insta::assert_snapshot!(plant.redacted(&outcome), @"
    exit status: 1
    ----- stderr -----

    Failed on 1 of 1 instance.
    instance          outcome
    plant-edge-paris  a script on [USER]@[paris]:[PORT] did not end within 1 s; its processes were ended
    help: its last lines show where it stood; `--timeout` gives it more time
    ");
}

#[test]
fn nobody_reads_any_more() {
    let plant = plant!("paris");
    let endless = ["ssh", "--all", "--", "while sleep 0.05; do echo more; done"];
    let mut bear = plant.project.command(endless).spawn().unwrap();
    drop(bear.stdout.take());
    let outcome = Outcome::of(bear, &plant.project.root());
    assert_eq!((outcome.code(), &*outcome.stderr), (0, ""), "{outcome}");
}

#[test]
fn interrupted_everywhere() {
    let plant = plant!("paris");
    let noted = plant.project.path("pid");
    let command = format!("echo $$ > {}; exec sleep 100", noted.display());
    let bear = plant.project.command(["ssh", "--all", "--", &command]).spawn().unwrap();
    let pid = || fs::read_to_string(&noted).ok()?.trim().parse::<i32>().ok();
    eventually("the command runs", || pid().is_some());
    send(Pid::from_child(&bear), Signal::INT);
    let outcome = Outcome::of(bear, &plant.project.root());
    assert_eq!(outcome.code(), 130, "{outcome}");
    let process = format!("/proc/{}/cmdline", pid().unwrap());
    eventually("the command has ended", || fs::read(&process).unwrap_or_default().is_empty());
}
