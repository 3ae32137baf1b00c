//! What a frame of the manager costs, for fleets and terminals of different sizes. `cargo bench -p bear-ui`.

#![expect(clippy::disallowed_methods, reason = "only the manager itself reads no clock")]
#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has nothing to say")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bear_core::diff::{Goal, diff};
use bear_core::event::{Event, Operation, StepRef, VERSION, What};
use bear_core::fleet::parse;
use bear_core::health::{Health, Pulse};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::plan::{self, Plan};
use bear_core::state::v1::{Installed, Machine, Record, State};
use bear_ui::ratatui::Terminal;
use bear_ui::ratatui::backend::TestBackend;
use bear_ui::ratatui::crossterm::event::{KeyCode, KeyEvent};
use bear_ui::{Fleet, Group, Instance, Members, Message, Model, Snapshot, Style, update, view};
use jiff::Timestamp;

/// Columns and rows.
const SIZES: [(u16, u16); 2] = [(80, 24), (300, 100)];
const INSTANCES: [usize; 2] = [1_000, 10_000];

/// How many frames the figures are taken from; of those that come with everything anew, fewer.
const FRAMES: usize = 500;
const FRAMES_ANEW: usize = 40;

fn main() {
    let fleets = INSTANCES.map(fleet);
    let mut titles = Vec::new();
    let mut columns = Vec::new();
    for (width, height) in SIZES {
        for fleet in &fleets {
            titles.push(format!("{width} × {height}, {} instances", fleet.instances.len()));
            columns.push(Manager::new((width, height), fleet).measure());
        }
    }
    println!("| milliseconds: median (longest) | {} |", titles.join(" | "));
    println!("| --- |{}", " --: |".repeat(titles.len()));
    for (number, (what, _)) in columns[0].iter().enumerate() {
        let figures = columns.iter().map(|column| column[number].1.as_str()).collect::<Vec<_>>();
        println!("| {what} | {} |", figures.join(" | "));
    }
}

/// A manager, on a terminal that keeps what is drawn to itself.
struct Manager {
    model: Model,
    terminal: Terminal<TestBackend>,
    snapshot: Snapshot,
    pulses: Vec<(InstanceName, Pulse)>,
    /// What was measured, and how many milliseconds it took.
    rows: Vec<(&'static str, String)>,
}

impl Manager {
    fn new(size: (u16, u16), fleet: &Fleet) -> Self {
        let model = Model::new(size, Style { colour: true, unicode: true }, Timestamp::UNIX_EPOCH);
        let healthy = Pulse { health: Health::Healthy, took: Some(Duration::from_micros(900)) };
        let pulses = fleet.instances.iter().map(|it| (it.name.clone(), healthy.clone())).collect::<Vec<_>>();
        let snapshot =
            Snapshot { files: vec![fleet.file.clone()], fleet: Some(fleet.clone()), failure: None };
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let mut manager = Self { model, terminal, snapshot, pulses, rows: Vec::new() };
        manager.learns();
        manager
    }

    /// All that is known is told once more.
    fn learns(&mut self) {
        update(&mut self.model, Message::Loaded(Box::new(self.snapshot.clone())));
        update(&mut self.model, Message::Felt(self.pulses.clone()));
    }

    fn press(&mut self, key: KeyCode) {
        update(&mut self.model, Message::Key(KeyEvent::from(key)));
    }

    fn measure(mut self) -> Vec<(&'static str, String)> {
        self.row("a line down", FRAMES, |it, _| it.press(KeyCode::Down));
        self.row("a screen down", FRAMES, |it, _| it.press(KeyCode::PageDown));
        self.press(KeyCode::Home);
        self.row("nothing but the time", FRAMES, |it, number| {
            let now = Timestamp::from_millisecond(i64::try_from(number).unwrap()).unwrap();
            update(&mut it.model, Message::Tick(now));
        });
        self.press(KeyCode::Char('/'));
        self.row("a letter of a search", FRAMES, |it, number| {
            it.press(if number % 2 == 0 { KeyCode::Char('7') } else { KeyCode::Backspace });
        });
        self.press(KeyCode::Esc);
        self.row("all that is known, anew", FRAMES_ANEW, |it, _| it.learns());
        let plan = Arc::new(plan_of(self.pulses.len()));
        self.row("a plan of all of it", FRAMES_ANEW, |it, _| {
            update(&mut it.model, Message::Planned(Arc::clone(&plan)));
        });
        let mut events = events(&plan).into_iter();
        self.happens(events.next().unwrap());
        self.row("an event of a run", FRAMES, |it, _| it.happens(events.next().unwrap()));
        self.press(KeyCode::Esc);
        self.row("the same, on the list", FRAMES, |it, _| it.happens(events.next().unwrap()));
        self.rows
    }

