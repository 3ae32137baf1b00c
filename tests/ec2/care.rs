//! What keeps machines from going by mistake: `protect`, `--max-destroy`, the fleet's name; and `--replace`.

use std::io::{Read, Write};

use crate::cloud::{APPLY, Cloud, FILE, FLEET, check_cloud};
use crate::support::{Outcome, terminal};

/// A fleet whose every machine would have to be another one.
fn of_other_machines() -> String {
    FLEET.replace("disk: 20 GiB", "disk: 30 GiB")
}

#[test]
fn a_protected_group_is_neither_replaced_nor_destroyed() {
    let protected = |fleet: &str| fleet.replace("    count: 3", "    protect: true\n    count: 3");
    let cloud = Cloud::of(&protected(FLEET)).made();
    cloud.project.write(FILE, protected(&of_other_machines()));
    let planned = cloud.bear("plan fleets/daily.yaml");
    check_cloud!(planned, @"
    exit status: 3
    ----- stderr -----
    bear::plan::protected

      × the plan would replace the machine of `daily-emqx-1` and 2 more, whose group is protected
        ╭─[fleets/daily.yaml:9:14]
      8 │   emqx:
      9 │     protect: true
        ·              ──┬─
        ·                ╰── protected here
     10 │     count: 3
        ╰────
      help: because of `machine.disk`, `verified`; take `protect` away for this to happen
    ");
    let applied = cloud.bear("apply fleets/daily.yaml --yes --max-destroy 100%");
    assert_eq!((applied.code(), applied.stderr == planned.stderr), (3, true), "{applied}");
    let destroyed = cloud.bear("destroy fleets/daily.yaml --yes --only daily-emqx-2");
    check_cloud!(destroyed, @"
    exit status: 3
    ----- stderr -----
    bear::plan::protected

      × the plan would destroy the machine of `daily-emqx-2`, whose group is protected
        ╭─[fleets/daily.yaml:9:14]
      8 │   emqx:
      9 │     protect: true
        ·              ──┬─
        ·                ╰── protected here
     10 │     count: 3
        ╰────
      help: because of `instance`; take `protect` away for this to happen
    ");
    cloud.project.write(FILE, protected(FLEET).replace("count: 3", "count: 2"));
    assert_eq!(cloud.bear("apply fleets/daily.yaml --yes").code(), 3);
    assert_eq!(cloud.fake.instances().len(), 3);

    cloud.project.write(FILE, FLEET);
    cloud.bear("destroy fleets/daily.yaml --yes").ok();
    assert_eq!(cloud.tagged(), [""; 0]);
}

#[test]
fn a_plan_that_ends_more_than_half_has_to_be_meant() {
    let cloud = Cloud::of(&FLEET.replace("count: 3", "count: 4"));
    cloud.bear(APPLY);
    assert_eq!(cloud.fake.alive().len(), 4);
    // Half of them is nothing special.
    cloud.project.write(FILE, FLEET.replace("count: 3", "count: 2"));
    cloud.bear(APPLY);
    assert_eq!(cloud.fake.alive().len(), 2);

    cloud.project.write(FILE, of_other_machines().replace("count: 3", "count: 2"));
    let refused = cloud.bear("apply fleets/daily.yaml --yes");
    check_cloud!(refused.stderr, @"
    bear::confirm::toll

      × the plan ends 2 of 2 machines of the fleet `daily`, more than 50 %
      help: if that is meant, say so with `--max-destroy 100%`
    ");
    assert_eq!(refused.code(), 3);
    assert_eq!(cloud.fake.instances().len(), 4, "nothing was made or ended");
    for (percent, code) in [("99", 3), ("100%", 1)] {
        let meant = cloud.bear(&format!("{APPLY} --max-destroy {percent}"));
        assert_eq!(meant.code(), code, "{meant}");
    }
    assert_eq!(cloud.fake.alive().len(), 2);
    assert_eq!(cloud.fake.instances().len(), 6, "both are other machines");
}

#[test]
fn one_machine_is_replaced_because_it_is_asked_for() {
    let cloud = Cloud::new().made();
    let before = [1, 2, 3].map(|number| cloud.machine(number).id);
    let planned = cloud.bear("plan fleets/daily.yaml --replace daily-emqx-2").ok();
    check_cloud!(planned.stdout, @"
    Fleet daily

        ~ daily-emqx-1  install → verify
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven
      -/+ daily-emqx-2  destroy → create → install → verify
            machine: asked for → new
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven
        ~ daily-emqx-3  install → verify
            verified: install failed: reading the ssh configuration of [ADDRESS]: running `ssh`: No such file or directory (os error 2) → proven

    Plan: 0 to create, 2 to change, 1 to replace, 0 to destroy, 0 unchanged.
    ");
    cloud.bear("apply --yes");
    let after = [1, 2, 3].map(|number| cloud.machine(number).id);
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
    assert_ne!(before[1], after[1]);
    assert_eq!(cloud.fake.alive().len(), 3);
    let unknown = cloud.bear("plan fleets/daily.yaml --replace daily-emqx-9");
    assert_eq!(unknown.code(), 3, "{unknown}");
}

/// Runs a command on a terminal, answers the question that ends in `prompt`, and returns what was shown.
fn answer(cloud: &Cloud, words: &[&str], prompt: &str, answer: &str) -> (String, Outcome) {
    let (mut terminal, side) = terminal();
    let bear = cloud.project.command(words).stdin(side()).stderr(side()).spawn().unwrap();
    let mut shown = String::new();
    while !shown.contains(prompt) {
        let mut bytes = [0; 1024];
        let count = terminal.read(&mut bytes).unwrap();
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    terminal.write_all(answer.as_bytes()).unwrap();
    // What is not read from a terminal holds up whoever writes to it.
    let reader = std::thread::spawn(move || while matches!(terminal.read(&mut [0; 1024]), Ok(1..)) {});
    let outcome = Outcome::of(bear, &cloud.project.path(""));
    drop(side);
    drop(reader);
    (shown, outcome)
}

#[test]
fn on_a_terminal_the_name_of_the_fleet_is_asked_for() {
    let cloud = Cloud::new().made();
    let destroy = ["destroy", FILE];
    let (shown, outcome) = answer(&cloud, &destroy, "Type the name", "yes\n");
    check_cloud!(shown.replace("\r\n", "\n").trim(), @"Do you want to destroy these 3 instances? It ends 3 of 3 machines. Type the name of the fleet:");
    assert_eq!(outcome.code(), 130, "{outcome}");
    assert_eq!(cloud.fake.alive().len(), 3);

    // One of three may go by a yes alone.
    let (shown, outcome) = answer(&cloud, &["destroy", FILE, "--only", "daily-emqx-3"], "[y/N]", "y\n");
    assert_eq!((outcome.code(), cloud.fake.alive().len()), (0, 2), "{shown}{outcome}");
    let (_, outcome) = answer(&cloud, &destroy, "Type the name", "daily\n");
    assert_eq!((outcome.code(), cloud.tagged().len()), (0, 0), "{outcome}");
}

#[test]
fn machines_do_not_move_to_another_network() {
    let cloud = Cloud::of(FLEET).made();
    let elsewhere = FLEET.replace("    user: ubuntu\n", "    user: ubuntu\n    vpc: vpc-0123456789abcdef0\n");
    assert_ne!(elsewhere, FLEET);
    cloud.project.write(FILE, elsewhere);
    check_cloud!(cloud.bear("plan fleets/daily.yaml"), @"
    exit status: 3
    ----- stderr -----
    bear::plan::moved

      × `vpc` can't change while the fleet has machines
       ╭─[fleets/daily.yaml:6:10]
     5 │     user: ubuntu
     6 │     vpc: vpc-[ID]
       ·          ──────────┬──────────
       ·                    ╰── this is another one than they were made in
     7 │ network: { operators: [203.0.113.7/32], clients: [198.51.100.0/24] }
       ╰────
      help: `bear destroy` the fleet first, or write another one beside it and move over
    ");
}
