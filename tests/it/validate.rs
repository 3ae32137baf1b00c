//! `bear validate`

use crate::support::{DEMO, Project, check};

#[test]
fn a_valid_file() {
    check!(Project::demo().bear("validate fleets/demo.yaml"), @"
    exit status: 0
    ----- stdout -----
    fleets/demo.yaml is valid: fleet `demo`, 3 instances in 1 group
    ");
    check!(Project::demo().bear("validate fleets/demo.yaml --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"valid":true,"file":"fleets/demo.yaml","fleet":"demo","instances":3,"groups":1,"warnings":[]}
    "#);
}

#[test]
fn what_is_allowed_and_yet_worth_a_second_look() {
    let fleet = "\
fleet: open
provider:
  aws: { region: eu-west-3 }
network:
  operators: [0.0.0.0/0]
  clients: [0.0.0.0/0]
groups:
  one:
    count: 1
    machine: { type: t3.small, image: ubuntu-22.04 }
    install: { docker: \"5:20.10.13~3-0~ubuntu-jammy\" }
    broker: { emqx: { version: 5.0.9 } }
";
    let project = Project::new().with("fleets/open.yaml", fleet);
    check!(project.bear("validate"), @"
    exit status: 0
    ----- stdout -----
    fleets/open.yaml is valid: fleet `open`, 1 instance in 1 group
    ----- stderr -----
    bear::fleet::open_to_the_world

      ⚠ SSH and the dashboard are open to the world
       ╭─[fleets/open.yaml:5:15]
     4 │ network:
     5 │   operators: [0.0.0.0/0]
       ·               ────┬────
       ·                   ╰── every address there is
     6 │   clients: [0.0.0.0/0]
       ╰────
      help: write the networks that operators work from, such as `203.0.113.7/32`
    ");
    check!(project.bear("validate --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"valid":true,"file":"fleets/open.yaml","fleet":"open","instances":1,"groups":1,"warnings":[{"code":"bear::fleet::open_to_the_world","message":"SSH and the dashboard are open to the world","help":"write the networks that operators work from, such as `203.0.113.7/32`","location":{"file":"fleets/open.yaml","line":5,"column":15},"causes":[]}]}
    "#);
}

#[test]
fn all_problems_at_once() {
    let fleet = "fleet: demo\nprovidr: local\ngroups:\n  broker:\n    count: -1\n    broker: embedded\n";
    let project = Project::new().with("x.yaml", fleet);
    check!(project.bear("validate x.yaml"), @"
    exit status: 3
    ----- stderr -----
    bear::fleet::unknown_key

      × unknown key `providr`
       ╭─[x.yaml:2:1]
     1 │ fleet: demo
     2 │ providr: local
       · ───┬───
       ·    ╰── not a key of the fleet
     3 │ groups:
       ╰────
      help: did you mean `provider`?

    bear::fleet::number

      × `-1` is out of range
       ╭─[x.yaml:5:12]
     4 │   broker:
     5 │     count: -1
       ·            ─┬
       ·             ╰── a count is between 0 and 100000, which is as far as planning is measured
     6 │     broker: embedded
       ╰────

      × 2 problems in x.yaml
    ");
    check!(project.bear("validate x.yaml --json"), @r#"
    exit status: 3
    ----- stderr -----
    {"version":1,"error":{"code":"bear::fleet::unknown_key","message":"unknown key `providr`","help":"did you mean `provider`?","location":{"file":"x.yaml","line":2,"column":1},"causes":[]},"errors":[{"code":"bear::fleet::unknown_key","message":"unknown key `providr`","help":"did you mean `provider`?","location":{"file":"x.yaml","line":2,"column":1},"causes":[]},{"code":"bear::fleet::number","message":"`-1` is out of range","location":{"file":"x.yaml","line":5,"column":12},"causes":[]}]}
    "#);
}

#[test]
fn more_problems_than_anybody_reads() {
    let keys = (1..=30).map(|n| format!("wrong{n}: 1\n")).collect::<String>();
    let outcome = Project::new().with("x.yaml", format!("{DEMO}{keys}")).bear("validate x.yaml");
    assert_eq!(outcome.stderr.matches("unknown key").count(), 20);
    assert!(
        outcome.stderr.ends_with("× 30 problems in x.yaml\n  help: the first 20 are shown\n"),
        "{outcome}"
    );
}

#[test]
fn which_fleet_is_meant() {
    let project = Project::new();
    check!(project.bear("validate"), @"
    exit status: 3
    ----- stderr -----
    bear::fleet::not_said

      × it is not said which fleet is meant
      help: give the path of a fleet file; `bear init NAME` writes one
    ");

    project.write("fleets/one.yaml", DEMO);
    project.write("fleets/notes.txt", "no fleet file");
    check!(project.bear("validate"), @"
    exit status: 0
    ----- stdout -----
    fleets/one.yaml is valid: fleet `demo`, 3 instances in 1 group
    ");
    check!(project.bear_in("fleets", ["validate"]), @"
    exit status: 0
    ----- stdout -----
    one.yaml is valid: fleet `demo`, 3 instances in 1 group
    ");

    project.write("fleets/two.yml", DEMO.replace("demo", "two"));
    check!(project.bear("validate"), @"
    exit status: 3
    ----- stderr -----
    bear::fleet::not_said

      × it is not said which fleet is meant
      help: give the path of one, or set BEAR_FLEET: `fleets/one.yaml`, `fleets/two.yml`
    ");

    let project = project.with_variable("BEAR_FLEET", "fleets/two.yml");
    check!(project.bear("validate"), @"
    exit status: 0
    ----- stdout -----
    fleets/two.yml is valid: fleet `two`, 3 instances in 1 group
    ");
}

#[test]
fn the_fleet_that_was_planned_last_is_meant() {
    let project = Project::demo().with("fleets/two.yaml", DEMO.replace("demo", "two"));
    project.bear("plan fleets/two.yaml").ok();
    check!(project.bear("validate"), @"
    exit status: 0
    ----- stdout -----
    fleets/two.yaml is valid: fleet `two`, 3 instances in 1 group
    ");
}

#[test]
fn no_colour_unless_somebody_sees_it() {
    let outcome = Project::new().with("x.yaml", "nonsense").bear("validate x.yaml");
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome}");
    let forced = Project::new().with("x.yaml", "nonsense").with_variable("CLICOLOR_FORCE", "1");
    assert!(forced.bear("validate x.yaml").stderr.contains('\u{1b}'));
    assert!(!forced.bear("validate x.yaml --no-color").stderr.contains('\u{1b}'));
}
