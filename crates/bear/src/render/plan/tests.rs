//! How plans read, for each action, folded and in full.

use bear_core::diff::Changes;
use bear_core::name::FleetName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::plan::build;
use bear_core::state::v1::{Machine, Phase};

use super::*;
use crate::render::example::{LOCAL, TEAM, deployed, name, planned};
use crate::render::style_guide;

const LOOK: Look = Look { colour: false, width: Some(80), unicode: true };

/// The plan for a fleet file as text, on top of what `before`, another one, has deployed.
fn shown(file: &str, before: Option<&str>) -> String {
    plan(&planned(file, before.map(deployed).as_ref(), &Observed::new()), LOOK, false)
}

#[test]
fn a_new_fleet() {
    style_guide::shows(&shown(LOCAL, None));
    insta::assert_snapshot!(shown(LOCAL, None), @"
    Fleet demo

        + demo-broker-1  create → install → verify
        + demo-broker-2  create → install → verify
        + demo-broker-3  create → install → verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 3 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn a_new_fleet_with_a_foundation() {
    insta::assert_snapshot!(shown(TEAM, None), @"
    Fleet daily

        + foundation eu-west-3  create: what the instances share at their provider
        + daily-emqx-1  create → install → verify
        + daily-emqx-2  create → install → verify
            provider        aws, region eu-west-3
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          5:20.10.13~3-0~ubuntu-jammy
            broker          emqx 5.0.9
            admin password  from the variable EMQX_ADMIN_PASSWORD
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)

    Plan: 2 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn nothing_to_change() {
    insta::assert_snapshot!(shown(LOCAL, Some(LOCAL)), @"No changes. 3 instances are as fleet demo wants them.");
    let one = LOCAL.replace("count: 3", "count: 1");
    insta::assert_snapshot!(shown(&one, Some(&one)), @"No changes. 1 instance is as fleet demo wants it.");
    let none = build(FleetName::new("demo").unwrap(), Changes::default(), 0);
    insta::assert_snapshot!(plan(&none, LOOK, false), @"No changes.");
}

/// Every sign, on one page.
#[test]
fn all_signs() {
    let before = format!("{TEAM}{}{}", edge("t3.small"), edge("t3.small").replace("edge", "lab"));
    let after =
        format!("{TEAM}{}", edge("t3.large")).replace("count: 2", "count: 3").replacen("5.0.9", "5.8.9", 1);
    let text = shown(&after, Some(&before));
    insta::assert_snapshot!(text, @"
    Fleet daily

        ~ daily-emqx-1  install → verify
        ~ daily-emqx-2  install → verify
            broker.emqx.version: 5.0.9 → 5.8.9
            @@ -12,7 +12,7 @@
                 version: 5:20.10.13~3-0~ubuntu-jammy
             broker:
               emqx:
            -    version: 5.0.9
            +    version: 5.8.9
                 admin_password:
                   env: EMQX_ADMIN_PASSWORD
             ports:
        + daily-emqx-3  create → install → verify
            provider        aws, region eu-west-3
            machine         t3.small, ubuntu-22.04, disk of 20 GiB
            login           as ubuntu
            docker          5:20.10.13~3-0~ubuntu-jammy
            broker          emqx 5.8.9
            admin password  from the variable EMQX_ADMIN_PASSWORD
            authentication  off (default)
            ports           mqtt 1883, ws 8083, dashboard 18083 on the host alone (default)
      -/+ daily-edge-1  destroy → create → install → verify
            machine.type: t3.small → t3.large
            @@ -1,7 +1,7 @@
             provider: aws
             region: eu-west-3
             machine:
            -  type: t3.small
            +  type: t3.large
               image: ubuntu-22.04
             login:
               user: ubuntu
        - daily-lab-1  destroy
            instance: verified → gone

    Plan: 1 to create, 2 to change, 1 to replace, 1 to destroy, 0 unchanged.
    ");
    style_guide::shows(&text);
}

/// One more group for [`TEAM`].
fn edge(machine: &str) -> String {
    format!(
        "  edge:\n    count: 1\n    machine: {{ type: {machine}, image: ubuntu-22.04 }}\n    broker: {{ emqx: {{ version: 5.0.9 }} }}\n"
    )
}

#[test]
fn a_change_in_place_for_all() {
    let file = TEAM.replace("version: 5.0.9", "version: 5.8.9");
    insta::assert_snapshot!(shown(&file, Some(TEAM)), @"
    Fleet daily

        ~ daily-emqx-1  install → verify
        ~ daily-emqx-2  install → verify
            broker.emqx.version: 5.0.9 → 5.8.9
            @@ -12,7 +12,7 @@
                 version: 5:20.10.13~3-0~ubuntu-jammy
             broker:
               emqx:
            -    version: 5.0.9
            +    version: 5.8.9
                 admin_password:
                   env: EMQX_ADMIN_PASSWORD
             ports:

    Plan: 0 to create, 2 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn a_replacement() {
    let file = TEAM.replace("t3.small", "t3.large").replace("count: 2", "count: 1");
    insta::assert_snapshot!(shown(&file, Some(TEAM)), @"
    Fleet daily

      -/+ daily-emqx-1  destroy → create → install → verify
            machine.type: t3.small → t3.large
            @@ -1,7 +1,7 @@
             provider: aws
             region: eu-west-3
             machine:
            -  type: t3.small
            +  type: t3.large
               image: ubuntu-22.04
               disk: 20 GiB
             login:
        - daily-emqx-2  destroy
            instance: verified → gone

    Plan: 0 to create, 0 to change, 1 to replace, 1 to destroy, 0 unchanged.
    ");
}

#[test]
fn drift_and_what_was_left_undone() {
    let mut state = deployed(LOCAL);
    if let Some(recorded) = state.instances.get_mut(&name("demo-broker-3")) {
        recorded.phase = Phase::Installed;
    }
    let machine = Machine::new("i-demo-broker-2", "192.0.2.1");
    let broker = BrokerSeen::Stopped { why: "process 4711 is gone".to_owned() };
    let observed = Observed::from_iter([
        (name("demo-broker-1"), Observation::Absent),
        (name("demo-broker-2"), Observation::Present { machine, changed: Vec::new(), broker }),
    ]);
    insta::assert_snapshot!(plan(&planned(LOCAL, Some(&state), &observed), LOOK, false), @"
    Fleet demo

        + demo-broker-1  create → install → verify
            machine: i-demo-broker-1 → gone
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)
        ~ demo-broker-2  install → verify
            broker: stopped: process 4711 is gone → running
        ~ demo-broker-3  verify
            verified: installed → proven

    Plan: 1 to create, 2 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn members_are_told_apart_by_what_differs() {
    let file = "
fleet: plant
provider: { hosts: { user: ubuntu, identity: ~/.ssh/id_ed25519 } }
groups:
  edge:
    members:
      paris: { address: 192.0.2.10 }
      lyon: { address: 192.0.2.11, port: 2222 }
    broker: { mosquitto: { version: 2.0.11-1.2+deb12u2 } }
";
    insta::assert_snapshot!(shown(file, None), @"
    Fleet plant

        + plant-edge-paris  create → install → verify
            provider        hosts
            host            ubuntu@192.0.2.10, key ~/.ssh/id_ed25519
            broker          mosquitto 2.0.11-1.2+deb12u2
            authentication  off (default)
            ports           mqtt 1883 (default)
        + plant-edge-lyon  create → install → verify
            host            ubuntu@192.0.2.11:2222, key ~/.ssh/id_ed25519

    Plan: 2 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
}

#[test]
fn many_like_changes_are_folded_on_a_terminal_only() {
    let file = LOCAL.replace("count: 3", "count: 10000");
    let planned = planned(&file, None, &Observed::new());
    insta::assert_snapshot!(plan(&planned, LOOK, false), @"
    Fleet demo

        + demo-broker-1 … demo-broker-10000  create → install → verify  (10,000 instances)
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)

    Plan: 10,000 to create, 0 to change, 0 to replace, 0 to destroy, 0 unchanged.
    ");
    let in_full = plan(&planned, LOOK, true);
    assert_eq!(in_full.lines().filter(|line| line.contains("create → install → verify")).count(), 10_000);
    assert_eq!(plan(&planned, Look { width: None, ..LOOK }, false), in_full);
}

#[test]
fn in_colour() {
    let look = Look { colour: true, ..LOOK };
    let file = TEAM.replace("t3.small", "t3.large").replace("count: 2", "count: 1");
    let text = plan(&planned(&file, Some(&deployed(TEAM)), &Observed::new()), look, false);
    insta::assert_snapshot!(text.escape_debug().to_string().replace("\\n", "\n"), @r"
    Fleet \u{1b}[1mdaily\u{1b}[0m

      \u{1b}[31m-/+\u{1b}[0m daily-emqx-1  \u{1b}[2mdestroy → create → install → verify\u{1b}[0m
            machine.type: \u{1b}[31mt3.small\u{1b}[0m → \u{1b}[32mt3.large\u{1b}[0m
            \u{1b}[36m@@ -1,7 +1,7 @@\u{1b}[0m
            \u{1b}[2m provider: aws\u{1b}[0m
            \u{1b}[2m region: eu-west-3\u{1b}[0m
            \u{1b}[2m machine:\u{1b}[0m
            \u{1b}[31m-  type: t3.small\u{1b}[0m
            \u{1b}[32m+  type: t3.large\u{1b}[0m
            \u{1b}[2m   image: ubuntu-22.04\u{1b}[0m
            \u{1b}[2m   disk: 20 GiB\u{1b}[0m
            \u{1b}[2m login:\u{1b}[0m
      \u{1b}[31m  -\u{1b}[0m daily-emqx-2  \u{1b}[2mdestroy\u{1b}[0m
            instance: \u{1b}[31mverified\u{1b}[0m → \u{1b}[31mgone\u{1b}[0m

    \u{1b}[1mPlan:\u{1b}[0m \u{1b}[2m0 to create\u{1b}[0m, \u{1b}[2m0 to change\u{1b}[0m, \u{1b}[31m1 to replace\u{1b}[0m, \u{1b}[31m1 to destroy\u{1b}[0m, \u{1b}[2m0 unchanged\u{1b}[0m.
    ");
}

#[test]
fn without_unicode() {
    let look = Look { unicode: false, ..LOOK };
    let text = plan(&planned(LOCAL, None, &Observed::new()), look, false);
    assert!(text.is_ascii(), "{text}");
}
