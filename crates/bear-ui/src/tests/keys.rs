//! What keys do: effects, and what follows.

use bear_core::fleet::Edit;
use bear_core::fleet::model::ProviderKind;
use bear_core::name::{FleetName, InstanceName, MemberName};
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::{Failure, Question};

const SIZE: (u16, u16) = (100, 24);

fn file() -> String {
    "fleets/demo.yaml".to_owned()
}

/// What keys want done in a fleet of which everything is made.
#[track_caller]
fn check(text: &str, keys: &str, expected: &[Effect]) {
    let mut session = Session::with(text, 5, SIZE);
    session.press(keys);
    assert_eq!(session.wanted(), expected, "{keys}");
}

fn edit(edit: Edit) -> Effect {
    Effect::Edit { file: file(), edit }
}

#[test]
fn each_key_wants_one_thing() {
    check(DEMO, "p", &[Effect::Plan { file: file() }]);
    check(DEMO, "a", &[Effect::Apply { file: file() }]);
    check(DEMO, "D", &[Effect::Destroy { file: file() }]);
    check(DEMO, "V", &[Effect::Verify { file: file(), only: vec![] }]);
    check(DEMO, "v", &[Effect::Verify { file: file(), only: vec!["demo-broker-1".to_owned()] }]);
    check(DEMO, "<Home>v", &[Effect::Verify { file: file(), only: vec!["broker".to_owned()] }]);
    let instance = InstanceName::new("demo-broker-2").unwrap();
    check(DEMO, "jo", &[Effect::OpenBrowser { file: file(), instance: instance.clone() }]);
    check(DEMO, "q", &[Effect::Quit]);
    check(DEMO, "<C-c>", &[Effect::Quit]);
    let paris = InstanceName::new("plant-edge-paris").unwrap();
    check(PLANT, "s", &[Effect::Reach { file: file(), instance: paris }]);
}

#[test]
fn what_is_not_possible_does_nothing() {
    #[track_caller]
    fn check(text: &str, made: usize, keys: &str, why: &str) {
        let mut session = Session::with(text, made, SIZE);
        session.press(keys);
        assert_eq!(session.wanted(), [], "{keys}");
        assert!(session.screen().contains(why), "{keys}: {}", session.screen());
    }
    check(DEMO, 5, "s", "it runs on this machine, so there is nothing to log in to");
    check(DEMO, 5, "u", "the embedded broker is part of bear: its version is bear's");
    check(DEMO, 5, "r", "there was no run since bear ui began");
    check(DEMO, 5, "<End><Up><Up>d", "choose the member that shall go");
    check(DEMO, 5, "<Home>o", "choose an instance for that, not a group");
    for key in ["v", "l", "o", "s"] {
        check(DEMO, 0, key, "it is not made yet; a makes it");
    }
    for key in ["V", "D"] {
        check(DEMO, 0, key, "nothing of the fleet is made yet; a makes it");
    }
    check(&DEMO.replace("count: 3", "count: 0"), 2, "<Home>d", "there is none to remove");
    let mut busy = Session::with(DEMO, 5, SIZE);
    busy.press("V");
    busy.wanted();
    busy.press("a");
    assert_eq!(busy.wanted(), []);
    assert!(busy.screen().contains("one thing at a time: wait for what goes on to end"), "{}", busy.screen());
}

#[test]
fn a_shell_takes_the_screen_unless_somebody_goes_on() {
    #[track_caller]
    fn check(keys: &str, expected: &[Effect]) {
        let mut session = Session::with(PLANT, 2, SIZE);
        session.press("s");
        assert!(
            session.screen().contains("reaching plant-edge-paris… Esc stops that"),
            "{}",
            session.screen()
        );
        session.wanted();
        session.press(keys);
        session.tell(Message::Reached(InstanceName::new("plant-edge-paris").unwrap()));
        assert_eq!(session.wanted(), expected, "{keys}");
    }
    check("", &[Effect::Shell(InstanceName::new("plant-edge-paris").unwrap())]);
    check("<Esc>", &[]);
    check("j", &[]);
}

#[test]
fn the_log_is_that_of_the_page() {
    let mut session = Session::with(DEMO, 5, SIZE);
    let instance = |name| InstanceName::new(name).unwrap();
    let follow = |name, reading| Effect::Follow { file: file(), instance: instance(name), reading };
    let look_up = |name| Effect::LookUp { file: file(), instance: instance(name) };
    session.press("<Enter>");
    assert_eq!(session.wanted(), [look_up("demo-broker-1"), follow("demo-broker-1", 1)]);
    session.tell(Message::Note("something".to_owned()));
    session.press("l<Esc>m<Esc>");
    assert_eq!(session.wanted(), [], "it is the same log on each of them");
    session.press("<Esc>");
    assert_eq!(session.wanted(), [Effect::Unfollow]);
    session.press("jl");
    assert_eq!(session.wanted(), [follow("demo-broker-2", 3)]);
    // What was on its way from another log does not get into this one.
    session.tell(Message::Line { reading: 1, line: "of another".to_owned() });
    session.tell(Message::Line { reading: 3, line: "of this one".to_owned() });
    assert!(session.screen().contains("of this one") && !session.screen().contains("another"));
}

