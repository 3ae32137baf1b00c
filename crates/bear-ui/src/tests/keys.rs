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
    check(DEMO, "jl", &[Effect::Follow { file: file(), instance: instance.clone() }]);
    check(DEMO, "jl<Esc>", &[Effect::Follow { file: file(), instance: instance.clone() }, Effect::Unfollow]);
    check(DEMO, "j<Enter>", &[Effect::LookUp { file: file(), instance }]);
    check(DEMO, "q", &[Effect::Quit]);
    check(DEMO, "<C-c>", &[Effect::Quit]);
    check(
        PLANT,
        "s",
        &[Effect::Ssh { file: file(), instance: InstanceName::new("plant-edge-paris").unwrap() }],
    );
}

#[test]
fn what_is_not_possible_does_nothing() {
    // This machine has no shell to log in to, and its broker no version to choose.
    check(DEMO, "su", &[]);
    let mut new = Session::with(DEMO, 0, SIZE);
    new.press("vVDolsr");
    assert_eq!(new.wanted(), []);
}

#[test]
fn a_quick_escape_and_a_letter_are_two_keys() {
    let mut session = Session::with(DEMO, 5, SIZE);
    session.press("<Enter>");
    session.wanted();
    session.tell(Message::Key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::ALT)));
    assert_eq!(session.wanted(), [Effect::Plan { file: file() }]);
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
    assert_eq!(session.wanted(), [Effect::CreateFleet { name, provider: ProviderKind::Hosts }]);
    session.tell(Message::Created("fleets/mine.yaml".to_owned()));
    assert_eq!(session.wanted(), [Effect::Load { file: Some("fleets/mine.yaml".to_owned()) }]);
}

#[test]
fn one_of_several_fleets_is_chosen() {
    let mut session = Session::new(SIZE);
    let files = vec!["fleets/a.yaml".to_owned(), "fleets/b.yaml".to_owned()];
    session.tell(Message::Loaded(Box::new(Snapshot { files, ..Snapshot::default() })));
    session.press("j<Enter>");
    assert_eq!(session.wanted(), [Effect::Load { file: Some("fleets/b.yaml".to_owned()) }]);
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
    assert!(matches!(session.wanted().as_slice(), [Effect::LookUp { .. }]), "a second click opens it");
    session.press("<Esc>");
    let screen = session.screen();
    let row = screen.lines().position(|line| line.contains("p plan")).unwrap();
    let column = screen.lines().nth(row).unwrap().find("p plan").unwrap();
    session.tell(click(u16::try_from(column).unwrap(), u16::try_from(row).unwrap()));
    assert_eq!(session.wanted(), [Effect::Plan { file: file() }]);
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
