//! Passwords: where they come from, whom they keep out, and where they never are

use std::fs;
use std::path::Path;

use crate::brokers::{contains, processes};
use crate::client::Client;
use crate::support::{Project, check};

const GUARDED: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 1
    broker:
      embedded:
        authentication:
          username: sensor
";

fn guarded_by(password: &str) -> Project {
    Project::new().with("fleets/demo.yaml", format!("{GUARDED}          password: {password}\n"))
}

#[test]
fn one_that_bear_makes() {
    let project = Project::new().with("fleets/demo.yaml", GUARDED).with_variable("RUST_LOG", "trace");
    let applied = project.bear("apply --yes --verbose").ok();
    assert!(applied.stderr.contains("mqtt.refuses_bad_password"), "{applied}");
    let password = project.bear("secret show mqtt.sensor").ok().stdout.trim_end().to_owned();
    assert_eq!(password.len(), 24);

    let port = project.mqtt_port("demo", "demo-broker-1");
    drop(Client::with_password("right", port, "sensor", &password).unwrap());
    let refused = Client::with_password("wrong", port, "sensor", "wrong").err().unwrap();
    assert!(refused.contains("BadUserNamePassword"), "{refused}");

    let verified = project.bear("verify --verbose").ok();
    let outcomes = [applied, verified, project.bear("plan"), project.bear("status"), project.bear("state show")];
    for outcome in outcomes {
        assert!(!outcome.to_string().contains(&password), "{outcome}");
    }
    expect_nowhere(&project, &password, &[".bear/demo/secrets.json"]);
}

#[test]
fn one_that_is_brought_along() {
    const CANARY: &str = "canary-KJ2mHd83";
    #[track_caller]
    fn check(reference: &str, known_to: &[&str]) {
        let project = guarded_by(reference)
            .with("password.txt", format!("{CANARY}\n"))
            .with_variable("SENSOR_PASSWORD", CANARY)
            .with_variable("RUST_LOG", "trace");
        let outcome = project.bear("apply --yes --verbose").ok();
        assert!(!outcome.to_string().contains(CANARY), "{outcome}");
        let port = project.mqtt_port("demo", "demo-broker-1");
        drop(Client::with_password("right", port, "sensor", CANARY).unwrap());
        expect_nowhere(&project, CANARY, known_to);
        project.bear("verify").ok();
    }
    check("{ env: SENSOR_PASSWORD }", &["password.txt"]);
    check("{ file: password.txt }", &["password.txt"]);
    check("{ command: [cat, password.txt] }", &["password.txt"]);
}

#[test]
fn one_that_can_not_be_had() {
    let before = |project: &Project| project.files();
    let project = guarded_by("{ env: SENSOR_PASSWORD }");
    let files = before(&project);
    check!(project.bear("apply --yes"), @"");
    assert_eq!(project.files(), files);

    let project = guarded_by("{ file: no/such.file }");
    check!(project.bear("apply --yes"), @"");
    let project = guarded_by("{ command: [sh, -c, 'exit 7'] }");
    check!(project.bear("apply --yes"), @"");
    let project = guarded_by("{ file: large.txt }").with("large.txt", "x".repeat(70_000));
    check!(project.bear("apply --yes"), @"");
}

#[test]
fn one_whose_command_leaves_something_running() {
    let project = guarded_by("{ command: [sh, -c, 'sleep 1000 & echo secret'] }");
    check!(project.bear("apply --yes"), @"");
}

/// Looks for a password in every file of the project, and in the arguments and the environment of every process that
/// works for it.
#[track_caller]
fn expect_nowhere(project: &Project, password: &str, known_to: &[&str]) {
    for (path, content) in project.files() {
        let known = known_to.iter().any(|known| path == Path::new(known));
        assert_eq!(contains(&content, password.as_bytes()), known, "{}", path.display());
    }
    assert_eq!(project.running("demo").len(), 1);
    for pid in processes().into_iter().filter(|&pid| pid != i32::try_from(std::process::id()).unwrap()) {
        for place in ["cmdline", "environ"] {
            // Processes of others end while they are looked at.
            let bytes = fs::read(format!("/proc/{pid}/{place}")).unwrap_or_default();
            assert!(!contains(&bytes, password.as_bytes()), "{place} of {pid}");
        }
    }
}