#[test]
fn a_log_that_ended_is_read_again() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("<Enter>");
    session.wanted();
    let line = |reading, line: &str| Message::Line { reading, line: line.to_owned() };
    session.tell(line(1, "before"));
    let failure = Failure { what: "could not reach it".to_owned(), why: Vec::new(), help: None };
    session.tell(Message::LogEnded { reading: 1, failure: Some(failure) });
    let words = ["before", "could not reach it", "can't be read; bear tries again"];
    assert!(words.iter().all(|word| session.screen().contains(word)), "{}", session.screen());
    let later = |seconds| Message::Tick(dawn().checked_add(SignedDuration::from_secs(seconds)).unwrap());
    session.tell(later(1));
    assert_eq!(session.wanted(), []);
    session.tell(later(5));
    let instance = InstanceName::new("demo-broker-1").unwrap();
    assert!(session.wanted().contains(&Effect::Follow { file: file(), instance, reading: 2 }));
    session.tell(line(2, "after"));
    assert!(
        session.screen().contains("after") && !session.screen().contains("before"),
        "{}",
        session.screen()
    );
    assert!(!session.screen().contains("could not reach it"), "{}", session.screen());
}

#[test]
fn a_log_begins_when_there_is_one() {
    let mut session = Session::with(DEMO, 0, SIZE);
    session.press("<Enter>");
    let instance = InstanceName::new("demo-broker-1").unwrap();
    assert_eq!(session.wanted(), [Effect::LookUp { file: file(), instance: instance.clone() }]);
    assert!(session.screen().contains("a makes it"), "{}", session.screen());
    session.load(DEMO, 1);
    assert!(session.wanted().contains(&Effect::Follow { file: file(), instance, reading: 1 }));
    session.load(DEMO, 0);
    assert!(session.wanted().contains(&Effect::Unfollow));
}

#[test]
fn a_quick_escape_and_a_letter_are_two_keys() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("<Enter>");
    session.wanted();
    session.tell(Message::Key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::ALT)));
    assert_eq!(session.wanted(), [Effect::Plan { file: file() }, Effect::Unfollow]);
    let mut other = Session::with(DEMO, 5, SIZE);
    other.tell(Message::Key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL)));
    assert_eq!(other.wanted(), []);
}

#[test]
fn a_group_with_a_count_grows_and_shrinks_at_its_end() {
    check(DEMO, "n", &[edit(Edit::Count { group: group("broker"), count: 4 })]);
    check(DEMO, "d", &[edit(Edit::Count { group: group("broker"), count: 2 })]);
}

#[test]
fn a_member_has_a_name_and_a_host() {
    let member = |name: &str, address: Option<&str>| Edit::AddMember {
        group: group("edge"),
        member: MemberName::new(name).unwrap(),
        address: address.map(str::to_owned),
    };
    check(DEMO, "<End>nnice<Enter>", &[edit(member("nice", None))]);
    check(PLANT, "nnice<Enter>192.0.2.12<Enter>", &[edit(member("nice", Some("192.0.2.12")))]);
    // Neither a name that is none nor a host without an address is taken.
    check(PLANT, "nNICE<Enter>192.0.2.12<Enter>", &[]);
    check(PLANT, "nnice<Enter><Enter>", &[]);
    let lyon = MemberName::new("lyon").unwrap();
    check(DEMO, "<End>d", &[edit(Edit::RemoveMember { group: group("edge"), member: lyon })]);
}

#[test]
fn another_version_begins_with_the_present_one() {
    let version = Edit::Version { group: group("edge"), version: "2.0.19".to_owned() };
    check(PLANT, "u<Back>9<Enter>", &[edit(version)]);
}

#[test]
fn the_first_start_asks_for_a_name_and_a_provider() {
    let mut session = Session::new(SIZE);
    session.tell(Message::Loaded(Box::default()));
    session.press("My Fleet<Enter><Enter>");
    assert_eq!(session.wanted(), [], "that is no name");
    session.press("<Back><Back><Back><Back><Back><Back><Back><Back>mine<Tab><Right><Enter>");
    let name = FleetName::new("mine").unwrap();
    let provider = ProviderKind::Hosts;
    assert_eq!(session.wanted(), [Effect::CreateFleet { name, provider }]);
    session.tell(Message::Created { file: "fleets/mine.yaml".to_owned(), provider });
    let words = "wrote `fleets/mine.yaml`; put the addresses of your hosts in it, then a applies it";
    assert!(session.screen().contains(words), "{}", session.screen());
    assert_eq!(session.wanted(), [Effect::Load { file: Some("fleets/mine.yaml".to_owned()) }]);
}

