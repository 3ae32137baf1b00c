//! The live board on a terminal that is not there.

use indicatif::InMemoryTerm;

use super::*;
use crate::render::{Look, example};

fn manner() -> Manner {
    let look = Look { colour: false, width: Some(120), unicode: true };
    Manner { look, detail: Detail::Normal, fleet: "examples/local.yaml".to_owned() }
}

fn on(term: &InMemoryTerm) -> Live {
    let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
    Live::on(target, || Size { columns: 120, lines: 24 }, manner(), Progress::default())
}

#[test]
fn while_it_runs_the_board_stands_below_the_lines() {
    let term = InMemoryTerm::new(24, 120);
    let mut live = on(&term);
    // Just after the retry: the third step that runs has not come to its end.
    example::run_with_trouble().iter().take(13).for_each(|event| live.event(event));
    let screen = term.contents();
    let lines = screen.lines().collect::<Vec<_>>();
    insta::assert_snapshot!(lines[..6].join("\n"), @"
    apply [ 0.00s] ( 0/11) 11 steps
       ok [  2.1s] ( 1/11) create  foundation  2.1s
       ok [  2.1s] ( 2/11) create  demo-broker-1  0.02s
       ok [  2.1s] ( 3/11) create  demo-broker-2  0.02s
       ok [  2.1s] ( 4/11) create  demo-broker-3  0.02s
    retry [  3.2s] ( 4/11) install demo-broker-1  try 1 failed: no answer from 127.0.0.1:20000 within 1s; again in 0.5s
    ");
    assert!(lines[6].contains("install demo-broker-1") && lines[6].ends_with("waits for try 2"), "{screen}");
    assert!(lines.last().unwrap().contains("4/11 steps"), "{screen}");
}

#[test]
fn once_it_ends_only_the_lines_are_left() {
    let term = InMemoryTerm::new(80, 120);
    let mut live = Box::new(on(&term));
    let mut lines = Lines::new(manner(), true);
    let mut expected = String::new();
    for event in example::run_with_trouble() {
        expected.push_str(&lines.tell(&event));
        live.event(&event);
    }
    live.finish().unwrap();
    let unwrapped = |text: &str| text.replace(['\n', ' '], "");
    assert_eq!(unwrapped(&term.contents()), unwrapped(&expected));
}
