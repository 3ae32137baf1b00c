//! Exit statuses: one test for each row of the table in README.md, and the table against the code

use rustix::process::Signal;

use crate::brokers::send;
use crate::crash::interrupted;
use crate::support::Project;

const README: &str = include_str!("../../README.md");
const CODE: &str = include_str!("../../crates/bear/src/exit.rs");

/// The rows of the table: status and meaning.
fn rows() -> Vec<(i32, &'static str)> {
    let table = README.split("| status | meaning |").nth(1).unwrap().lines().skip(2);
    let rows = table.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.map(|(status, meaning)| (status.parse().unwrap(), meaning)).collect()
}

#[test]
fn the_table_says_what_the_code_says() {
    let body = CODE.split("pub(crate) enum ExitStatus {").nth(1).unwrap().split('}').next().unwrap();
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
    let variants = lines.chunks(2).map(|pair| {
        let meaning = pair[0].strip_prefix("/// ").unwrap().strip_suffix('.').unwrap();
        let number = CODE.split(&format!("Self::{} => ", pair[1].trim_end_matches(','))).nth(1).unwrap();
        let number = number.split(',').next().unwrap().parse::<i32>().unwrap();
        (number, meaning[..1].to_lowercase() + &meaning[1..])
    });
    let table = rows().into_iter().map(|(status, meaning)| (status, meaning.to_owned()));
    assert_eq!(table.collect::<Vec<_>>(), variants.collect::<Vec<_>>());
    assert_eq!(rows().iter().map(|(status, _)| *status).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 130]);
}

#[test]
fn status_0() {
    let project = Project::of(1);
    for command in [
        "plan",
        "apply --yes",
        "verify",
        "status",
        "plan --detailed-exitcode",
        "destroy fleets/demo.yaml --yes",
    ] {
        project.bear(command).ok();
    }
    project.bear("--help").ok();
    project.bear("--version").ok();
}

#[test]
fn status_1() {
    // Something that bear did not make is in the way of one of two.
    let project = Project::of(2).with(".bear/demo/instances/demo-broker-1/thesis.tex", "years of work");
    let outcome = project.bear("apply --yes");
    assert_eq!(outcome.code(), 1, "{outcome}");
    assert!(outcome.stderr.contains("retry: bear apply fleets/demo.yaml --only demo-broker-1"), "{outcome}");
    // What succeeded is kept and listed.
    assert!(outcome.stdout.contains("demo-broker-2  127.0.0.1:"), "{outcome}");
    assert_eq!(project.recorded("demo", "demo-broker-2")["phase"], "verified");
    assert_eq!(project.read(".bear/demo/instances/demo-broker-1/thesis.tex"), "years of work");
}

#[test]
fn status_2() {
    assert_eq!(Project::of(1).bear("plan --detailed-exitcode").code(), 2);
}

#[test]
fn status_3() {
    let project = Project::of(1).with("fleets/wrong.yaml", "fleet: Wrong Name");
    let wrong = [
        "plan fleets/wrong.yaml",
        "apply fleets/wrong.yaml --yes",
        "apply",
        "plan fleets/none.yaml",
        "plan --only nothing",
        "plan --no-such-flag",
        "fly",
        "verify fleets/demo.yaml",
    ];
    for command in wrong {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 3, "{command}: {outcome}");
    }
    assert!(!project.path(".bear").exists());
}

#[test]
fn status_4() {
    let project = Project::deployed().with(".bear/demo/lock", "");
    let lock = std::fs::File::open(project.path(".bear/demo/lock")).unwrap();
    lock.lock().unwrap();
    for command in ["apply --yes", "destroy --yes", "state rm demo-broker-1 --yes"] {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 4, "{command}: {outcome}");
    }
}

#[test]
fn status_5() {
    let project = Project::of(1);
    project.bear("apply --yes").ok();
    send(project.pid_of("demo", "demo-broker-1"), Signal::KILL);
    let outcome = project.bear("verify");
    assert_eq!(outcome.code(), 5, "{outcome}");
}

#[test]
fn status_6() {
    let project = Project::of(1).with(".bear/demo/state.json", "{");
    for command in ["plan", "apply --yes", "destroy --yes", "status"] {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 6, "{command}: {outcome}");
    }
}

#[test]
fn status_130() {
    let (outcome, said) = interrupted(&Project::of(1));
    assert_eq!(outcome.code(), 130, "{outcome}{said}");
}
