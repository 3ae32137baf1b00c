//! What is on the screen, at 40, 80 and 200 columns.

use bear_core::check::{CheckName, CheckResult};
use bear_core::event::Outcome;

use super::*;
use crate::{History, PastRun, Proof, Question};

/// A fleet that is not all well.
fn unwell(size: (u16, u16)) -> Session {
    let mut session = Session::with(DEMO, 4, size);
    let felt = pulses(&fleet(DEMO, 4), |at| match at {
        1 => Health::Unreachable { why: "port 20003 can't be reached: Connection refused".to_owned() },
        2 => Health::Unhealthy { why: "it closed the connection".to_owned() },
        3 => Health::Unverified { why: None },
        _ => Health::Healthy,
    });
    session.tell(felt);
    session.tell(Message::Tick(dawn().checked_add(SignedDuration::from_secs(90)).unwrap()));
    session.press("j");
    session
}

#[test]
fn a_fleet_at_40_columns() {
    insta::assert_snapshot!(unwell((40, 16)).screen(), @"
     bear  demo  5  1 unreachable  1 unhealt
       instance         state
     ▾ broker  3  1 unreachable  1 unhealthy
     ● demo-broker-1    healthy
    >✗ demo-broker-2    unreachable
     ▲ demo-broker-3    unhealthy
     ▾ edge  2  1 unverified  1 not made
     ◐ demo-edge-paris  unverified
     + demo-edge-lyon   not made



     demo-broker-2: port 20003 can't be re…
     Enter look at it  p plan  a apply
     l log  o open  n new  d remove
     v verify  V verify all  ? help
    ");
}

#[test]
fn a_fleet_at_80_columns() {
    insta::assert_snapshot!(unwell((80, 16)).screen(), @"
     bear  demo  5 instances  1 unreachable  1 unhealthy  1 unverified  1 not made
       instance         state        address                broker
     ▾ broker  3 instances  1 unreachable  1 unhealthy  1 healthy
     ● demo-broker-1    healthy      127.0.0.1:20000        embedded 0.1.0
    >✗ demo-broker-2    unreachable  127.0.0.1:20003        embedded 0.1.0
     ▲ demo-broker-3    unhealthy    127.0.0.1:20006        embedded 0.1.0
     ▾ edge  2 instances  1 unverified  1 not made
     ◐ demo-edge-paris  unverified   127.0.0.1:20009        embedded 0.1.0
     + demo-edge-lyon   not made                            embedded




     demo-broker-2: port 20003 can't be reached: Connection refused
     Enter look at it  p plan  a apply  l log  o open  n new  d remove  v verify
     V verify all  D destroy  / search  q quit  ? help
    ");
}

#[test]
fn a_fleet_at_200_columns() {
    insta::assert_snapshot!(unwell((200, 14)).screen(), @"
     bear  demo  local  fleets/demo.yaml  5 instances  1 unreachable  1 unhealthy  1 unverified  1 not made  1 healthy
       instance         state        address                broker            latency  checks  since     ports
     ▾ broker  3 instances  1 unreachable  1 unhealthy  1 healthy
     ● demo-broker-1    healthy      127.0.0.1:20000        embedded 0.1.0    1.5ms    10 ok   1m ago    mqtt 20000, dashboard 20002
    >✗ demo-broker-2    unreachable  127.0.0.1:20003        embedded 0.1.0             10 ok   1m ago    mqtt 20003, dashboard 20005             port 20003 can't be reached: Connection refused
     ▲ demo-broker-3    unhealthy    127.0.0.1:20006        embedded 0.1.0             10 ok   1m ago    mqtt 20006, dashboard 20008             it closed the connection
     ▾ edge  2 instances  1 unverified  1 not made
     ◐ demo-edge-paris  unverified   127.0.0.1:20009        embedded 0.1.0    1.5ms    10 ok   1m ago    mqtt 20009, dashboard 20011
     + demo-edge-lyon   not made                            embedded



     demo-broker-2: port 20003 can't be reached: Connection refused
     Enter look at it  p plan  a apply  l log  o open  n new  d remove  v verify  V verify all  D destroy  / search  q quit  ? help
    ");
}

#[test]
fn what_stands_in_for_characters_that_a_terminal_lacks() {
    let mut session = unwell((60, 14));
    session.model.style.unicode = false;
    let screen = session.screen();
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!(screen, @"
     bear  demo  5 instances  1 unreachable  1 unhealthy  1 unve
       instance         state        address
     v broker  3 instances  1 unreachable  1 unhealthy  1 health
     * demo-broker-1    healthy      127.0.0.1:20000
    >x demo-broker-2    unreachable  127.0.0.1:20003
     ! demo-broker-3    unhealthy    127.0.0.1:20006
     v edge  2 instances  1 unverified  1 not made
     ~ demo-edge-paris  unverified   127.0.0.1:20009
     + demo-edge-lyon   not made


     demo-broker-2: port 20003 can't be reached: Connection ...
     Enter look at it  p plan  a apply  l log  o open  n new
     d remove  v verify  V verify all  D destroy  ? help
    ");
}

#[test]
fn the_first_start() {
    let mut session = Session::new((80, 16));
    session.tell(Message::Loaded(Box::default()));
    session.press("mine<Tab>");
    insta::assert_snapshot!(session.screen(), @"
     bear


    ╭ A new fleet ─────────────────────────────────────────────────────────────────╮
    │ There is no fleet here yet. This writes fleets/NAME.yaml, a file to edit and │
    │ to keep in git.                                                              │
    │                                                                              │
    │   name     mine                                                              │
    │ > provider (x) local  processes of this machine                              │
    │            ( ) hosts  machines that exist, over SSH                          │
    │            ( ) aws    machines on Amazon EC2                                 │
    ╰──────────────────────────────────────────────────────────────────────────────╯



     Enter next  Tab other field  Esc cancel
    ");
}

#[test]
fn a_plan_and_the_question_about_it() {
    let mut session = Session::with(DEMO, 3, (80, 18));
    session.press("a");
    session.tell(Message::Planned(plan(DEMO, 3)));
    session.tell(Message::Asked(Question::YesNo("Do you want to apply this plan?".to_owned())));
    insta::assert_snapshot!(session.screen(), @"
     bear  demo  5 instances  2 not made  3 healthy

     Plan: 2 to create, 3 unchanged

       + demo-edge-paris  create, install, verify
            provider        local
            broker          embedded
            authentication  off (default)
            ports           free ones of this machine (default)
       + demo-edge-lyon  create, install, verify



    ────────────────────────────────────────────────────────────────────────────────
     Do you want to apply this plan?
     y yes   n no

     y yes  n no
    ");
}

#[test]
fn the_page_of_an_instance() {
    let mut session = unwell((80, 36));
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
    insta::assert_snapshot!(session.screen(), @"
    bear  demo  5 instances  1 unreachable  1 unhealthy  1 unverified  1 not made
    demo-broker-2
      state           ✗ unreachable
      because         port 20003 can't be reached: Connection refused
      address         127.0.0.1:20003
      broker          embedded 0.1.0
      ports           mqtt 20003, dashboard 20005
      checks          10 passed
      phase           verified, 1m ago
      machine         m

    Last proof
      2026-11-22 06:00:00Z
      ok    tcp                                  2.0ms
      FAIL  mqtt.qos1                             40ms
            2 messages came instead of 1

    History
      2026-11-22 06:00:00Z  verify   failed
            1 of 2 checks failed
      2026-11-22 06:00:00Z  apply    succeeded
      2026-11-22 06:00:00Z  verified since then

    What it shall be
      provider        local
      broker          embedded
      authentication  off (default)
      ports           free ones of this machine (default)







    l log  o open  n new  d remove  v verify  Esc back  ? help
    ");
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let plain = unwell((120, 16));
    let mut coloured = unwell((120, 16));
    coloured.model.style.colour = true;
    assert_eq!(plain.screen(), coloured.screen());
    let mut terminal = Terminal::new(TestBackend::new(120, 16)).unwrap();
    terminal.draw(|frame| view(&plain.model, frame)).unwrap();
    let is_plain = |cell: &ratatui::buffer::Cell| cell.fg == ratatui::style::Color::Reset;
    assert!(terminal.backend().buffer().content().iter().all(is_plain));
}

#[test]
fn only_what_is_on_the_screen_is_laid_out() {
    for count in [10, 1_000, 10_000] {
        let text = DEMO.replace("count: 3", &format!("count: {count}"));
        let mut session = Session::with(&text, count, (200, 50));
        session.press("<End>");
        let lines = crate::view::table_lines(&session.model, 200, 46);
        assert!(lines.len() <= 46, "{count}");
        session.press("<Home><PgDn>/healthy");
        assert!(crate::view::table_lines(&session.model, 200, 46).len() <= 46, "{count}");
    }
}

#[test]
fn a_log_follows_what_is_written_until_somebody_scrolls() {
    let mut session = Session::with(DEMO, 5, (60, 12));
    session.press("l");
    let instance = InstanceName::new("demo-broker-1").unwrap();
    for line in 1..=100 {
        session.tell(Message::Line(instance.clone(), format!("line {line} \u{1b}[31m")));
    }
    assert!(session.screen().contains(r"line 100 \u{1b}[31m"), "{}", session.screen());
    session.press("k");
    session.tell(Message::Line(instance, "line 101".to_owned()));
    assert!(session.screen().contains("line 99"), "{}", session.screen());
    assert!(!session.screen().contains("line 100"), "{}", session.screen());
    session.press("<End>");
    assert!(session.screen().contains("line 101"), "{}", session.screen());
}
