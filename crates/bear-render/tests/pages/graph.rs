//! The picture of a plan.

use bear_render::graph::svg;
use insta::assert_snapshot;

use crate::scene::plan_of;

/// Each text of a picture with its place, row by row.
fn texts(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let mut texts = texts
        .map(|node| {
            let number = |name| node.attribute(name).unwrap().parse::<usize>().unwrap();
            (number("y"), number("x"), node.text().unwrap().to_owned())
        })
        .collect::<Vec<_>>();
    texts.sort();
    let rows = texts.chunk_by(|a, b| a.0 == b.0);
    rows.map(|row| row.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>().join(" | ") + "\n")
        .collect()
}

#[test]
fn every_instance_has_a_row_and_every_step_a_box() {
    let picture = svg(&plan_of(2));
    assert_snapshot!(texts(&picture), @"
    Fleet daily: 7 steps for 2 instances
    foundation:eu-west-3 | create
    daily-edge-1 | create | install | verify
    daily-edge-2 | create | install | verify
    ");
    // The foundation comes before both instances, each of which has two arrows of its own.
    assert_eq!(picture.matches("<path class=\"tip\"").count(), 6);
}

#[test]
fn like_rows_of_a_large_plan_are_one() {
    let picture = svg(&plan_of(1000));
    assert_snapshot!(texts(&picture), @"
    Fleet daily: 3,001 steps for 1,000 instances
    foundation:eu-west-3 | create
    daily-edge-1 and 999 more | create | install | verify
    ");
    assert_eq!(picture.matches("<path class=\"tip\"").count(), 3);
}

#[test]
fn a_plan_without_steps_is_a_picture_too() {
    let mut plan = plan_of(1);
    plan.steps.clear();
    assert_snapshot!(texts(&svg(&plan)), @"Fleet daily: no changes");
}

#[test]
fn nothing_lies_outside_of_the_picture() {
    for count in [1, 30, 60] {
        let picture = svg(&plan_of(count));
        let document = roxmltree::Document::parse(&picture).unwrap();
        let size = |name: &str| document.root_element().attribute(name).unwrap().parse::<usize>().unwrap();
        for node in document.descendants().filter(|node| node.has_tag_name("rect")) {
            let number = |name: &str| node.attribute(name).map_or(0, |text| text.parse::<usize>().unwrap());
            assert!(number("x") + number("width") <= size("width"));
            assert!(number("y") + number("height") <= size("height"));
        }
    }
}
