//! What the live board shows at each moment of a run.

use bear_core::check::CheckName;
use bear_core::event::{Operation, StepError};
use proptest::prelude::*;

use super::*;
use crate::render::example;
use crate::render::style_guide;

const LOOK: Look = Look { colour: false, width: Some(80), unicode: true };
const SIZE: Size = Size { columns: 80, lines: 24 };

/// The board after these events, each at its number of milliseconds, and the moment after the last of them.
fn board(look: Look, happened: Vec<(i64, What)>) -> (Board, Instant) {
    let mut tally = Tally::new();
    let began = Instant::now();
    let mut board = Board::new(look, tally, began);
    let mut now = began;
    let after = happened.iter().map(|(millis, _)| *millis).collect::<Vec<_>>();
    for (event, millis) in example::events(happened).iter().zip(after) {
        now = began + Duration::from_millis(millis.unsigned_abs());
        tally.take(event);
        board.take(event, tally, now);
    }
    (board, now)
}

fn install(number: usize) -> StepRef {
    example::step(StepKind::Install, &format!("demo-broker-{number}"))
}

/// Some of everything that a board can show.
fn busy(running: usize) -> Vec<(i64, What)> {
    let verify = example::step(StepKind::Verify, "demo-broker-0");
    let passed = example::passed(CheckName::Tcp, 0.4);
    let retried = What::StepRetrying {
        step: install(1),
        attempt: 1,
        error: StepError::transient("bear::local::slow", "no answer"),
        wait_seconds: 0.5,
    };
    let begin = [
        (0, What::RunStarted { operation: Operation::Apply, steps: running + 4 }),
        (10, example::started(&example::foundation())),
        (20, example::succeeded(&example::foundation(), 0.01)),
        (30, example::started(&verify)),
        (40, example::check_ended(&verify, passed.clone())),
        (50, example::check_ended(&verify, passed)),
        (60, example::failed(&example::step(StepKind::Install, "demo-edge-1"), 1.0, example::port_taken())),
    ];
    let installs = (1..=running).map(|number| (70, example::started(&install(number))));
    begin.into_iter().chain(installs).chain([(1_500, retried)]).collect()
}

#[test]
fn what_runs_stands_above_the_bar() {
    let (board, now) = board(LOOK, busy(3));
    style_guide::shows(&board.draw(now, SIZE));
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠴ verify  demo-broker-0    1.5s  check 3
    ⠴ install demo-broker-1    1.4s  waits for try 2
    ⠴ install demo-broker-2    1.4s
    ⠴ install demo-broker-3    1.4s
    ━━━━━━━━━━━─────────────────────────────  2/7 steps  1.5s  1 failed
    ");
}

#[test]
fn of_many_steps_the_slowest_are_shown() {
    let (board, now) = board(LOOK, busy(300));
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠴ verify  demo-broker-0    1.5s  check 3
    ⠴ install demo-broker-1    1.4s  waits for try 2
    ⠴ install demo-broker-2    1.4s
    ⠴ install demo-broker-3    1.4s
    ⠴ install demo-broker-4    1.4s
    ⠴ install demo-broker-5    1.4s
    ⠴ install demo-broker-6    1.4s
    ⠴ install demo-broker-7    1.4s
      and 293 more: 293 install
    ────────────────────────────────────────  2/304 steps  1.5s  1 failed
    ");
}

#[test]
fn a_small_terminal_gets_a_small_board() {
    let (board, now) = board(LOOK, busy(300));
    insta::assert_snapshot!(board.draw(now, Size { columns: 40, lines: 8 }), @"
    ⠴ verify  demo-broker-0    1.5s  check 3
    ⠴ install demo-broker-1    1.4s  waits …
      and 299 more: 299 install
    ───────────  2/304 steps  1.5s  1 failed
    ");
}

#[test]
fn without_unicode_it_is_drawn_in_ascii() {
    let (board, now) = board(Look { unicode: false, ..LOOK }, busy(1));
    insta::assert_snapshot!(board.draw(now, SIZE), @r"
    \ verify  demo-broker-0    1.5s  check 3
    \ install demo-broker-1    1.4s  waits for try 2
    ================------------------------  2/5 steps  1.5s  1 failed
    ");
}

#[test]
fn a_step_that_is_tried_again_says_so() {
    let again = busy(1)
        .into_iter()
        .chain([(2_000, example::started(&install(1))), (2_100, What::Interrupting { running: 2 })]);
    let (board, now) = board(LOOK, again.collect());
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠙ verify  demo-broker-0    2.1s  check 3
    ⠙ install demo-broker-1    2.0s  try 2
    ━━━━━━━━━━━━━━━━────────────────────────  2/5 steps  2.1s  1 failed  stopping
    ");
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(
        columns in 40_usize..=300,
        lines in 4_usize..=100,
        running in 0_usize..30,
        unicode: bool,
    ) {
        let (board, now) = board(Look { unicode, ..LOOK }, busy(running.max(1)));
        let drawn = board.draw(now, Size { columns, lines });
        prop_assert!(drawn.lines().all(|line| line.chars().count() <= columns), "{}", drawn);
        prop_assert!(drawn.lines().count() <= lines.max(4), "{}", drawn);
    }
}
