//! An edit of a fleet, at any moment of its life and whatever its providers say: the plan can be carried out, and once
//! it was there is nothing left to do.

use std::fmt::Write;

use arbitrary::Unstructured;
use bear_core::fleet::{Foundation, Instance, parse};
use bear_core::observed::{BrokerSeen, Drift, FoundationSeen, Observation};
use bear_core::plan::{StepKind, build, check as check_plan};
use bear_core::state::v1::{Installed, Record};

use crate::plan;
use crate::scene::{AT, Scene, creation};

pub(crate) fn check(input: &[u8]) {
    let mut dice = Dice(Unstructured::new(input));
    let Some(before) = Wanted::draw(&mut dice) else { return };
    let Some(after) = Wanted::draw(&mut dice) else { return };
    let scene = scene(&before, &mut dice);
    let generation = scene.state.generation;
    let whole = scene.plan(&after.instances, after.foundation());
    plan::sound(&whole, generation);
    some(&scene, &after, &mut dice);

    let done = scene.carried_out(&whole);
    let rest = done.changes(&after.instances, after.foundation());
    assert!(rest.list.is_empty() && rest.foundations.is_empty(), "left to do: {:?}", rest.list);
    let end = done.plan(&[], None);
    plan::sound(&end, done.state.generation);
    assert!(done.carried_out(&end).state.is_empty(), "something is left of it");
}

/// A part of the changes, as `--only` asks for: what it stands on comes along.
fn some(scene: &Scene, after: &Wanted, dice: &mut Dice<'_>) {
    let mut changes = scene.changes(&after.instances, after.foundation());
    let kept = changes.list.iter().map(|_| dice.of(2) == 1).collect::<Vec<_>>();
    let kept = changes.list.iter().zip(kept).filter(|(_, kept)| *kept);
    let kept = kept.map(|(change, _)| change.instance.clone()).collect::<Vec<_>>();
    changes.keep_only(|change| kept.contains(&change.instance), Some(&scene.state));
    check_plan(&build(scene.state.fleet.clone(), changes, scene.state.generation)).unwrap();
}

/// Choices out of the input; the first of each when nothing is left of it.
struct Dice<'i>(Unstructured<'i>);

impl Dice<'_> {
    fn of(&mut self, sides: u8) -> u8 {
        self.0.arbitrary::<u8>().unwrap_or_default() % sides
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[usize::from(self.of(u8::try_from(of.len()).unwrap_or(u8::MAX)))]
    }
}

/// What a fleet file wants.
struct Wanted {
    fleet: bear_core::fleet::Fleet,
    instances: Vec<Instance>,
    foundation: Option<Foundation>,
}

impl Wanted {
    /// None where the file is refused: two groups may want the same host or the same port.
    fn draw(dice: &mut Dice<'_>) -> Option<Self> {
        let text = file(dice);
        let fleet = parse("fleet.yaml", text.as_bytes()).ok()?.fleet;
        let (instances, foundation) = (fleet.instances().unwrap(), fleet.foundation());
        Some(Self { fleet, instances, foundation })
    }

    fn foundation(&self) -> Option<&Foundation> {
        self.foundation.as_ref()
    }
}

const EMBEDDED: &[&str] = &["embedded", "{ embedded: { authentication: { username: ada } } }"];
const INSTALLED: &[&str] = &[
    "{ emqx: { version: 5.0.9 } }",
    "{ emqx: { version: 5.8.9, admin_password: { env: PASSWORD } } }",
    "{ mosquitto: { version: 2.0.18, container: true } }",
    "{ mosquitto: { version: 2.0.11-1.2+deb12u2 } }",
];

fn file(dice: &mut Dice<'_>) -> String {
    let mut text = String::from("fleet: demo\n");
    let provider = dice.of(3);
    match provider {
        0 => text.push_str("provider: local\n"),
        1 => text.push_str("provider: { hosts: { user: ubuntu } }\n"),
        _ => {
            let region = dice.one(&["eu-west-3", "eu-central-1"]);
            let clients = dice.one(&["0.0.0.0/0", "10.0.0.0/8"]);
            let _ = writeln!(text, "provider: {{ aws: {{ region: {region} }} }}");
            let _ = writeln!(text, "network: {{ operators: [203.0.113.7/32], clients: [{clients}] }}");
        }
    }
    text += "groups:\n";
    for name in ["a", "b", "c"] {
        if name == "a" || dice.of(2) == 1 {
            group(&mut text, name, provider, dice);
        }
    }
    text
}

