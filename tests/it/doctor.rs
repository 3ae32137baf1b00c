//! `bear doctor`

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::sshd::Plant;
use crate::support::{Outcome, Project, check};

/// Lines whose text differs between machines.
const ELSEWHERE: [&str; 2] = ["  disk", "  open files"];

/// What the doctor says, but for the lines that differ between machines.
fn doctor(project: &Project, arguments: &str) -> Outcome {
    let mut outcome = project.bear(&format!("doctor {arguments}"));
    let kept = outcome.stdout.lines().filter(|line| !ELSEWHERE.iter().any(|word| line.contains(word)));
    outcome.stdout = kept.map(|line| format!("{line}\n")).collect();
    outcome
}

/// A fleet of hosts that nobody has met, and programs in the place of those that it takes to meet them.
fn strangers(programs: &[(&str, &str)]) -> Project {
    let fleet = "fleet: plant\nprovider: hosts\ngroups:\n  edge:\n    members:\n      paris: { address: 192.0.2.10 }\n    \
                 broker:\n      mosquitto: { version: 2.0.18-1, authentication: { username: ann, password: { env: NO_SUCH } } }\n";
    with_programs(Project::new().with("fleets/plant.yaml", fleet), programs)
}

fn with_programs(project: Project, programs: &[(&str, &str)]) -> Project {
    fs::create_dir_all(project.path("programs")).unwrap();
    for (name, text) in programs {
        let program = project.path("programs").join(name);
        fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    }
    // The only programs that there are, so that it says the same on every machine.
    let path = project.path("programs").display().to_string();
    project.with_variable("PATH", path)
}

