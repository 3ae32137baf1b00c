//! What the live board shows at each moment of a run.

use bear_core::check::CheckName;
use bear_core::event::{Operation, StepError};
use bear_core::observed::Observed;
use bear_core::progress::Pace;
use proptest::prelude::*;

use super::*;
use crate::render::example;
use crate::render::style_guide;

const LOOK: Look = Look { colour: false, width: Some(80), unicode: true };
const SIZE: Size = Size { columns: 80, lines: 24 };

/// The board after these events, each at its number of milliseconds, and the moment after the last of them.
fn board(look: Look, happened: Vec<(i64, What)>) -> (Board, Instant) {
    board_of(look, Progress::default(), happened)
}

/// The same for a run whose plan is known.
fn board_of(look: Look, progress: Progress, happened: Vec<(i64, What)>) -> (Board, Instant) {
    let mut tally = Tally::new();
    let began = Instant::now();
    let mut board = Board::new(look, tally, progress, began);
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

/// The middle of a run on EC2: one machine is there, the other is being made, and an earlier run tells how long all
/// of it takes.
fn halfway() -> (Progress, Vec<(i64, What)>) {
    use StepKind::{Create, Install, Verify};
    let mut earlier = Pace::default();
    for (kind, seconds) in [(Create, 30.0), (Install, 45.0), (Verify, 1.5)] {
        earlier.note(kind, false, seconds);
    }
    let plan = example::planned(example::TEAM, None, &Observed::new());
    let step = |kind, number: u8| example::step(kind, &format!("daily-emqx-{number}"));
    let foundation = StepRef { step: "create/foundation:eu-west-3".to_owned(), ..example::foundation() };
    let happened = vec![
        (0, What::RunStarted { operation: Operation::Apply, steps: plan.steps.node_count() }),
        (0, example::started(&foundation)),
        (4_000, example::succeeded(&foundation, 4.0)),
        (4_000, example::started(&step(Create, 1))),
        (4_000, example::started(&step(Create, 2))),
        (28_000, example::succeeded(&step(Create, 1), 24.0)),
        (28_000, example::started(&step(Install, 1))),
        (30_500, What::Notice { text: "nothing".to_owned() }),
    ];
    (Progress::of(&plan, earlier), happened)
}

#[test]
fn below_it_stands_what_waits_and_how_long_it_takes_still() {
    let (progress, happened) = halfway();
    let (board, now) = board_of(LOOK, progress, happened);
    style_guide::shows(&board.draw(now, SIZE));
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠴ create  daily-emqx-2   26.5s
    ⠴ install daily-emqx-1    2.5s
      wait: 1 install for create, 2 verify for install
    ━━━━━━━━━━━─────────────────────────────  2/7 steps  30.5s  about 50s left
    ");
    insta::assert_snapshot!(board.draw(now, Size { columns: 40, lines: 24 }), @"
    ⠴ create  daily-emqx-2   26.5s
    ⠴ install daily-emqx-1    2.5s
      wait: 1 install for create, 2 verify …
    2/7 steps  30.5s  about 50s left
    ");
    insta::assert_snapshot!(board.still(now).unwrap(), @"create daily-emqx-2 26.5s, install daily-emqx-1 2.5s; wait: 1 install for create, 2 verify for install; about 50s left");
}

#[test]
fn what_is_to_stop_waits_for_nothing() {
    let (progress, mut happened) = halfway();
    happened.push((31_000, What::Interrupting { running: 2 }));
    let (board, now) = board_of(LOOK, progress, happened);
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠋ create  daily-emqx-2   27.0s
    ⠋ install daily-emqx-1    3.0s
    ━━━━━━━━━━━─────────────────────────────  2/7 steps  31.0s  stopping
    ");
}

#[test]
fn at_first_everything_waits() {
    let (progress, mut happened) = halfway();
    happened.truncate(2);
    let (board, now) = board_of(LOOK, progress, happened);
    insta::assert_snapshot!(board.draw(now, SIZE), @"
    ⠋ create  foundation   0.00s
      wait: 2 create for the foundation, 2 install for create, 2 verify for install
    ────────────────────────────────────────  0/7 steps  0.00s
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
        let plan = example::planned(example::TEAM, None, &Observed::new());
        let progress = Progress::of(&plan, Pace::default());
        let (board, now) = board_of(Look { unicode, ..LOOK }, progress, busy(running.max(1)));
        let drawn = board.draw(now, Size { columns, lines });
        prop_assert!(drawn.lines().all(|line| line.chars().count() <= columns), "{}", drawn);
        prop_assert!(drawn.lines().count() <= lines.max(4), "{}", drawn);
    }
}
