//! What is on the screen during a run, and after it.

use bear_core::check::{CheckName, CheckResult};
use bear_core::event::StepError;
use bear_core::progress::{Pace, Progress};

use super::*;
use crate::{Failure, Question};

/// A session in the middle of an apply that goes partly wrong.
fn going() -> Session {
    let mut session = Session::with(DEMO, 3, (80, 22));
    session.press("a");
    session.tell(Message::Planned(plan(DEMO, 3)));
    session.tell(Message::Asked(Question::YesNo("Do you want to apply this plan?".to_owned())));
    session.press("y");
    let mut pace = Pace::default();
    for (kind, seconds) in [(StepKind::Create, 10.0), (StepKind::Install, 30.0), (StepKind::Verify, 2.0)] {
        pace.note(kind, false, seconds);
    }
    session.tell(Message::Begins(Box::new(Progress::of(&plan(DEMO, 3), pace))));
    session.tell(event(0, started(Operation::Apply, 6)));
    let (paris, lyon) = ("demo-edge-paris", "demo-edge-lyon");
    for instance in [paris, lyon] {
        session.tell(event(0, What::StepStarted { step: step(StepKind::Create, instance) }));
    }
    session.tell(event(1, What::StepSucceeded { step: step(StepKind::Create, paris), seconds: 1.0 }));
    session.tell(event(1, What::StepStarted { step: step(StepKind::Install, paris) }));
    let error = StepError::transient("bear::local::not_ready", "the broker did not start")
        .with_help("look at its log")
        .with_last_lines("binding port 1883\npermission denied");
    session.tell(event(
        2,
        What::StepRetrying {
            step: step(StepKind::Create, lyon),
            attempt: 1,
            error: error.clone(),
            wait_seconds: 3.0,
        },
    ));
    session.tell(Message::Tick(dawn().checked_add(SignedDuration::from_secs(3)).unwrap()));
    session
}

#[test]
fn what_runs_and_what_waits() {
    insta::assert_snapshot!(going().screen(), @"
    bear  demo  5 instances  2 not made  3 healthy

    apply  1/6 steps  3.0s  ━━━━━──────────────────────────  about 35s left

    » create   demo-edge-lyon  3.0s  try 1 failed, again in 2.0s: the broker did …
    » install  demo-edge-paris  2.0s
      3 steps wait: 1 install for create, 2 verify for install














    ^C stop  Esc back  ? help
    ");
}

#[test]
fn what_failed_and_what_to_do() {
    let mut session = going();
    let error = StepError::permanent("bear::local::not_ready", "the broker did not start")
        .with_help("look at its log")
        .with_last_lines("binding port 1883\npermission denied");
    let (paris, lyon) = ("demo-edge-paris", "demo-edge-lyon");
    session.tell(event(3, What::StepSucceeded { step: step(StepKind::Install, paris), seconds: 1.0 }));
    session.tell(event(3, What::StepStarted { step: step(StepKind::Verify, paris) }));
    let check = CheckResult::passed(CheckName::Tcp, Duration::from_millis(1));
    session.tell(event(3, What::CheckEnded { step: step(StepKind::Verify, paris), check }));
    session.tell(event(4, What::StepSucceeded { step: step(StepKind::Verify, paris), seconds: 1.0 }));
    session.tell(event(4, What::StepFailed { step: step(StepKind::Create, lyon), seconds: 4.0, error }));
    for kind in [StepKind::Install, StepKind::Verify] {
        let because = Some("create/demo-edge-lyon".to_owned());
        session.tell(event(4, What::StepSkipped { step: step(kind, lyon), because }));
    }
    session.tell(event(4, summary(false, 3, 1, 2)));
    session.tell(Message::Finished);
    insta::assert_snapshot!(session.screen(), @"
    bear  demo  5 instances  2 not made  3 healthy

    apply  6/6 steps  4.0s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  1 failed

    1 step failed in 4.2s, 2 not begun.

    ✗ create demo-edge-lyon: the broker did not start
        binding port 1883
        permission denied
      help: look at its log











    Esc back  ? help
    ");
}

#[test]
fn a_run_that_broke_off_does_not_seem_to_go_on() {
    let mut session = going();
    session.tell(Message::Failed(Failure { what: "the disk is full".to_owned(), why: vec![], help: None }));
    session.tell(Message::Finished);
    session.press("<Enter>");
    let screen = session.screen();
    assert!(screen.contains("It broke off") && !screen.contains("^C stop"), "{screen}");
    session.press("<Esc>");
    assert!(!session.screen().contains("installing"), "{}", session.screen());
}

#[test]
fn the_table_shows_what_each_instance_is_doing() {
    let mut session = going();
    session.press("<Esc>");
    let screen = session.screen();
    assert!(screen.contains("demo-edge-paris  installing"), "{screen}");
    assert!(screen.contains("demo-edge-lyon   retrying"), "{screen}");
}
