//! The page of an instance, and its log.

use bear_core::check::{CheckName, CheckResult};
use bear_core::event::Outcome;
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::screens::unwell;
use super::*;
use crate::{History, PastRun, Proof};

/// The page of an instance that can't be reached, once its history and its log are known.
fn page(size: (u16, u16)) -> Session {
    let mut session = unwell(size);
    session.press("<Enter>");
    let checks = vec![
        CheckResult::passed(CheckName::Tcp, Duration::from_millis(2)),
        CheckResult::failed(CheckName::Qos1, Duration::from_millis(40), "2 messages came instead of 1"),
    ];
    let run = |operation, outcome, error: Option<&str>| PastRun {
        at: dawn(),
        operation,
        outcome: Some(outcome),
        error: error.map(str::to_owned),
    };
    let history = History {
        runs: vec![
            run(Operation::Verify, Outcome::Failed, Some("1 of 2 checks failed")),
            run(Operation::Apply, Outcome::Succeeded, None),
        ],
        proof: Some(Proof { at: dawn(), checks }),
    };
    let name = InstanceName::new("demo-broker-2").unwrap();
    session.tell(Message::LookedUp(name, Box::new(history)));
    write(&mut session, 1..=30);
    session
}

/// The broker writes so many lines.
fn write(session: &mut Session, lines: impl Iterator<Item = usize>) {
    let reading = session.model.log.reading;
    for line in lines {
        session.tell(Message::Line { reading, line: format!("line {line} \u{1b}[31m") });
    }
}

