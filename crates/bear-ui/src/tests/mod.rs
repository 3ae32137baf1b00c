//! Tests as examples: keys in; what is wanted done and what is on the screen out.

mod boxes;
mod instance;
mod keys;
mod laws;
mod runs;
mod screens;

use std::sync::Arc;
use std::time::Duration;

use bear_core::event::{Event, Operation, StepRef, Summary, VERSION, What};
use bear_core::fleet::parse;
use bear_core::health::{Health, Pulse};
use bear_core::name::{GroupName, InstanceName};
use bear_core::plan::Plan;
use bear_core::state::v1::{Installed, Machine, Record, State};
use bear_core::step::StepKind;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::{Effect, Fleet, Group, Instance, Members, Message, Model, Snapshot, Style, update, view};

/// Two groups on this machine: three counted, two with names.
const DEMO: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 3
    broker: embedded
  edge:
    members: { paris: , lyon: }
    broker: embedded
";

/// Hosts with a broker whose version can be chosen.
const PLANT: &str = "\
fleet: plant
provider: { hosts: { user: ubuntu } }
groups:
  edge:
    members: { paris: { address: 192.0.2.10 }, lyon: { address: 192.0.2.11 } }
    broker: { mosquitto: { version: 2.0.18, container: true } }
";

/// When everything happens.
fn dawn() -> Timestamp {
    "2026-11-22T06:00:00Z".parse().unwrap()
}

/// A fleet as its file says, of which the first `made` instances are made and proven.
fn fleet(text: &str, made: usize) -> Fleet {
    let parsed = parse("fleets/demo.yaml", text.as_bytes()).unwrap().fleet;
    let groups = parsed.groups.iter().map(|(name, group)| Group {
        name: name.clone(),
        members: group.count.map_or(Members::Named, Members::Count),
    });
    let state = state(text, made);
    let instances = parsed.instances().unwrap().into_iter().map(|instance| Instance {
        recorded: state.instances.get(&instance.name).cloned().map(Box::new),
        name: instance.name,
        group: instance.group,
        spec: instance.spec,
        wanted: true,
    });
    Fleet {
        file: "fleets/demo.yaml".to_owned(),
        name: parsed.name.clone(),
        provider: parsed.provider.kind(),
        groups: groups.collect(),
        instances: instances.collect(),
    }
}

fn state(text: &str, made: usize) -> State {
    let at = dawn();
    let parsed = parse("fleets/demo.yaml", text.as_bytes()).unwrap().fleet;
    let mut state = State::new(parsed.name.clone(), "lineage".to_owned());
    for (index, instance) in (0..).zip(parsed.instances().unwrap()).take(made) {
        let (spec, group, instance) = ((*instance.spec).clone(), instance.group, instance.name);
        let mut ports = spec.ports;
        ports.mqtt = Some(20_000 + index * 3);
        ports.dashboard = Some(20_002 + index * 3);
        let (token, launch) = (String::new(), None);
        for record in [
            Record::CreateBegan { at, instance: instance.clone(), group, spec, generation: 1, token, launch },
            Record::Created { at, instance: instance.clone(), machine: Machine::new("m", "127.0.0.1") },
            Record::Installed {
                at,
                instance: instance.clone(),
                installed: Installed::new(ports, "0.1.0"),
                machine: None,
            },
            Record::Verified { at, instance, checks: 10 },
        ] {
            state.apply(&record);
        }
    }
    state
}

/// The plan that leads from `made` instances to what the file says.
fn plan(text: &str, made: usize) -> Arc<Plan> {
    let parsed = parse("fleets/demo.yaml", text.as_bytes()).unwrap().fleet;
    let instances = parsed.instances().unwrap();
    let goal = bear_core::diff::Goal { instances: &instances, ..bear_core::diff::Goal::default() };
    let changes =
        bear_core::diff::diff(&goal, Some(&state(text, made)), &bear_core::observed::Observed::new());
    Arc::new(bear_core::plan::build(parsed.name, changes, 0))
}

fn pulses(fleet: &Fleet, health: impl Fn(usize) -> Health) -> Message {
    let pulses = fleet.instances.iter().enumerate().map(|(at, instance)| {
        let health = health(at);
        let took = matches!(health, Health::Healthy | Health::Unverified { .. });
        (instance.name.clone(), Pulse { health, took: took.then_some(Duration::from_micros(1_500)) })
    });
    Message::Felt(pulses.collect())
}

/// A manager, and what it wanted done since that was last looked at.
struct Session {
    model: Model,
    wanted: Vec<Effect>,
}

impl Session {
    fn new(size: (u16, u16)) -> Self {
        let model = Model::new(size, Style { colour: false, unicode: true }, dawn());
        Self { model, wanted: Vec::new() }
    }

    /// A session that shows a fleet of which the first `made` instances are made, and are well.
    fn with(text: &str, made: usize, size: (u16, u16)) -> Self {
        let mut session = Self::new(size);
        session.load(text, made);
        session.wanted.clear();
        session
    }

    fn load(&mut self, text: &str, made: usize) {
        let fleet = fleet(text, made);
        let felt = pulses(&fleet, |_| Health::Healthy);
        self.tell(Message::Loaded(Box::new(Snapshot {
            files: vec![fleet.file.clone()],
            fleet: Some(fleet),
            failure: None,
        })));
        if made > 0 {
            self.tell(felt);
        }
    }

    fn tell(&mut self, message: Message) {
        self.wanted.extend(update(&mut self.model, message));
    }

    /// Presses keys: letters each by itself, and names such as `Enter` in brackets.
    fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (key, left) = match named {
                Some((name, left)) => (named_key(name), left),
                None => (KeyEvent::from(KeyCode::Char(first)), &rest[first.len_utf8()..]),
            };
            self.tell(Message::Key(key));
            rest = left;
        }
    }

    /// What is wanted done since this was last asked.
    fn wanted(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.wanted)
    }

    /// What is on the screen, without what is blank at the ends of its lines.
    fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let lines = buffer.content().chunks(usize::from(columns)).map(|row| {
            row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

fn named_key(name: &str) -> KeyEvent {
    KeyEvent::from(match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Down" => KeyCode::Down,
        "Up" => KeyCode::Up,
        "End" => KeyCode::End,
        "Home" => KeyCode::Home,
        "PgDn" => KeyCode::PageDown,
        "PgUp" => KeyCode::PageUp,
        "Tab" => KeyCode::Tab,
        "Right" => KeyCode::Right,
        "Back" => KeyCode::Backspace,
        "C-c" => return KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        other => panic!("there is no key {other}"),
    })
}

fn event(seconds: i64, what: What) -> Message {
    let at = dawn().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    Message::Happened(Event { version: VERSION, seq: 1, at, what })
}

fn step(kind: StepKind, instance: &str) -> StepRef {
    let name = InstanceName::new(instance).unwrap();
    StepRef { step: format!("{kind}/{name}"), kind, instance: Some(name) }
}

fn started(operation: Operation, steps: usize) -> What {
    What::RunStarted { operation, steps }
}

fn summary(ok: bool, succeeded: usize, failed: usize, skipped: usize) -> What {
    What::Summary(Summary {
        ok,
        succeeded,
        failed,
        skipped,
        interrupted: false,
        seconds: 4.2,
        instances: Vec::new(),
    })
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}