#[test]
fn all_is_well() {
    check!(doctor(&with_programs(Project::demo(), &[]), ""), @"
    exit status: 0
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 3 instances
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
      ok  lock        free
      ok  state       nothing is deployed yet
      ok  secrets     all that the fleet file names can be had
    ");
    check!(doctor(&with_programs(Project::deployed(), &[]), "fleets/demo.yaml"), @"
    exit status: 0
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 3 instances
      ok  records     [PROJECT]/.bear can be written to
      ok  lock        free
      ok  state       2 instances recorded
      ok  clock       not behind what is recorded
      ok  secrets     all that the fleet file names can be had
    ");
    let document = Project::deployed().bear("doctor --json").ok().json();
    assert_eq!((&document["version"], &document["ok"]), (&1.into(), &true.into()));
    let first = &document["checks"][0];
    assert_eq!((&first["check"], &first["result"]), (&"fleet file".into(), &"ok".into()));
}

#[test]
fn it_changes_nothing() {
    let project = Project::deployed();
    let before = project.files();
    project.bear("doctor").ok();
    assert_eq!(project.files(), before);
}

#[test]
fn no_fleet_is_chosen() {
    check!(doctor(&with_programs(Project::new(), &[]), ""), @"
    exit status: 0
    ----- stdout -----
    warn  fleet file  it is not said which fleet is meant
                      help: give the path of a fleet file; `bear init NAME` writes one
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
    ");
    check!(doctor(&with_programs(Project::new(), &[]), "fleets/none.yaml"), @"
    exit status: 1
    ----- stdout -----
    FAIL  fleet file  there is no file `fleets/none.yaml`
                      help: `bear init NAME` writes a new fleet file
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
    ----- stderr -----
    1 of 4 checks failed
    ");
}

#[test]
fn a_fleet_file_that_is_wrong() {
    let project = with_programs(Project::new().with("fleets/demo.yaml", "fleet: Wrong Name"), &[]);
    check!(doctor(&project, ""), @"
    exit status: 1
    ----- stdout -----
    FAIL  fleet file  3 problems in fleets/demo.yaml
                      help: `bear validate fleets/demo.yaml` shows every place
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
    ----- stderr -----
    1 of 4 checks failed
    ");
    check!(project.bear("doctor --json -q").code(), @"1");
}

#[test]
fn nothing_can_be_recorded() {
    check!(doctor(&with_programs(Project::demo().with(".bear", "a file"), &[]), ""), @"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 3 instances
    FAIL  records     [PROJECT]/.bear is no folder
                      help: move it away: bear keeps there what it records
      ok  lock        free
    FAIL  state       could not open [PROJECT]/.bear/demo/state.json: Not a directory (os error 20)
                      help: something that is no folder stands where a folder belongs; move it away
      ok  secrets     all that the fleet file names can be had
    ----- stderr -----
    2 of 7 checks failed
    ");
    check!(doctor(&with_programs(Project::demo().with(".bear/demo/state.json", "{"), &[]), ""), @"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 3 instances
      ok  records     [PROJECT]/.bear can be written to
      ok  lock        free
    FAIL  state       could not read [PROJECT]/.bear/demo/state.json: it is damaged: EOF while parsing an object at line 1 column 1
                      help: nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
      ok  secrets     all that the fleet file names can be had
    ----- stderr -----
    1 of 7 checks failed
    ");
}

#[test]
fn git_would_take_what_is_recorded() {
    let git = |status: &str| {
        let project = with_programs(Project::demo(), &[("git", &format!("exit {status}"))]);
        let said = doctor(&project, "").ok().stdout;
        said.lines().skip_while(|line| !line.contains("git")).take(2).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(git("0"), @"
    ok  git         ignores `.bear/`
    ok  lock        free
    ");
    insta::assert_snapshot!(git("1"), @"
    warn  git         does not ignore `.bear/`, and secrets lie there
                      help: write the line `.bear/` into `.gitignore`
    ");
    insta::assert_snapshot!(git("128"), @"");
}

#[test]
fn git_itself_says_so() {
    let project = Project::demo();
    let git = Command::new("git").args(["init", "--quiet"]).current_dir(project.root()).status();
    if !git.is_ok_and(|status| status.success()) {
        println!("skipped: there is no git on this machine");
        return;
    }
    assert!(project.bear("doctor").ok().stdout.contains("does not ignore `.bear/`"));
    project.write(".gitignore", ".bear/\n");
    assert!(project.bear("doctor").ok().stdout.contains("ignores `.bear/`\n"));
}

#[test]
fn somebody_is_at_work() {
    let holder = r#"{"user":"ann","host":"mill","pid":4711,"boot_id":"","command":"bear apply","since":"2026-11-22T20:00:00Z"}"#;
    let project = with_programs(Project::deployed(), &[]).with(".bear/demo/lock", holder);
    assert!(doctor(&project, "").ok().stdout.contains("  ok  lock        free\n"));
    let lock = File::open(project.path(".bear/demo/lock")).unwrap();
    lock.lock().unwrap();
    let said = doctor(&project, "").ok().stdout;
    let said = said.lines().skip_while(|line| !line.contains("lock")).take(2).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(said, @"
    warn  lock        held by ann@mill (process 4711, `bear apply`, since 2026-11-22T20:00:00Z)
                      help: wait for its end, such as with `--lock-wait 5m`
    ");
}

#[test]
fn secrets_that_can_not_be_had() {
    let fleet = "fleet: demo\nprovider: local\ngroups:\n  \
        a: { count: 2, broker: { embedded: { authentication: { username: ann, password: { env: NO_SUCH } } } } }\n  \
        b: { count: 1, broker: { embedded: { authentication: { username: ben, password: { file: no-such } } } } }\n  \
        c: { count: 1, broker: { embedded: { authentication: { username: cleo, password: { env: CLEO } } } } }\n";
    let project = with_programs(Project::new().with("fleets/demo.yaml", fleet), &[])
        .with_variable("CLEO", "open-sesame");
    let outcome = doctor(&project, "");
    check!(outcome, @"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 4 instances
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
      ok  lock        free
      ok  state       nothing is deployed yet
    FAIL  secrets     could not get the password of `ann`: the environment has no variable `NO_SUCH`
                      help: set it, such as with `export NO_SUCH=…`
    FAIL  secrets     could not get the password of `ben`: could not read [PROJECT]/no-such: No such file or directory (os error 2)
    ----- stderr -----
    2 of 8 checks failed
    ");
    assert!(!outcome.to_string().contains("sesame"));
}

#[test]
fn ports_that_others_hold() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fleet = format!(
        "fleet: demo\nprovider: local\ngroups:\n  broker: {{ count: 1, broker: embedded, ports: {{ ws: {port} }} }}\n"
    );
    let project = with_programs(Project::new().with("fleets/demo.yaml", fleet), &[]);
    let outcome = doctor(&project, "");
    check!(outcome.to_string().replace(&port.to_string(), "[PORT]"), @"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/demo.yaml: fleet `demo`, 1 instance
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
      ok  lock        free
      ok  state       nothing is deployed yet
    FAIL  ports       port [PORT] is held by another program; `demo-broker-1` shall have it
                      help: stop that program, or write another port for `ws`
      ok  secrets     all that the fleet file names can be had
    ----- stderr -----
    1 of 8 checks failed
    ");
}

#[test]
fn few_files_may_be_open() {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n 100; exec {} doctor", env!("CARGO_BIN_EXE_bear"));
    let project = Project::demo();
    shell.args(["-c", &script]).current_dir(project.root()).env_clear().envs(project.variables());
    let shell = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = project.end(shell).ok().stdout;
    let said =
        said.lines().skip_while(|line| !line.contains("open files")).take(2).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(said, @"
    warn  open files  at most 100, and this fleet may take 262
                      help: raise the limit, such as with `ulimit -n 262`
    ");
}

#[test]
fn hosts_without_what_it_takes_to_reach_them() {
    check!(doctor(&strangers(&[]), ""), @"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/plant.yaml: fleet `plant`, 1 instance
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
      ok  lock        free
      ok  state       nothing is deployed yet
    FAIL  secrets     could not get the password of `ann`: the environment has no variable `NO_SUCH`
                      help: set it, such as with `export NO_SUCH=…`
    FAIL  ssh         could not start `ssh`: No such file or directory (os error 2)
                      help: install the OpenSSH client; Debian: openssh-client
    ----- stderr -----
    2 of 8 checks failed
    ");
    let refuses = "[ \"$1\" = -V ] && { echo 'OpenSSH_7.4p1, OpenSSL' >&2; exit; }\necho 'line 3: Bad configuration option: hots' >&2; exit 255";
    check!(doctor(&strangers(&[("ssh", refuses), ("ssh-add", "exit 2")]), ""), @r#"
    exit status: 1
    ----- stdout -----
      ok  fleet file  fleets/plant.yaml: fleet `plant`, 1 instance
      ok  records     [PROJECT] can be written to, where the first apply makes `.bear`
      ok  lock        free
      ok  state       nothing is deployed yet
    FAIL  secrets     could not get the password of `ann`: the environment has no variable `NO_SUCH`
                      help: set it, such as with `export NO_SUCH=…`
    warn  ssh         OpenSSH_7.4p1 may ask for passwords in the midst of a run
                      help: install OpenSSH 8.4 or newer
    FAIL  ssh config  line 3: Bad configuration option: hots
                      help: mend `~/.ssh/config`
    warn  ssh agent   does not answer; only keys without a passphrase can be used
                      help: start one with `eval "$(ssh-agent)"`, and add your keys with `ssh-add`
    ----- stderr -----
    2 of 10 checks failed
    "#);
}

#[test]
fn agents() {
    let agent = |script: &str| {
        let ssh = "[ \"$1\" = -V ] && { echo 'OpenSSH_9.2p1' >&2; exit; }\nexit 255";
        let said = doctor(&strangers(&[("ssh", ssh), ("ssh-add", script)]), "").stdout;
        said.lines().skip_while(|line| !line.contains("ssh agent")).take(2).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(agent("echo '256 SHA256:x ann (ED25519)'"), @"  ok  ssh agent   has 1 key");
    insta::assert_snapshot!(agent("exit 1"), @"
    warn  ssh agent   has no keys
                      help: `ssh-add` adds those that are protected
    ");
    insta::assert_snapshot!(agent("exit 2"), @r#"
    warn  ssh agent   does not answer; only keys without a passphrase can be used
                      help: start one with `eval "$(ssh-agent)"`, and add your keys with `ssh-add`
    "#);
}

#[test]
fn hosts_that_can_be_reached_and_others() {
    let Some(mut plant) = Plant::of(&["paris", "lyon"]) else { return };
    let hosts = |plant: &Plant| {
        let outcome = plant.project.bear("doctor fleets/plant.yaml");
        let said =
            outcome.stdout.lines().skip_while(|line| !line.contains("hosts")).collect::<Vec<_>>().join("\n");
        plant.redacted(&format!("{}\n{said}", outcome.code()))
    };
    insta::assert_snapshot!(hosts(&plant), @"
    0
      ok  hosts       2 of 2 can be logged in to
    ");
    plant.stop("lyon");
    insta::assert_snapshot!(hosts(&plant), @"
    1
      ok  hosts       1 of 2 can be logged in to
    FAIL  hosts       plant-edge-lyon: connecting to [USER]@[lyon]:[PORT]: ssh: connect to host [lyon] port [PORT]: Connection refused
                      help: nothing listens there: see that sshd runs and that the port is right
    ");
    plant.know("other");
    assert_eq!(hosts(&plant).matches("FAIL").count(), 2);
    // Nobody has met them yet: the first apply asks.
    plant.project.write(".bear/plant/known_hosts", "");
    assert_eq!(hosts(&plant).matches("warn").count(), 1);
    assert_eq!(plant.project.read(".bear/plant/known_hosts"), "");
}
