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
    let outcomes =
        [applied, verified, project.bear("plan"), project.bear("status"), project.bear("state show")];
    for outcome in outcomes {
        assert!(!outcome.to_string().contains(&password), "{outcome}");
    }
    expect_nowhere(&project, &password, ".bear/demo/secrets.json");
}

#[test]
fn one_that_is_brought_along() {
    #[track_caller]
    fn check(reference: &str) {
        // Not that of another run of the tests.
        let canary = format!("canary-{}", std::process::id());
        let project = guarded_by(reference)
            .with("password.txt", format!("{canary}\n"))
            .with("../at-home.txt", &canary)
            .with_variable("SENSOR_PASSWORD", &canary)
            .with_variable("RUST_LOG", "trace");
        let outcome = project.bear("apply --yes --verbose").ok();
        assert!(!outcome.to_string().contains(&canary), "{outcome}");
        let port = project.mqtt_port("demo", "demo-broker-1");
        drop(Client::with_password("right", port, "sensor", &canary).unwrap());
        expect_nowhere(&project, &canary, "password.txt");
        project.bear("verify").ok();
    }
    check("{ env: SENSOR_PASSWORD }");
    check("{ file: password.txt }");
    check("{ file: ~/at-home.txt }");
    check("{ command: [cat, password.txt] }");
}

#[test]
fn one_that_can_not_be_had() {
    let project = guarded_by("{ env: SENSOR_PASSWORD }");
    check!(project.bear("apply --yes"), @"
    exit status: 3
    ----- stdout -----
    Fleet demo

        + demo-broker-1  create → install → verify
            provider        local
            broker          embedded
            authentication  user sensor, password from the variable SENSOR_PASSWORD
            ports           free ones of this machine (default)

    Plan: 1 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ----- stderr -----
    bear::secret::unavailable

      × could not get the password of `sensor`: the environment has no variable `SENSOR_PASSWORD`
      help: set it, such as with `export SENSOR_PASSWORD=…`
    ");
    // The run did not begin.
    assert_eq!(project.state("demo")["serial"], 0);
    assert!(!project.instances("demo").exists());

    let refused = |password: &str| {
        let outcome = guarded_by(password).with("large.txt", "x".repeat(70_000)).bear("apply --yes");
        assert_eq!(outcome.code(), 3, "{outcome}");
        let shown = outcome.to_string();
        shown.split_once("× ").unwrap().1.to_owned()
    };
    check!(refused("{ env: '' }"), @"
    `env` is not followed by the name of a variable
        ╭─[fleets/demo.yaml:10:23]
      9 │           username: sensor
     10 │           password: { env: '' }
        ·                       ─┬─
        ·                        ╰── expected letters, digits and `_`
        ╰────
      help: write the name of the environment variable, such as `env: EMQX_ADMIN_PASSWORD`
    ");
    check!(refused("{ file: no/such.file }"), @"
    could not get the password of `sensor`: could not read [PROJECT]/no/such.file
      ╰─▶ No such file or directory (os error 2)
    ");
    check!(refused("{ file: large.txt }"), @"
    could not get the password of `sensor`: could not read [PROJECT]/large.txt
      ╰─▶ it is longer than 65,535 bytes
    ");
    check!(refused("{ command: [cat, large.txt] }"), @"
    could not get the password of `sensor`: `cat` printed what is no password
      ╰─▶ it is longer than 65,535 bytes
    ");
    check!(refused("{ command: [sh, -c, 'exit 7'] }"), @"could not get the password of `sensor`: `sh` failed: exit status: 7");
    check!(refused("{ command: ['true'] }"), @"could not get the password of `sensor`: it is empty");
    check!(refused("{ command: [/no/such/program] }"), @"
    could not get the password of `sensor`: `/no/such/program` could not be started
      ╰─▶ No such file or directory (os error 2)
    ");
}

/// Looks for a password in every file of the project but one, which has it, and in the arguments and the environment of
/// every process.
#[track_caller]
fn expect_nowhere(project: &Project, password: &str, but: &str) {
    for (path, content) in project.files() {
        assert_eq!(contains(&content, password.as_bytes()), path == Path::new(but), "{}", path.display());
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
