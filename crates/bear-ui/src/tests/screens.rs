//! What is on the screen, at 40, 80 and 200 columns.

use super::*;
use crate::{Failure, Survey};

/// A fleet that is not all well.
pub(super) fn unwell(size: (u16, u16)) -> Session {
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
     bear  demo  5  1 unreachable…
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
     bear  demo  5 instances  1 unreachable  1 unhealthy...
       instance         state        address
     v broker  3 instances  1 unreachable  1 unhealthy...
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
fn the_fleets_of_a_project() {
    let mut session = Session::new((80, 12));
    let files = ["fleets/demo.yaml", "fleets/plant.yaml", "fleets/wrong.yaml"].map(str::to_owned).to_vec();
    session.tell(Message::Loaded(Box::new(Snapshot { files: files.clone(), ..Snapshot::default() })));
    let failure = Failure { what: "the fleet file can't be taken".to_owned(), why: Vec::new(), help: None };
    let demo = fleet(DEMO, 5);
    let ill = Health::Unreachable { why: "gone".to_owned() };
    let pulses = demo.instances.iter().map(|it| (it.name.clone(), Pulse::from(Health::Healthy)));
    let pulses = pulses.take(4).chain([(demo.instances[4].name.clone(), Pulse::from(ill))]).collect();
    let survey = |file: &str, fleet, pulses, failure| {
        Message::Surveyed(Box::new(Survey { file: file.to_owned(), fleet, pulses, failure }))
    };
    session.tell(survey(&files[0], Some(demo), pulses, None));
    session.tell(survey(&files[2], None, Vec::new(), Some(failure)));
    insta::assert_snapshot!(session.screen(), @"
     bear
       fleet              from   instances
    >  demo               local  5 instances  1 unreachable  4 healthy
       fleets/plant.yaml  looking
       fleets/wrong.yaml  the fleet file can't be taken






     Enter choose  n new fleet  q quit  ? help
    ");
    session.tell(survey(&files[1], Some(fleet(PLANT, 0)), Vec::new(), None));
    session.tell(Message::Resized(40, 12));
    session.press("j");
    insta::assert_snapshot!(session.screen(), @"
     bear
       fleet          instances
       demo           5  1 unreachable…
    >  plant          2  2 not made
       fleets/wrong…  the fleet file can't …





     Enter choose  n new fleet  q quit
     ? help
    ");
}

#[test]
fn how_much_of_the_table_is_on_the_screen() {
    let mut session = Session::with(&DEMO.replace("count: 3", "count: 1000"), 1_000, (80, 10));
    session.press("<End>");
    let screen = session.screen();
    assert!(screen.contains("999-1,004 of 1,004"), "{screen}");
    assert!(screen.contains(">+ demo-edge-lyon"), "{screen}");
}

#[test]
fn a_folder_without_a_fleet_says_so() {
    let mut session = Session::new((60, 12));
    session.tell(Message::Loaded(Box::default()));
    session.press("<Esc>");
    insta::assert_snapshot!(session.screen(), @"
    bear
    There is no fleet here yet. A fleet is a file in fleets/
    that says which instances there shall be; n writes one.








    n new fleet  q quit  ? help
    ");
}

#[test]
fn a_file_that_is_wrong_for_the_moment_takes_nothing_away() {
    let mut session = Session::with(DEMO, 5, (90, 14));
    let mut recorded = fleet(DEMO, 5);
    for group in &mut recorded.groups {
        group.members = Members::Gone;
    }
    let failure = Failure {
        what: "the fleet file can't be taken as it is".to_owned(),
        why: vec!["line 3: there is no key `groop`".to_owned()],
        help: None,
    };
    let snapshot =
        Snapshot { files: vec![recorded.file.clone()], fleet: Some(recorded), failure: Some(failure) };
    session.tell(Message::Loaded(Box::new(snapshot)));
    session.press("n");
    assert!(session.screen().contains("the fleet file can't be read; m tells why"), "{}", session.screen());
    session.press("m");
    insta::assert_snapshot!(session.screen(), @"
    bear  demo  5 instances  5 healthy
    06:00:00Z  the fleet file can't be taken as it is; line 3: there is no key `groop`










    the fleet file can't be taken as it is; line 3: there is no key `groop`
    Esc back  ? help
    ");
}

/// The keys that lead to every page and box there is, from the list of a fleet.
const WAYS: [&str; 10] = ["", "?", "<Enter>", "<Enter><Tab>", "<Enter>?", "l", "m", "r", "f", "f?"];

#[test]
fn every_page_does_without_characters_that_a_terminal_lacks() {
    for way in WAYS {
        let mut session = unwell((100, 30));
        session.model.style.unicode = false;
        session.tell(Message::Note("something".to_owned()));
        session.tell(event(0, started(Operation::Verify, 2)));
        session.tell(event(0, What::StepStarted { step: step(StepKind::Verify, "demo-broker-1") }));
        session.press(&format!("<Esc>{way}"));
        assert!(session.screen().is_ascii(), "{way}: {}", session.screen());
    }
}

#[test]
fn help_is_never_out_of_sight() {
    for size in [(40, 8), (40, 24), (80, 24), (150, 30), (300, 100)] {
        for way in WAYS.into_iter().filter(|way| !way.ends_with('?')) {
            let mut session = unwell(size);
            session.press(way);
            assert!(session.screen().contains("? help"), "{way} at {size:?}: {}", session.screen());
        }
    }
}