#[test]
fn one_of_several_fleets_is_chosen() {
    let mut session = Session::new(SIZE);
    let files = vec!["fleets/a.yaml".to_owned(), "fleets/b.yaml".to_owned()];
    session.tell(Message::Loaded(Box::new(Snapshot { files: files.clone(), ..Snapshot::default() })));
    assert_eq!(session.wanted(), [Effect::Survey { files: files.clone() }]);
    session.press("j<Enter>");
    assert_eq!(session.wanted(), [Effect::Load { file: Some(files[1].clone()) }]);
    // From the fleet that is shown the way back is to all of them, and they are looked at again while they are shown.
    session.load(DEMO, 5);
    session.tell(Message::SurveyEnded);
    session.wanted();
    session.tell(Message::Tick(dawn().checked_add(SignedDuration::from_secs(9)).unwrap()));
    assert_eq!(session.wanted().len(), 1, "the fleet that is shown alone");
    session.press("f");
    assert_eq!(session.wanted(), [Effect::Survey { files: vec![file()] }]);
    session.press("n");
    assert!(session.screen().contains("A new fleet"), "{}", session.screen());
}

#[test]
fn nothing_is_changed_without_a_yes() {
    #[track_caller]
    fn check(question: Question, keys: &str, answer: &str) {
        let mut session = Session::with(DEMO, 0, SIZE);
        session.press("a");
        session.wanted();
        session.tell(Message::Planned(plan(DEMO, 0)));
        session.tell(Message::Asked(question));
        session.press(keys);
        assert_eq!(session.wanted(), [Effect::Answer(answer.to_owned())], "{keys}");
    }
    let yes_no = || Question::YesNo("Do you want to?".to_owned());
    check(yes_no(), "y", "y");
    check(yes_no(), "jjkG y", "y");
    for no in ["n", "<Esc>", "<Enter>", "<C-c>"] {
        check(yes_no(), no, "");
    }
    let typed = || Question::Typed { text: "Type it:".to_owned(), wanted: "demo".to_owned() };
    check(typed(), "demo<Enter>", "demo");
    check(typed(), "demp<Back>o<Enter>", "demo");
    check(typed(), "y<Enter>", "y");
    check(typed(), "demo<Esc>", "");
}

#[test]
fn there_is_one_thing_at_a_time() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("Vapn");
    assert_eq!(session.wanted().len(), 1);
    session.tell(event(0, started(Operation::Verify, 5)));
    session.press("<Esc>q");
    assert_eq!(session.wanted(), [], "nobody leaves a run by mistake");
    session.press("<C-c><C-c>");
    assert_eq!(session.wanted(), [Effect::Interrupt, Effect::Interrupt]);
    session.tell(event(3, summary(true, 5, 0, 0)));
    session.tell(Message::Finished);
    assert_eq!(session.wanted(), [Effect::Load { file: Some(file()) }]);
    session.press("q");
    assert_eq!(session.wanted(), [Effect::Quit]);
}

#[test]
fn after_a_run_the_page_that_led_to_it_tells_of_it() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("<Enter>v");
    session.tell(event(0, started(Operation::Verify, 1)));
    session.tell(event(3, summary(true, 1, 0, 0)));
    session.wanted();
    session.tell(Message::Finished);
    let instance = InstanceName::new("demo-broker-1").unwrap();
    let expected = [Effect::Load { file: Some(file()) }, Effect::LookUp { file: file(), instance }];
    assert_eq!(session.wanted(), expected);
}

#[test]
fn what_is_shown_is_looked_at_again() {
    let mut session = Session::with(DEMO, 5, SIZE);
    let later = |seconds| dawn().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    session.tell(Message::Tick(later(1)));
    assert_eq!(session.wanted(), []);
    session.tell(Message::Tick(later(2)));
    assert_eq!(session.wanted(), [Effect::Load { file: Some(file()) }]);
    session.tell(Message::Tick(later(9)));
    assert_eq!(session.wanted(), [], "the answer is still to come");
    session.load(DEMO, 5);
    assert_eq!(session.wanted(), [Effect::LookAtHealth { file: file() }]);
}

