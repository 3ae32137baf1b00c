//! `bear secret`

use crate::support::{Project, check};

const SECRETS: &str = r#"{"version": 1, "values": {"mqtt.team": "s3cret-w0rd", "mqtt.ops": "other"}}"#;

#[test]
fn list_and_show() {
    let project = Project::deployed().with(".bear/demo/secrets.json", SECRETS);
    check!(project.bear("secret list"), @"
    exit status: 0
    ----- stdout -----
    mqtt.ops
    mqtt.team
    ");
    check!(project.bear("secret list --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","secrets":["mqtt.ops","mqtt.team"]}
    "#);
    check!(project.bear("secret show mqtt.team"), @"
    exit status: 0
    ----- stdout -----
    s3cret-w0rd
    ");
    check!(project.bear("secret show mqtt.team --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"name":"mqtt.team","value":"s3cret-w0rd"}
    "#);
    check!(project.bear("secret show mqtt.taem"), @"
    exit status: 3
    ----- stderr -----
    bear::secret::unknown

      × fleet `demo` has no generated secret `mqtt.taem`
      help: did you mean `mqtt.team`?
    ");
    check!(project.bear("secret show x"), @"
    exit status: 3
    ----- stderr -----
    bear::secret::unknown

      × fleet `demo` has no generated secret `x`
      help: `bear secret list` lists those there are
    ");
}

#[test]
fn none_was_generated() {
    check!(Project::demo().bear("secret list"), @"
    exit status: 0
    ----- stderr -----
    no secret was generated for fleet `demo`
    ");
}

#[test]
fn damaged_secrets_are_not_quoted() {
    let project =
        Project::deployed().with(".bear/demo/secrets.json", r#"{"version": 1, "values": {"a": "s3cret"#);
    let outcome = project.bear("secret list");
    assert_eq!(outcome.code(), 6, "{outcome}");
    assert!(!outcome.stderr.contains("s3cret"), "{outcome}");
}