#[test]
fn the_page_of_an_instance() {
    insta::assert_snapshot!(page((80, 46)).screen(), @r"
    bear  demo  5 instances  1 unreachable  1 unhealthy  1 unverified  1 not made
    demo-broker-2
      state           ✗ unreachable
      because         port 20003 can't be reached: Connection refused
      what to do      a looks what is missing, and makes that anew
      address         127.0.0.1:20003
      broker          embedded 0.1.0
      ports           mqtt 20003, dashboard 20005
      checks          10 passed
      phase           verified, 1m ago
      machine         m

    Last proof  2026-11-22 06:00:00Z
      ok    tcp                                  2.0ms
      FAIL  mqtt.qos1                             40ms
            2 messages came instead of 1

    History
      2026-11-22 06:00:00Z  verify   failed
            1 of 2 checks failed
      2026-11-22 06:00:00Z  apply    succeeded
      2026-11-22 06:00:00Z  verified since then

    Configuration
      provider        local
      broker          embedded
      authentication  off (default)
      ports           free ones of this machine (default)

    Log  follows what is written  ────────────────────────────────────────────────
    line 18 \u{1b}[31m
    line 19 \u{1b}[31m
    line 20 \u{1b}[31m
    line 21 \u{1b}[31m
    line 22 \u{1b}[31m
    line 23 \u{1b}[31m
    line 24 \u{1b}[31m
    line 25 \u{1b}[31m
    line 26 \u{1b}[31m
    line 27 \u{1b}[31m
    line 28 \u{1b}[31m
    line 29 \u{1b}[31m
    line 30 \u{1b}[31m

    Tab scroll log  a apply  l log  o open  n new  d remove  v verify  Esc back
    ? help
    ");
}

#[test]
fn a_wide_page_of_an_instance() {
    insta::assert_snapshot!(page((160, 26)).screen(), @r"
    bear  demo  local  fleets/demo.yaml  5 instances  1 unreachable  1 unhealthy  1 unverified  1 not made  1 healthy
    demo-broker-2                                                                   Log  follows what is written  ────────────────────────────────────────────────
      state           ✗ unreachable                                                 line 9 \u{1b}[31m
      because         port 20003 can't be reached: Connection refused               line 10 \u{1b}[31m
      what to do      a looks what is missing, and makes that anew                  line 11 \u{1b}[31m
      address         127.0.0.1:20003                                               line 12 \u{1b}[31m
      broker          embedded 0.1.0                                                line 13 \u{1b}[31m
      ports           mqtt 20003, dashboard 20005                                   line 14 \u{1b}[31m
      checks          10 passed                                                     line 15 \u{1b}[31m
      phase           verified, 1m ago                                              line 16 \u{1b}[31m
      machine         m                                                             line 17 \u{1b}[31m
                                                                                    line 18 \u{1b}[31m
    Last proof  2026-11-22 06:00:00Z                                                line 19 \u{1b}[31m
      ok    tcp                                  2.0ms                              line 20 \u{1b}[31m
      FAIL  mqtt.qos1                             40ms                              line 21 \u{1b}[31m
            2 messages came instead of 1                                            line 22 \u{1b}[31m
                                                                                    line 23 \u{1b}[31m
    History                                                                         line 24 \u{1b}[31m
      2026-11-22 06:00:00Z  verify   failed                                         line 25 \u{1b}[31m
            1 of 2 checks failed                                                    line 26 \u{1b}[31m
      2026-11-22 06:00:00Z  apply    succeeded                                      line 27 \u{1b}[31m
      2026-11-22 06:00:00Z  verified since then                                     line 28 \u{1b}[31m
                                                                                    line 29 \u{1b}[31m
    Configuration                                                                   line 30 \u{1b}[31m
                                                                                                                                                        1-23 of 27
    Tab scroll log  a apply  l log  o open  n new  d remove  v verify  Esc back  ? help
    ");
}

#[test]
fn a_small_page_of_an_instance_shows_one_thing_at_a_time() {
    let mut session = page((40, 16));
    insta::assert_snapshot!(session.screen(), @"
    bear  demo  5  1 unreachable…
    demo-broker-2
      state           ✗ unreachable
      because         port 20003 can't be
                      reached: Connection
                      refused
      what to do      a looks what is
                      missing, and makes
                      that anew
      address         127.0.0.1:20003
      broker          embedded 0.1.0
      ports           mqtt 20003, dashboard
                                1-11 of 34
    Tab scroll log  a apply  l log  o open
    n new  d remove  v verify  Esc back
    ? help
    ");
    session.press("<Tab>");
    insta::assert_snapshot!(session.screen(), @r"
     bear  demo  5  1 unreachable…
    >Log  follows what is written  ────────
     line 21 \u{1b}[31m
     line 22 \u{1b}[31m
     line 23 \u{1b}[31m
     line 24 \u{1b}[31m
     line 25 \u{1b}[31m
     line 26 \u{1b}[31m
     line 27 \u{1b}[31m
     line 28 \u{1b}[31m
     line 29 \u{1b}[31m
     line 30 \u{1b}[31m

     Tab scroll page  a apply  l log
     o open  n new  d remove  v verify
     / search  Esc back  ? help
    ");
}

#[test]
fn an_instance_that_the_file_changes() {
    let mut session = Session::with(PLANT, 2, (80, 50));
    let changed = fleet(&PLANT.replace("2.0.18", "2.0.20"), 0);
    let mut both = fleet(PLANT, 2);
    for (old, new) in both.instances.iter_mut().zip(changed.instances) {
        old.spec = new.spec;
    }
    let files = vec![both.file.clone()];
    session.tell(Message::Loaded(Box::new(Snapshot { files, fleet: Some(both), failure: None })));
    session.press("<Enter>");
    let screen = session.screen();
    let part = screen.split_once("What the file changes").unwrap().1;
    insta::assert_snapshot!(part.split_once("Log").unwrap().0, @"
    ; a applies it
       @@ -4,5 +4,5 @@
          user: ubuntu
        broker:
          mosquitto:
       -    version: 2.0.18
       +    version: 2.0.20
            container: true
    ");
}

#[test]
fn a_proof_is_watched_while_it_goes_on() {
    let mut session = page((80, 46));
    session.press("v");
    let step = step(StepKind::Verify, "demo-broker-2");
    session.tell(event(91, started(Operation::Verify, 1)));
    session.tell(event(91, What::StepStarted { step: step.clone() }));
    let check = CheckResult::passed(CheckName::Qos2, Duration::from_millis(7));
    session.tell(event(92, What::CheckEnded { step: step.clone(), check }));
    session.press("<Esc>");
    let part = |session: &Session| {
        let screen = session.screen();
        screen.split_once("Proof that").map(|(_, rest)| rest.split_once("History").unwrap().0.to_owned())
    };
    insta::assert_snapshot!(part(&session).unwrap(), @"
    goes on
      ok    mqtt.qos2                            7.0ms
    ");
    session.tell(event(93, What::StepSucceeded { step, seconds: 2.0 }));
    session.tell(event(93, summary(true, 1, 0, 0)));
    assert_eq!(part(&session), None);
    assert!(session.screen().contains("Last proof"), "{}", session.screen());
}

#[test]
fn what_goes_away_takes_its_page_along() {
    let mut session = Session::with(DEMO, 5, (80, 24));
    session.press("<Down><Down><Enter>l");
    session.load(&DEMO.replace("count: 3", "count: 2"), 2);
    let screen = session.screen();
    assert!(screen.contains("demo-broker-3 is gone: neither wanted nor there any more"), "{screen}");
    assert!(screen.contains("● demo-broker-2"), "{screen}");
    assert!(session.wanted().contains(&Effect::Unfollow));
}

#[test]
fn a_log_follows_what_is_written_until_somebody_scrolls() {
    let mut session = Session::with(DEMO, 5, (60, 12));
    session.press("l");
    write(&mut session, 1..=100);
    insta::assert_snapshot!(session.screen(), @r"
    bear  demo  5 instances  5 healthy
    Log of demo-broker-1  follows what is written  ───────────
    line 93 \u{1b}[31m
    line 94 \u{1b}[31m
    line 95 \u{1b}[31m
    line 96 \u{1b}[31m
    line 97 \u{1b}[31m
    line 98 \u{1b}[31m
    line 99 \u{1b}[31m
    line 100 \u{1b}[31m

    / search  Esc back  ? help
    ");
    session.press("k");
    write(&mut session, 101..=101);
    insta::assert_snapshot!(session.screen(), @r"
    bear  demo  5 instances  5 healthy
    Log of demo-broker-1  2 lines below, End follows  ────────
    line 92 \u{1b}[31m
    line 93 \u{1b}[31m
    line 94 \u{1b}[31m
    line 95 \u{1b}[31m
    line 96 \u{1b}[31m
    line 97 \u{1b}[31m
    line 98 \u{1b}[31m
    line 99 \u{1b}[31m

    / search  Esc back  ? help
    ");
    session.press("<End>");
    assert!(session.screen().contains("line 101"), "{}", session.screen());
    session.press("<Right>");
    assert!(!session.screen().contains("from column"), "all of it is to be seen: {}", session.screen());
    let reading = session.model.log.reading;
    session.tell(Message::Line { reading, line: format!("{}end", "-".repeat(70)) });
    session.press("<Right>");
    assert!(
        session.screen().contains("from column 15") && session.screen().contains("---end"),
        "as far as there is something to see: {}",
        session.screen()
    );
}

#[test]
fn the_log_within_the_page_is_scrolled_by_itself() {
    let mut session = page((80, 30));
    let shows = |session: &Session, text: &str| session.screen().lines().any(|line| line.contains(text));
    assert!(
        shows(&session, "line 30") && shows(&session, "port 20003 can't be reached"),
        "{}",
        session.screen()
    );
    session.press("<Tab><Home>");
    write(&mut session, 31..=40);
    assert!(shows(&session, "line 1 ") && !shows(&session, "line 40"), "{}", session.screen());
    assert!(
        shows(&session, "port 20003 can't be reached"),
        "the page stays where it is: {}",
        session.screen()
    );
    session.press("<Tab><End>");
    assert!(shows(&session, "line 1 "), "the log stays where it is: {}", session.screen());
    assert!(shows(&session, "free ones of this machine"), "{}", session.screen());
}

#[test]
fn the_mouse_scrolls_what_it_is_over() {
    let mut session = page((80, 30));
    let mouse = |session: &mut Session, kind, row| {
        let modifiers = KeyModifiers::NONE;
        session.tell(Message::Mouse(MouseEvent { kind, column: 10, row, modifiers }));
    };
    let before = session.screen();
    let log = before.lines().position(|line| line.starts_with(" Log")).unwrap();
    let log = u16::try_from(log).unwrap();
    mouse(&mut session, MouseEventKind::ScrollUp, log + 2);
    assert!(session.screen().contains("3 lines below, End follows"), "{}", session.screen());
    mouse(&mut session, MouseEventKind::ScrollDown, 3);
    assert_ne!(session.screen().lines().nth(1), before.lines().nth(1), "{}", session.screen());
    mouse(&mut session, MouseEventKind::Down(MouseButton::Left), log + 2);
    session.press("<End>");
    assert!(session.screen().contains("follows what is written"), "{}", session.screen());
}

#[test]
fn a_search_in_a_log_leaves_the_lines_it_finds() {
    let mut session = page((80, 30));
    session.press("/LINE 2");
    let screen = session.screen();
    assert!(screen.contains("line 29") && !screen.contains("line 30"), "{screen}");
    assert!(screen.contains("search: LINE 2"), "{screen}");
    session.press("<Enter>");
    write(&mut session, [31, 200].into_iter());
    assert!(session.screen().contains("line 200") && !session.screen().contains("line 31"));
    session.press("/x<Enter>");
    assert!(session.screen().contains("no line has that text"), "{}", session.screen());
    session.press("<Esc>");
    assert!(session.screen().contains("line 31"), "{}", session.screen());
    assert!(session.screen().contains("port 20003"), "Esc ends the search first: {}", session.screen());
}