#[test]
fn a_search_leaves_what_it_finds() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("/lyon<Enter>v");
    assert_eq!(session.wanted(), [Effect::Verify { file: file(), only: vec!["demo-edge-lyon".to_owned()] }]);
    assert_eq!(session.model.rows.len(), 2);
    session.press("<Esc>");
    assert_eq!(session.model.rows.len(), 7);
    assert!(session.screen().contains(">● demo-edge-lyon"), "the cursor stays");
}

#[test]
fn the_cursor_stays_with_its_instance() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("jj");
    assert!(session.screen().contains(">● demo-broker-3"));
    let grown = DEMO.replace("count: 3", "count: 9");
    session.load(&grown, 5);
    assert!(session.screen().contains(">● demo-broker-3"));
    session.load(&DEMO.replace("count: 3", "count: 1"), 3);
    assert!(session.model.rows.selected().is_some());
}

#[test]
fn the_mouse_selects_and_presses_keys() {
    let mut session = Session::with(DEMO, 5, SIZE);
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    session.tell(click(10, 5));
    assert!(session.screen().contains(">● demo-broker-3"), "{}", session.screen());
    session.tell(click(10, 5));
    let wanted = session.wanted();
    assert!(matches!(wanted[..], [Effect::LookUp { .. }, Effect::Follow { .. }]), "a second click opens it");
    session.press("<Esc>");
    session.wanted();
    let screen = session.screen();
    let row = screen.lines().position(|line| line.contains("p plan")).unwrap();
    let column = screen.lines().nth(row).unwrap().find("p plan").unwrap();
    session.tell(click(u16::try_from(column).unwrap(), u16::try_from(row).unwrap()));
    assert_eq!(session.wanted(), [Effect::Plan { file: file() }]);
}

#[test]
fn the_mouse_fills_in_a_form() {
    let mut session = Session::new(SIZE);
    session.tell(Message::Loaded(Box::default()));
    session.press("mine");
    let screen = session.screen();
    let row = screen.lines().position(|line| line.contains("machines on Amazon EC2")).unwrap();
    let kind = MouseEventKind::Down(MouseButton::Left);
    let (column, row) = (40, u16::try_from(row).unwrap());
    session.tell(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    session.press("<Enter>");
    let name = FleetName::new("mine").unwrap();
    assert_eq!(session.wanted(), [Effect::CreateFleet { name, provider: ProviderKind::Aws }]);
}

#[test]
fn what_leads_to_a_question_can_be_read() {
    let mut session = Session::with(PLANT, 0, (40, 12));
    session.press("a");
    session.tell(Message::Planned(plan(PLANT, 0)));
    let hosts = (1..=20).map(|host| format!("\n  192.0.2.{host}  ssh-ed25519 SHA256:{host:020}"));
    session.tell(Message::Note(hosts.collect()));
    session.tell(Message::Asked(Question::YesNo("Are these the hosts?".to_owned())));
    assert!(session.screen().contains("192.0.2.1 "), "{}", session.screen());
    session.press("G");
    assert!(session.screen().contains("SHA256:00000000000000000020"), "{}", session.screen());
    assert!(session.screen().contains("Are these the hosts?"), "{}", session.screen());
    // A failure elsewhere does not take its place.
    session.tell(Message::Failed(Failure { what: "other".to_owned(), why: Vec::new(), help: None }));
    session.wanted();
    session.press("n");
    assert_eq!(session.wanted(), [Effect::Answer(String::new())]);
}

#[test]
fn a_file_that_was_wrong_is_read_again() {
    let mut session = Session::new(SIZE);
    let failure = Failure { what: "it is wrong".to_owned(), why: Vec::new(), help: None };
    let files = vec![file()];
    session.tell(Message::Loaded(Box::new(Snapshot { files, fleet: None, failure: Some(failure) })));
    assert!(session.screen().contains("it is wrong"));
    session.tell(Message::Tick(dawn().checked_add(SignedDuration::from_secs(5)).unwrap()));
    assert_eq!(session.wanted(), [Effect::Load { file: None }]);
    session.load(DEMO, 0);
    assert!(session.screen().contains("demo-broker-1"));
}

#[test]
fn an_error_stays_until_it_was_read() {
    let mut session = Session::with(DEMO, 5, SIZE);
    let failure = Failure {
        what: "could not do it".to_owned(),
        why: vec!["the disk is full".to_owned()],
        help: Some("make room".to_owned()),
    };
    session.press("a");
    session.tell(Message::Failed(failure));
    session.tell(Message::Finished);
    let words = ["could not do it", "the disk is full", "help: make room"];
    assert!(words.iter().all(|word| session.screen().contains(word)), "{}", session.screen());
    session.press("<Esc>m");
    assert!(words[..2].iter().all(|word| session.screen().contains(word)), "{}", session.screen());
}
