//! `bear state`

use crate::support::{DEMO, Project, STATE, check};

#[test]
fn list() {
    let project = Project::deployed();
    check!(project.bear("state list"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-1
    demo-broker-2
    ");
    check!(project.bear("state list --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","instances":[{"name":"demo-broker-1","group":"broker","phase":"verified","since":"[TIME]"},{"name":"demo-broker-2","group":"broker","phase":"created","since":"[TIME]"}]}
    "#);
    check!(Project::demo().bear("state list"), @"
    exit status: 0
    ----- stderr -----
    nothing of fleet `demo` is recorded
    ");
}

#[test]
fn show() {
    let project = Project::deployed();
    check!(project.bear("state show"), @"
    exit status: 0
    ----- stdout -----
    demo
      file        fleets/demo.yaml
      lineage     [ID]
      serial      7
      generation  2
      instances   2 (1 verified, 1 created)
    ");
    check!(project.bear("state show demo-broker-1"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-1
      group       broker
      provider    local
      phase       verified since [TIME]
      machine     demo-broker-1
      address     127.0.0.1
      broker      embedded 0.1.0
      ports       mqtt 1, ws 2, dashboard 3
      process     4000000000
      proven      9 checks passed
      generation  1
      token       [ID]
    ");
    check!(project.bear("state show demo-broker-2"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-2
      group       broker
      provider    local
      phase       created since [TIME]
      unfinished  install: port 4 is taken
      machine     demo-broker-2
      address     127.0.0.1
      broker      embedded
      generation  2
      token       [ID]
    ");
    check!(project.bear("state show demo-broker-2 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"name":"demo-broker-2","recorded":{"group":"broker","spec":{"provider":"local","broker":{"embedded":{}}},"generation":2,"token":"[ID]","phase":"created","since":"[TIME]","machine":{"id":"demo-broker-2","address":"127.0.0.1"},"unfinished":{"step":"install","error":"port 4 is taken"}}}
    "#);
    assert_eq!(project.bear("state show --json").json()["lineage"], "00112233445566778899aabbccddeeff");
    check!(Project::demo().bear("state show"), @"
    exit status: 0
    ----- stderr -----
    nothing of fleet `demo` is recorded
    ");
}

#[test]
fn an_instance_that_there_is_none_of() {
    check!(Project::deployed().bear("state show demo-brokr-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-brokr-1`
      help: did you mean `demo-broker-1`? instances: `demo-broker-1`, `demo-broker-2`
    ");
    check!(Project::deployed().bear("state show ../x"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `../x`
      help: instances: `demo-broker-1`, `demo-broker-2`
    ");
    check!(Project::demo().bear("state rm demo-broker-1 --yes"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::unknown

      × there is no instance `demo-broker-1`
      help: nothing is deployed; `bear apply` deploys a fleet
    ");
}

#[test]
fn an_instance_that_two_fleets_have() {
    let one = STATE
        .replace("\"fleet\": \"demo\"", "\"fleet\": \"demo-broker\"")
        .replace("\"broker\", \"spec\"", "\"x\", \"spec\"");
    let project = Project::deployed().with(".bear/demo-broker/state.json", one);
    let project = project.with("fleets/two.yaml", DEMO.replace("fleet: demo", "fleet: demo-broker"));
    check!(project.bear("state show demo-broker-1"), @"
    exit status: 3
    ----- stderr -----
    bear::instance::ambiguous

      × the fleets `demo` and `demo-broker` each have an instance `demo-broker-1`
      help: say which fleet is meant: `--fleet FLEET`
    ");
    let outcome = project.bear("state show demo-broker-1 --fleet fleets/two.yaml --json").ok();
    assert_eq!(outcome.json()["recorded"]["group"], "x");
}

#[test]
fn an_instance_beside_a_fleet_whose_state_is_damaged() {
    let project = Project::deployed().with(".bear/other/state.json", "{");
    project.bear("state show demo-broker-1").ok();
    assert_eq!(project.bear("state show demo-broker-7").code(), 6);
}

#[test]
fn remove() {
    let project = Project::deployed();
    let before = project.files();
    check!(project.bear("state rm demo-broker-1"), @"
    exit status: 3
    ----- stderr -----
    bear::confirm::nobody

      × there is no terminal to ask for a confirmation on
      help: add `--yes` to go ahead without being asked
    ");
    assert_eq!(project.files(), before);

    check!(project.bear("state rm demo-broker-1 --yes"), @"
    exit status: 0
    ----- stderr -----
    forgot `demo-broker-1`; its machine demo-broker-1 is left alone, and its broker goes on as process [PID]
    ");
    check!(project.bear("state list"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-2
    ");
    check!(project.bear("state rm demo-broker-2 --yes --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","forgotten":"demo-broker-2"}
    "#);
}

#[test]
fn history_and_restore() {
    let project = Project::deployed();
    check!(project.bear("state history"), @"
    exit status: 0
    ----- stderr -----
    no state of fleet `demo` is kept
    ");
    project.bear("state rm demo-broker-1 --yes").ok();
    project.bear("state rm demo-broker-2 --yes").ok();
    check!(project.bear("state history"), @"
    exit status: 0
    ----- stdout -----
    serial  made                  instances
         7  [TIME]          2
         8  [TIME]          1
         9  [TIME]          0
    ");
    check!(project.bear("state restore 8"), @"
    exit status: 3
    ----- stderr -----
    bear::confirm::nobody

      × there is no terminal to ask for a confirmation on
      help: add `--yes` to go ahead without being asked
    ");
    check!(project.bear("state restore 8 --yes"), @"
    exit status: 0
    ----- stderr -----
    restored state 8 with 1 instance; it is state 10 now, and `bear plan` shows how the world differs from it
    ");
    check!(project.bear("state list"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-2
    ");
    check!(project.bear("state restore 99 --yes"), @"
    exit status: 3
    ----- stderr -----
    bear::state::no_snapshot

      × no snapshot with serial 99 is kept in [PROJECT]/.bear/demo/history
      help: `bear state history` lists the snapshots that are kept
    ");
    check!(project.bear("state history --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","states":[{"serial":7,"at":"[TIME]","instances":2},{"serial":8,"at":"[TIME]","instances":1},{"serial":9,"at":"[TIME]","instances":0},{"serial":10,"at":"[TIME]","instances":1}]}
    "#);
}

#[test]
fn a_damaged_state_is_refused_and_can_be_restored() {
    let project = Project::deployed();
    project.bear("state rm demo-broker-2 --yes").ok();
    project.write(".bear/demo/state.json", &STATE[..STATE.len() / 2]);
    for command in ["plan", "apply --yes", "status", "state list", "state rm demo-broker-1 --yes"] {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 6, "{command}: {outcome}");
        assert!(outcome.stderr.contains("bear state restore SERIAL"), "{command}: {outcome}");
    }
    check!(project.bear("state list"), @"
    exit status: 6
    ----- stderr -----
    bear::state::damaged

      × could not read [PROJECT]/.bear/demo/state.json: it is damaged: EOF while parsing a string at line 10 column 33
      help: nothing was changed; `bear state history` lists the snapshots that are kept, and `bear state restore SERIAL` goes on from one of them, best from the newest
    ");
    project.bear("state restore 8 --yes").ok();
    check!(project.bear("state list"), @"
    exit status: 0
    ----- stdout -----
    demo-broker-1
    ");
}

#[test]
fn a_state_of_a_newer_bear_is_refused() {
    let project = Project::demo().with(".bear/demo/state.json", r#"{"version": 2, "news": []}"#);
    let before = project.files();
    check!(project.bear("status"), @"
    exit status: 6
    ----- stderr -----
    bear::state::newer

      × could not read [PROJECT]/.bear/demo/state.json: it was written by a newer bear (format 2, this one reads up to 1)
      help: use the bear that wrote it, or a later one; nothing was changed
    ");
    for command in ["plan", "apply --yes", "destroy --yes", "state list"] {
        let outcome = project.bear(command);
        assert_eq!(outcome.code(), 6, "{command}: {outcome}");
        assert!(outcome.stderr.contains("newer bear"), "{command}: {outcome}");
    }
    let lock = std::path::Path::new(".bear/demo/lock");
    let after = project.files().into_iter().filter(|(path, _)| path != lock).collect::<Vec<_>>();
    assert_eq!(after, before);
}
