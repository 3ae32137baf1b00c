//! What planning costs: from the text of a fleet file, and of a state, to the plan. `cargo bench -p bear-core`.

#![expect(clippy::disallowed_methods, reason = "only the core itself reads no clock")]
#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't go on has nothing to say")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bear_core::diff::{Goal, diff};
use bear_core::fleet::{Foundation, Instance, parse};
use bear_core::name::FleetName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::plan::{Origin, Plan, RecordedPlan, build, check};
use bear_core::state::v1::{Installed, Machine, Process, Record};
use bear_core::state::{self, State};
use jiff::Timestamp;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    println!("Milliseconds, the best of several runs.\n");
    println!("{:>9}  {:<28} {:>9}  parts", "instances", "what", "all");
    for count in SIZES {
        let text = counted(count, "5.0.9");
        row(count, "create, counted", || create(&text));
        let text = members(count);
        row(count, "create, members by name", || create(&text));
        let (text, state) = (counted(count, "5.0.9"), deployed(count));
        row(count, "nothing to do", || again(&text, &state, true));
        let text = counted(count, "5.8.9");
        row(count, "update", || again(&text, &state, false));
        println!();
    }
}

/// What each part took.
type Parts = Vec<(&'static str, Duration)>;

fn row(count: usize, what: &str, run: impl Fn() -> Parts) {
    let runs = (3_000_000 / count / 10).clamp(3, 20);
    let total = |parts: &Parts| parts.iter().map(|(_, took)| *took).sum::<Duration>();
    let best = (0..runs).map(|_| run()).min_by_key(total).unwrap();
    let parts = best.iter().map(|(name, took)| format!("{name} {:.2}", millis(*took))).collect::<Vec<_>>();
    println!("{count:>9}  {what:<28} {:>9.2}  {}", millis(total(&best)), parts.join(", "));
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// Runs one part and notes how long it took, without the time that it takes to drop what it used.
fn part<T>(parts: &mut Parts, name: &'static str, run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = black_box(run());
    parts.push((name, started.elapsed()));
    result
}

fn create(text: &str) -> Parts {
    let mut parts = Parts::new();
    let wanted = wanted(text, &mut parts);
    let plan = plan(&wanted, None, &Observed::new(), &mut parts);
    // And one for the foundation.
    assert_eq!(plan.steps.node_count(), 3 * wanted.0.len() + 1);
    let origin = Origin {
        bear: "1.2.3".into(),
        id: "0123".into(),
        at: Timestamp::UNIX_EPOCH,
        file: "fleet.yaml".into(),
        digest: "4567".into(),
    };
    part(&mut parts, "record", || RecordedPlan::new(&plan, 0, origin).write());
    parts
}

fn again(text: &str, state: &str, as_deployed: bool) -> Parts {
    let mut parts = Parts::new();
    let wanted = wanted(text, &mut parts);
    let state = part(&mut parts, "read state", || state::read(state.as_bytes()).unwrap());
    let observed = observed(&state);
    let plan = plan(&wanted, Some(&state), &observed, &mut parts);
    assert_eq!(plan.is_empty(), as_deployed);
    parts
}

/// The instances of a fleet, and what they share.
type Wanted = (Vec<Instance>, Option<Foundation>);

fn wanted(text: &str, parts: &mut Parts) -> Wanted {
    let parsed = part(parts, "parse", || parse("fleet.yaml", text.as_bytes()).unwrap());
    part(parts, "instances", || (parsed.fleet.instances().unwrap(), parsed.fleet.foundation()))
}

fn plan(wanted: &Wanted, state: Option<&State>, observed: &Observed, parts: &mut Parts) -> Plan {
    let goal = Goal { instances: &wanted.0, foundation: wanted.1.as_ref(), ..Goal::default() };
    let changes = part(parts, "diff", || diff(&goal, state, observed));
    let plan = part(parts, "build", || build(name(), changes, state.map_or(0, |state| state.generation)));
    part(parts, "check", || check(&plan).unwrap());
    plan
}

fn name() -> FleetName {
    FleetName::new("demo").unwrap()
}

const HEAD: &str = "
fleet: demo
provider: { aws: { region: eu-west-3 } }
network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
groups:
  broker:
    machine: { type: t3.small, image: ubuntu-22.04, disk: 20 GiB }
    install: { docker: '5:20.10.13~3-0~ubuntu-jammy' }
";

fn counted(count: usize, version: &str) -> String {
    format!("{HEAD}    broker: {{ emqx: {{ version: {version} }} }}\n    count: {count}\n")
}

fn members(count: usize) -> String {
    let members = (1..=count).map(|number| format!("      host-{number}: {{}}\n")).collect::<String>();
    format!("{HEAD}    broker: {{ emqx: {{ version: 5.0.9 }} }}\n    members:\n{members}")
}

/// The text of the state of a fleet that was applied.
fn deployed(count: usize) -> String {
    let at = Timestamp::UNIX_EPOCH;
    let mut state = State::new(name(), "0123456789abcdef".into());
    let (instances, foundation) = wanted(&counted(count, "5.0.9"), &mut Parts::new());
    if let Some(foundation) = foundation {
        let region = foundation.region.clone();
        state.apply(&Record::FoundationBegan { at, foundation });
        state.apply(&Record::FoundationLaid { at, region });
    }
    for (wanted, generation) in instances.into_iter().zip(1..) {
        let (instance, spec) = (wanted.name, (*wanted.spec).clone());
        let token = state.token(&instance, generation);
        let machine = Machine::new(format!("i-{generation:017x}"), "192.0.2.1");
        let process = Some(Process { pid: 4711, started: 123_456 });
        let installed = Installed { process, ..Installed::new(spec.ports, "5.0.9") };
        let created = Record::Created { at, instance: instance.clone(), machine };
        state.apply(&Record::CreateBegan {
            at,
            instance: instance.clone(),
            group: wanted.group,
            spec,
            generation,
            launch: Some(token.clone()),
            token,
        });
        state.apply(&created);
        state.apply(&Record::Installed { at, instance: instance.clone(), installed, machine: None });
        state.apply(&Record::Verified { at, instance, checks: 11 });
    }
    state::write(&state)
}

/// Everything as it is recorded.
fn observed(state: &State) -> Observed {
    let seen = state.instances.iter().map(|(name, recorded)| {
        let machine = recorded.machine.clone().unwrap();
        (name.clone(), Observation::Present { machine, changed: Vec::new(), broker: BrokerSeen::Running })
    });
    seen.collect()
}