    fn happens(&mut self, event: Event) {
        update(&mut self.model, Message::Happened(event));
    }

    /// Measures one thing that happens, with the frame after it.
    fn row(&mut self, what: &'static str, times: usize, mut happens: impl FnMut(&mut Self, usize)) {
        let mut took = Vec::with_capacity(times);
        for number in 0..times {
            let begun = Instant::now();
            happens(self, number);
            self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        let millis = |number: usize| took[number].as_secs_f64() * 1_000.0;
        self.rows.push((what, format!("{:.2} ({:.2})", millis(times / 2), millis(times - 1))));
    }
}

fn parsed(count: usize) -> bear_core::fleet::Fleet {
    let text =
        format!("fleet: demo\nprovider: local\ngroups:\n  a: {{ count: {count}, broker: embedded }}\n");
    parse("demo.yaml", text.as_bytes()).unwrap().fleet
}

/// The plan that makes such a fleet from nothing.
fn plan_of(count: usize) -> Plan {
    let fleet = parsed(count);
    let instances = fleet.instances().unwrap();
    let goal = Goal { instances: &instances, foundation: None, replace: &[] };
    plan::build(fleet.name.clone(), diff(&goal, None, &Observed::new()), 0)
}

/// The beginning of the run of a plan, and of every step of it.
fn events(plan: &Plan) -> Vec<Event> {
    let event = |(seq, what)| Event { version: VERSION, seq, at: Timestamp::UNIX_EPOCH, what };
    let begin = What::RunStarted { operation: Operation::Apply, steps: plan.steps.node_count() };
    let steps = plan.steps.node_weights().map(|step| What::StepStarted {
        step: StepRef { step: step.id(), kind: step.kind, instance: step.instance().cloned() },
    });
    (1..).zip([begin].into_iter().chain(steps)).map(event).collect()
}

/// A fleet of which every instance is made and proven.
fn fleet(count: usize) -> Fleet {
    let parsed = parsed(count);
    let mut state = State::new(parsed.name.clone(), String::new());
    let at = Timestamp::UNIX_EPOCH;
    let instances = parsed.instances().unwrap();
    for bear_core::fleet::Instance { name: instance, group, spec } in instances.clone() {
        let mut ports = spec.ports;
        (ports.mqtt, ports.dashboard) = (Some(20_000), Some(20_002));
        let (spec, token) = ((*spec).clone(), String::new());
        let records = [
            Record::CreateBegan {
                at,
                instance: instance.clone(),
                group,
                spec,
                generation: 1,
                token,
                launch: None,
            },
            Record::Created { at, instance: instance.clone(), machine: Machine::new("m", "127.0.0.1") },
            Record::Installed {
                at,
                instance: instance.clone(),
                installed: Installed::new(ports, "0.1.0"),
                machine: None,
            },
            Record::Verified { at, instance, checks: 10 },
        ];
        for record in &records {
            state.apply(record);
        }
    }
    let instances = instances.into_iter().map(|it| Instance {
        recorded: state.instances.get(&it.name).cloned().map(Box::new),
        name: it.name,
        group: it.group,
        spec: it.spec,
        wanted: true,
    });
    let groups = parsed.groups.iter().map(|(name, group)| Group {
        name: name.clone(),
        members: group.count.map_or(Members::Named, Members::Count),
    });
    Fleet {
        file: "demo.yaml".to_owned(),
        name: parsed.name.clone(),
        provider: parsed.provider.kind(),
        groups: groups.collect(),
        instances: instances.collect(),
    }
}
