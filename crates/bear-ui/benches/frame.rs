//! What a frame of the manager costs, for fleets of different sizes. `cargo bench -p bear-ui`.

#![expect(clippy::disallowed_methods, reason = "only the manager itself reads no clock")]
#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has nothing to say")]

use std::time::{Duration, Instant};

use bear_core::fleet::parse;
use bear_core::health::{Health, Pulse};
use bear_core::state::v1::{Installed, Machine, Record, State};
use bear_ui::ratatui::Terminal;
use bear_ui::ratatui::backend::TestBackend;
use bear_ui::ratatui::crossterm::event::{KeyCode, KeyEvent};
use bear_ui::{Fleet, Group, Instance, Members, Message, Model, Snapshot, Style, update, view};
use jiff::Timestamp;

const SIZE: (u16, u16) = (200, 50);

/// How many frames the figures are taken from.
const FRAMES: u32 = 500;

fn main() {
    println!("Milliseconds at {} x {}: the mean, and the longest.\n", SIZE.0, SIZE.1);
    println!("{:>9}  {:<26} {:>8} {:>8}", "instances", "what", "mean", "longest");
    for count in [100, 1_000, 10_000] {
        let mut model = Model::new(SIZE, Style { colour: true, unicode: true }, Timestamp::UNIX_EPOCH);
        let fleet = fleet(count);
        let healthy = Pulse { health: Health::Healthy, took: Some(Duration::from_micros(900)) };
        let pulses = fleet.instances.iter().map(|it| (it.name.clone(), healthy.clone())).collect::<Vec<_>>();
        let snapshot = Snapshot { files: vec![fleet.file.clone()], fleet: Some(fleet), failure: None };
        update(&mut model, Message::Loaded(Box::new(snapshot.clone())));
        update(&mut model, Message::Felt(pulses.clone()));
        let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
        let mut draw = |model: &Model| {
            terminal.draw(|frame| view(model, frame)).unwrap();
        };
        row(count, "a key, and the frame", FRAMES, || {
            update(&mut model, Message::Key(KeyEvent::from(KeyCode::Down)));
            draw(&model);
        });
        row(count, "a screen down, the frame", FRAMES, || {
            update(&mut model, Message::Key(KeyEvent::from(KeyCode::PageDown)));
            draw(&model);
        });
        row(count, "what is there, anew", 20, || {
            update(&mut model, Message::Loaded(Box::new(snapshot.clone())));
            update(&mut model, Message::Felt(pulses.clone()));
            draw(&model);
        });
    }
}

fn row(count: usize, what: &str, times: u32, mut run: impl FnMut()) {
    let mut longest = Duration::ZERO;
    let begun = Instant::now();
    for _ in 0..times {
        let one = Instant::now();
        run();
        longest = longest.max(one.elapsed());
    }
    let mean = begun.elapsed() / times;
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!("{count:>9}  {what:<26} {:>8.3} {:>8.3}", millis(mean), millis(longest));
}

/// A fleet of which every instance is made and proven.
fn fleet(count: usize) -> Fleet {
    let text =
        format!("fleet: demo\nprovider: local\ngroups:\n  a: {{ count: {count}, broker: embedded }}\n");
    let parsed = parse("demo.yaml", text.as_bytes()).unwrap().fleet;
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
