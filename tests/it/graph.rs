//! `bear graph`

use crate::support::{DEMO, Project, check};

#[test]
fn pictures_of_a_plan() {
    let project = Project::new().with("fleets/demo.yaml", DEMO.replace("count: 3", "count: 2"));
    check!(project.bear("graph"), @r#"
    exit status: 0
    ----- stdout -----
    digraph "demo" {
      rankdir = LR;
      node [shape = box];
      s0 [label = "create demo-broker-1"];
      s1 [label = "install demo-broker-1"];
      s2 [label = "verify demo-broker-1"];
      s3 [label = "create demo-broker-2"];
      s4 [label = "install demo-broker-2"];
      s5 [label = "verify demo-broker-2"];
      s0 -> s1;
      s1 -> s2;
      s3 -> s4;
      s4 -> s5;
    }
    "#);
    check!(project.bear("graph --format mermaid --only demo-broker-2"), @r#"
    exit status: 0
    ----- stdout -----
    flowchart LR
      s0["create demo-broker-2"]
      s1["install demo-broker-2"]
      s2["verify demo-broker-2"]
      s0 --> s1
      s1 --> s2
    "#);
    check!(project.bear("graph --only demo-broker-1 --json"), @r#"
    exit status: 0
    ----- stdout -----
    {"version":1,"fleet":"demo","format":"dot","graph":"digraph \"demo\" {\n  rankdir = LR;\n  node [shape = box];\n  s0 [label = \"create demo-broker-1\"];\n  s1 [label = \"install demo-broker-1\"];\n  s2 [label = \"verify demo-broker-1\"];\n  s0 -> s1;\n  s1 -> s2;\n}\n"}
    "#);
}

#[test]
fn a_picture_for_browsers() {
    let project = Project::new().with("fleets/demo.yaml", DEMO.replace("count: 3", "count: 2"));
    let picture = project.bear("graph --format svg").ok().stdout;
    assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"), "{picture}");
    assert_eq!(picture.matches("<rect class=\"step").count(), 6);
}

#[test]
fn a_part_that_there_is_none_of() {
    check!(Project::demo().bear("graph --only brokr"), @"
    exit status: 3
    ----- stderr -----
    bear::arguments::only

      × the fleet has no instance and no group `brokr`
      help: did you mean `broker`?
    ");
}
