//! Laws: what holds whatever is typed and told, on a terminal of any size.

use bear_core::fleet::model::ProviderKind;
use bear_core::progress::{Pace, Progress};
use proptest::prelude::*;
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::model::{Page, Row};
use crate::{Failure, Question, Survey};

fn keys() -> impl Strategy<Value = Message> {
    let codes = prop_oneof![
        8 => proptest::char::range(' ', '~').prop_map(KeyCode::Char),
        8 => prop::sample::select("jkgGnduvVpaDolsrmf/?qy".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        8 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Up, KeyCode::Down, KeyCode::PageUp, KeyCode::PageDown,
            KeyCode::Home, KeyCode::End, KeyCode::Tab, KeyCode::BackTab, KeyCode::Backspace, KeyCode::Left,
            KeyCode::Right,
        ]),
    ];
    let modifiers = prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL)];
    (codes, modifiers).prop_map(|(code, modifiers)| Message::Key(KeyEvent::new(code, modifiers)))
}

fn mouse() -> impl Strategy<Value = Message> {
    let kinds = prop::sample::select(vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::ScrollUp,
        MouseEventKind::ScrollDown,
    ]);
    (kinds, 0..310_u16, 0..110_u16).prop_map(|(kind, column, row)| {
        Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    })
}

fn loaded() -> impl Strategy<Value = Message> {
    (0..40_usize, 0..40_usize, any::<bool>()).prop_map(|(count, made, is_there)| {
        let text = DEMO.replace("count: 3", &format!("count: {count}"));
        let fleet = is_there.then(|| fleet(&text, made));
        let files = (0..made % 3).map(|number| format!("fleets/{number}.yaml")).collect();
        Message::Loaded(Box::new(Snapshot { files, fleet, failure: None }))
    })
}

fn events() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(StepKind::ALL.to_vec());
    let instance =
        prop::sample::select(vec!["demo-broker-1", "demo-broker-2", "demo-edge-lyon", "other-a-1"]);
    (kind, instance, 0..6_u8, -5..100_i64).prop_map(|(kind, instance, what, seconds)| {
        let step = step(kind, instance);
        let error = bear_core::event::StepError::transient("x", "no\n\u{1b}way").with_help("help");
        event(
            seconds,
            match what {
                0 => started(Operation::Apply, 4),
                1 => What::StepStarted { step },
                2 => What::StepSucceeded { step, seconds: 1.0 },
                3 => What::StepFailed { step, seconds: 1.0, error },
                4 => What::StepRetrying { step, attempt: 1, error, wait_seconds: f64::MAX },
                _ => summary(false, 1, 1, 1),
            },
        )
    })
}

fn others() -> impl Strategy<Value = Message> {
    prop_oneof![
        (1..=300_u16, 1..=100_u16).prop_map(|(columns, rows)| Message::Resized(columns, rows)),
        (0..1_000_i64).prop_map(|seconds| {
            Message::Tick(dawn().checked_add(SignedDuration::from_secs(seconds)).unwrap())
        }),
        (0..8_usize).prop_map(|made| Message::Planned(plan(DEMO, made))),
        (0..8_usize)
            .prop_map(|made| { Message::Begins(Box::new(Progress::of(&plan(DEMO, made), Pace::default()))) }),
        ".{0,60}".prop_map(|text| Message::Asked(Question::YesNo(text))),
        ".{0,60}".prop_map(|text| Message::Asked(Question::Typed { text, wanted: "demo".to_owned() })),
        ".{0,300}".prop_map(Message::Note),
        ".{0,300}".prop_map(Message::Warning),
        "(?s).{0,300}".prop_map(|what| {
            Message::Failed(Failure { what, why: vec!["a\nb".to_owned()], help: Some("x".to_owned()) })
        }),
        (0..8_u64, ".{0,80}").prop_map(|(reading, line)| Message::Line { reading, line }),
        (0..8_u64, any::<bool>()).prop_map(|(reading, has_failed)| {
            let why = vec!["no\nway".to_owned()];
            let failure =
                has_failed.then(|| Failure { what: "could not".to_owned(), why, help: Some("x".to_owned()) });
            Message::LogEnded { reading, failure }
        }),
        (0..3_usize, 0..9_usize).prop_map(|(file, made)| {
            let file = format!("fleets/{file}.yaml");
            let fleet = (made > 2).then(|| fleet(DEMO, made));
            let failure = (made % 2 == 0).then(|| Failure {
                what: "it is wrong".to_owned(),
                why: Vec::new(),
                help: None,
            });
            Message::Surveyed(Box::new(Survey { file, fleet, pulses: Vec::new(), failure }))
        }),
        Just(Message::SurveyEnded),
        Just(Message::Reached(InstanceName::new("demo-broker-1").unwrap())),
        ".{0,20}".prop_map(Message::Pasted),
        Just(Message::Finished),
        Just(Message::Created { file: "fleets/demo.yaml".to_owned(), provider: ProviderKind::Aws }),
        (0..4_usize).prop_map(|ill| pulses(&fleet(DEMO, 5), |at| match at {
            at if at == ill => Health::Unreachable { why: "gone".to_owned() },
            _ => Health::Healthy,
        })),
    ]
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let one = prop_oneof![6 => keys(), 2 => mouse(), 1 => loaded(), 2 => events(), 2 => others()];
    proptest::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_the_cursor_is_on_a_row(
        size in (1..=300_u16, 1..=100_u16),
        has_unicode in any::<bool>(),
        messages in messages(),
    ) {
        let mut session = Session::new(size);
        session.model.style.unicode = has_unicode;
        session.load(DEMO, 3);
        for message in messages {
            session.tell(message);
            session.screen();
            let rows = &session.model.rows;
            let height = crate::view::table_height(&session.model);
            prop_assert!(rows.len() == 0 || rows.cursor() < rows.len());
            if let (Some(fleet), Some(row)) = (&session.model.fleet, rows.selected()) {
                let is_there = match row {
                    Row::Group(index) => index < fleet.groups.len(),
                    Row::Instance(index) => index < fleet.instances.len(),
                };
                prop_assert!(is_there);
                let is_shown = rows.on_screen(height).any(|(at, _)| at == rows.cursor());
                prop_assert!(is_shown || height == 0 || *session.model.page() != Page::Fleet);
            }
        }
    }

    #[test]
    fn what_a_broken_terminal_says_its_size_is_does_no_harm(columns in 0..3_u16, rows in 0..8_u16) {
        let mut session = Session::with(DEMO, 5, (80, 24));
        session.tell(Message::Resized(columns, rows));
        session.press("j<PgDn><End><Enter><Esc>?");
        if columns > 0 && rows > 0 {
            session.screen();
        }
    }
}