fn group(text: &mut String, name: &str, provider: u8, dice: &mut Dice<'_>) {
    let broker = if provider == 0 { dice.one(EMBEDDED) } else { dice.one(INSTALLED) };
    let members = match provider {
        1 => (0..dice.of(4)).map(|_| (dice.of(5), dice.of(5))).collect(),
        _ if dice.of(2) == 0 => (0..dice.of(4)).map(|_| (dice.of(5), 0)).collect(),
        _ => Vec::new(),
    };
    let machine = dice.one(&["t3.small", "t3.large"]);
    let port = 1000 + u16::from(dice.of(4));
    let of_members = |text: &mut String| {
        let mut seen = [false; 5];
        for (member, host) in &members {
            if !std::mem::replace(&mut seen[usize::from(*member)], true) {
                let address =
                    if provider == 1 { format!("{{ address: 192.0.2.{host} }}") } else { "{}".to_owned() };
                let _ = write!(text, "m{member}: {address}, ");
            }
        }
    };
    let _ = write!(text, "  {name}: {{ broker: {broker}, ");
    if provider == 1 || !members.is_empty() {
        text.push_str("members: { ");
        of_members(text);
        text.push_str("}, ");
    } else {
        let _ = write!(text, "count: {}, ", dice.of(6));
    }
    if provider == 2 {
        let _ = write!(text, "machine: {{ type: {machine}, image: ubuntu-22.04 }}, ");
    }
    if provider != 0 && dice.of(2) == 1 {
        let _ = write!(text, "ports: {{ mqtt: {port} }}, ");
    }
    text.push_str("}\n");
}

/// How far an apply of `before` came, and what became of it.
fn scene(before: &Wanted, dice: &mut Dice<'_>) -> Scene {
    let mut scene = Scene::empty(before.fleet.name.clone());
    if let Some(foundation) = before.foundation() {
        laid(&mut scene, foundation, dice);
    }
    for instance in &before.instances {
        lived(&mut scene, instance, dice);
    }
    scene
}

fn laid(scene: &mut Scene, foundation: &Foundation, dice: &mut Dice<'_>) {
    let region = foundation.region.clone();
    let life = [
        Record::FoundationBegan { at: AT, foundation: foundation.clone() },
        Record::FoundationLaid { at: AT, region: region.clone() },
        Record::FoundationGoing { at: AT, region: region.clone() },
    ];
    life.iter().take(1 + usize::from(dice.of(3))).for_each(|record| scene.state.apply(record));
    let what = vec![Drift { what: "rules".into(), is: "fewer".into(), was: "all".into() }];
    let seen = [
        None,
        Some(FoundationSeen::AsRecorded),
        Some(FoundationSeen::Changed { what }),
        Some(FoundationSeen::Absent),
    ];
    if let Some(seen) = seen[usize::from(dice.of(4))].clone() {
        scene.observed.foundations.insert(region, seen);
    }
}

fn lived(scene: &mut Scene, instance: &Instance, dice: &mut Dice<'_>) {
    let Instance { name, group, spec } = instance;
    let (at, of) = (AT, || name.clone());
    let generation = scene.state.generation + 1;
    let [began, created] = creation(&scene.state, name, group.as_str(), spec, generation);
    let machine = match &created {
        Record::Created { machine, .. } => machine.clone(),
        _ => return,
    };
    let life = [
        began,
        created,
        Record::InstallBegan { at, instance: of(), spec: (**spec).clone() },
        Record::Installed {
            at,
            instance: of(),
            installed: Installed::new(spec.ports, "0.1.0"),
            machine: None,
        },
        Record::VerifyBegan { at, instance: of() },
        Record::Verified { at, instance: of(), checks: 12 },
        Record::DestroyBegan { at, instance: of() },
    ];
    life.iter().take(usize::from(dice.of(8))).for_each(|record| scene.state.apply(record));
    if dice.of(4) == 1 {
        let (instance, step, error) = (of(), StepKind::ALL[usize::from(dice.of(4))], "no".to_owned());
        scene.state.apply(&Record::Failed { at, instance, step, error });
    }
    if !scene.state.instances.contains_key(name) {
        return;
    }
    let drift = || vec![Drift { what: "image".into(), is: "another".into(), was: "this".into() }];
    let present = |broker| Observation::Present { machine: machine.clone(), changed: Vec::new(), broker };
    let seen = match dice.of(7) {
        0 => None,
        1 => Some(Observation::Absent),
        2 => Some(Observation::Unreachable { why: "no answer".into() }),
        3 => Some(present(BrokerSeen::Running)),
        4 => Some(present(BrokerSeen::Stopped { why: "gone".into() })),
        5 => Some(present(BrokerSeen::Changed { what: drift() })),
        _ => Some(present(BrokerSeen::Unknown)),
    };
    scene.observed.instances.extend(seen.map(|seen| (name.clone(), seen)));
}
