//! Bad input: whatever it is, the exit status is 3, the place is named, and nothing is changed.

use std::net::TcpListener;

use crate::support::{DEMO, Project};

/// Runs `validate`, `plan` and `apply` on a fleet file, and expects each to point at `place` and to say `message`.
#[track_caller]
fn check(text: impl AsRef<[u8]>, place: &str, message: &str) {
    let project = Project::new().with("fleets/bad.yaml", text);
    refused(&project, "fleets/bad.yaml", &format!("fleets/bad.yaml{place}"), message);
}

#[track_caller]
fn refused(project: &Project, file: &str, place: &str, message: &str) {
    let before = project.files();
    for command in ["validate", "plan", "apply --yes", "destroy --yes"] {
        let outcome = project.bear(&format!("{command} {file}"));
        assert_eq!(outcome.code(), 3, "{command}: {outcome}");
        assert_eq!(outcome.stdout, "", "{command}: {outcome}");
        assert!(outcome.stderr.contains(place), "{command}: `{place}` is not in {outcome}");
        assert!(outcome.stderr.contains(message), "{command}: `{message}` is not in {outcome}");
        assert!(!outcome.stderr.contains("panic"), "{command}: {outcome}");
        assert_eq!(project.files(), before, "{command} changed something");
    }
}

#[test]
fn keys() {
    check(DEMO.replace("count:", "colour: red\n    count:"), ":5:5", "unknown key `colour`");
    check(DEMO.replace("count:", "cuont:"), ":5:5", "did you mean `count`?");
    check(format!("{DEMO}fleet: again\n"), ":7:1", "the key `fleet` is written twice");
}

#[test]
fn values() {
    check(DEMO.replace("count: 3", "count: -1"), ":5:12", "`-1` is out of range");
    check(DEMO.replace("count: 3", "count: lots"), ":5:12", "expected a whole number");
    check(DEMO.replace("count: 3", "count: [3]"), ":5:5", "expected a whole number, found a list");
    check(DEMO.replace("embedded", "7"), ":6:13", "unknown broker `7`");
    check(
        DEMO.replace("count: 3", "count: 1\n    ports: { mqtt: 70000 }"),
        ":6:20",
        "`70000` is out of range",
    );
}

#[test]
fn groups_that_are_called_the_same() {
    let twice = format!("{DEMO}  broker:\n    count: 1\n    broker: embedded\n");
    check(twice, ":7:3", "the key `broker` is written twice");
    let same = "\
fleet: demo
provider: local
groups:
  b: { members: { x-1: {} }, broker: embedded }
  b-x: { count: 1, broker: embedded }
";
    check(same, ":5:3", "two instances would be named `demo-b-x-1`");
}

#[test]
fn versions_and_secrets() {
    const FLEET: &str = "\
fleet: demo
provider:
  aws: { region: eu-west-3 }
network: { operators: [], clients: [] }
groups:
  one:
    count: 1
    machine: { type: t3.small, image: ubuntu-22.04 }
    install: { docker: \"5:20.10.13~3-0~ubuntu-jammy\" }
    broker:
      emqx: { SETTINGS }
";
    let emqx = |settings| FLEET.replace("SETTINGS", settings);
    check(emqx("version: latest"), ":11:24", "`latest` is no exact version");
    check(emqx("version: 5.0.9, admin_password: hunter2"), ":11:31", "a secret is written into the file");
    let project = Project::new().with("bad.yaml", emqx("version: 5.0.9, admin_password: hunter2"));
    let outcome = project.bear("validate bad.yaml");
    assert!(!outcome.stderr.contains("hunter2"), "{outcome}");
}

#[test]
fn names() {
    check(DEMO.replace("demo", "../x"), ":1:8", "single hyphens");
    check(DEMO.replace("demo", "a b"), ":1:8", "single hyphens");
    check(DEMO.replace("demo", &"a".repeat(300)), ":1:8", "at most 40 characters, this one has 300");
}

#[test]
fn files_that_are_no_text() {
    check("", ":1:1", "the file says nothing");
    check("# only a comment\n", ":1:1", "the file says nothing");
    check(b"fleet: demo\nprovider: \xff\xfe\n", ":2:11", "UTF-8");
    check(b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe", ":1:1", "the file is a binary");
    check("fleet: [\n", ":1:8", "`[` is never closed");
}

#[test]
fn bombs() {
    let level = |n: u32| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
    let bomb = (1..10).map(level).collect::<String>();
    check(format!("a0: &a0 [x]\n{bomb}"), ":6:25", "the aliases stand for more than 100000 values");
    check("[".repeat(100_000), ":1:65", "nested more than 64 levels deep");
    check("a: b\n".repeat(1_000_000), "", "larger than 4 MiB");
}

#[test]
fn what_is_no_file() {
    let project = Project::demo();
    refused(&project, "fleets", "`fleets`", "is a folder, not a fleet file");
    refused(&project, "fleets/dmo.yaml", "`fleets/dmo.yaml`", "did you mean `fleets/demo.yaml`?");
    refused(&project, "/dev/zero", "`/dev/zero`", "is no regular file");
}

#[test]
fn a_port_that_another_program_holds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let fleet = DEMO.replace("count: 3", &format!("count: 1\n    ports: {{ mqtt: {port} }}"));
    let project = Project::new().with("fleets/bad.yaml", fleet);
    let before = project.files();
    for command in ["plan", "apply --yes"] {
        let outcome = project.bear(&format!("{command} fleets/bad.yaml"));
        assert_eq!(outcome.code(), 3, "{command}: {outcome}");
        assert!(outcome.stderr.contains("fleets/bad.yaml:6:20"), "{command}: {outcome}");
        assert!(outcome.stderr.contains(&format!("port {port} is taken")), "{command}: {outcome}");
        assert_eq!(project.files(), before, "{command} changed something");
    }
}
