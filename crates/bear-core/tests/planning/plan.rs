//! Graphs of steps, and how they are shown.

use bear_core::plan::{Plan, document, dot, mermaid};
use insta::assert_snapshot;

use crate::scene::{AWS, DEMO, Scene, wanted};

/// A removal, a replacement, an update and a creation, and other rules for all of them.
fn everything() -> Plan {
    let before = "
        fleet: demo
        provider: { aws: { region: eu-west-3 } }
        network: { operators: [203.0.113.7/32], clients: [10.0.0.0/8] }
        groups:
          big: { count: 1, machine: { type: t3.small, image: ubuntu-22.04 }, broker: { emqx: { version: 5.0.9 } } }
          small: { count: 2, machine: { type: t3.small, image: ubuntu-22.04 }, broker: { emqx: { version: 5.0.9 } } }
    ";
    let after = "
        fleet: demo
        provider: { aws: { region: eu-west-3 } }
        network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
        groups:
          new: { count: 1, machine: { type: t3.small, image: ubuntu-22.04 }, broker: { emqx: { version: 5.0.9 } } }
          big: { count: 1, machine: { type: t3.large, image: ubuntu-22.04 }, broker: { emqx: { version: 5.0.9 } } }
          small: { count: 1, machine: { type: t3.small, image: ubuntu-22.04 }, broker: { emqx: { version: 5.8.9 } } }
    ";
    Scene::applied(before).plan(&wanted(after))
}

#[test]
fn what_instances_share_is_put_right_before_them() {
    // Those that only go don't wait for it.
    assert_snapshot!(dot(&everything()), @r#"
    digraph "demo" {
      rankdir = LR;
      node [shape = box];
      s0 [label = "create foundation:eu-west-3"];
      s1 [label = "create demo-new-1"];
      s2 [label = "install demo-new-1"];
      s3 [label = "verify demo-new-1"];
      s4 [label = "destroy demo-big-1"];
      s5 [label = "create demo-big-1"];
      s6 [label = "install demo-big-1"];
      s7 [label = "verify demo-big-1"];
      s8 [label = "install demo-small-1"];
      s9 [label = "verify demo-small-1"];
      s10 [label = "destroy demo-small-2"];
      s0 -> s1;
      s1 -> s2;
      s2 -> s3;
      s0 -> s4;
      s4 -> s5;
      s5 -> s6;
      s6 -> s7;
      s0 -> s8;
      s8 -> s9;
    }
    "#);
    let edited = AWS.replace("5.0.9", "5.8.9");
    assert!(!dot(&Scene::applied(AWS).plan(&wanted(&edited))).contains("foundation"));
    assert!(!dot(&Scene::empty().plan(&wanted(DEMO))).contains("foundation"));
}

#[test]
fn a_plan_as_a_flowchart() {
    assert_snapshot!(mermaid(&everything()), @r#"
    flowchart LR
      s0["create foundation:eu-west-3"]
      s1["create demo-new-1"]
      s2["install demo-new-1"]
      s3["verify demo-new-1"]
      s4["destroy demo-big-1"]
      s5["create demo-big-1"]
      s6["install demo-big-1"]
      s7["verify demo-big-1"]
      s8["install demo-small-1"]
      s9["verify demo-small-1"]
      s10["destroy demo-small-2"]
      s0 --> s1
      s1 --> s2
      s2 --> s3
      s0 --> s4
      s4 --> s5
      s5 --> s6
      s6 --> s7
      s0 --> s8
      s8 --> s9
    "#);
}

#[test]
fn a_plan_as_a_document() {
    let plan = Scene::applied(AWS).plan(&wanted(&AWS.replace("t3.small", "t3.large")));
    assert_snapshot!(serde_json::to_string_pretty(&document(&plan)).unwrap(), @r#"
    {
      "version": 1,
      "fleet": "demo",
      "foundations": [],
      "changes": [
        {
          "instance": "demo-a-1",
          "action": "replace",
          "reasons": [
            {
              "field": "machine.type",
              "from": "t3.small",
              "to": "t3.large"
            }
          ],
          "configuration": "@@ -1,7 +1,7 @@\n provider: aws\n region: eu-west-3\n machine:\n-  type: t3.small\n+  type: t3.large\n   image: ubuntu-22.04\n   disk: 20 GiB\n login:\n"
        }
      ],
      "steps": [
        {
          "id": "destroy/demo-a-1",
          "kind": "destroy",
          "resource": "demo-a-1",
          "after": []
        },
        {
          "id": "create/demo-a-1",
          "kind": "create",
          "resource": "demo-a-1",
          "after": [
            "destroy/demo-a-1"
          ]
        },
        {
          "id": "install/demo-a-1",
          "kind": "install",
          "resource": "demo-a-1",
          "after": [
            "create/demo-a-1"
          ]
        },
        {
          "id": "verify/demo-a-1",
          "kind": "verify",
          "resource": "demo-a-1",
          "after": [
            "install/demo-a-1"
          ]
        }
      ],
      "summary": {
        "create": 0,
        "update": 0,
        "replace": 1,
        "destroy": 0,
        "unchanged": 0
      }
    }
    "#);
}

#[test]
fn machines_are_numbered_for_the_whole_life_of_a_fleet() {
    let generations =
        |plan: Plan| plan.steps.node_weights().filter_map(|step| step.generation).collect::<Vec<_>>();
    assert_eq!(generations(Scene::empty().plan(&wanted(DEMO))), [1, 2, 3]);
    assert_eq!(generations(Scene::applied(DEMO).plan(&wanted(&DEMO.replace('3', "5")))), [4, 5]);
    assert_eq!(generations(everything()), [4, 5]);
}
