//! What holds for every fleet, every state and every observation.

use std::collections::BTreeSet;

use bear_core::diff::Action;
use bear_core::fleet::Instance;
use bear_core::observed::{BrokerSeen, FoundationSeen, Observation};
use bear_core::plan::{StepKind, document};
use bear_core::state::v1::Machine;
use proptest::prelude::*;

use crate::recorded;
use crate::scene::{Scene, Wanted, wanted};

/// Any fleet file of two groups, one of a count, one of members.
fn any_file() -> impl Strategy<Value = String> {
    let members = prop::collection::btree_set("[a-e]", 0..4);
    let machine = prop::sample::select(&["t3.small", "t3.large"]);
    let version = prop::sample::select(&["5.0.9", "5.8.9"]);
    let region = prop::sample::select(&["eu-west-3", "eu-central-1"]);
    let clients = prop::sample::select(&["0.0.0.0/0", "10.0.0.0/8"]);
    let ground = (region, clients);
    (0..12_u32, members, machine, version, prop::option::of(1000..1003_u16), ground).prop_map(
        |(count, members, machine, version, port, (region, clients))| {
            let members = members.iter().map(|name| format!("{name}: {{}}")).collect::<Vec<_>>().join(", ");
            let ports = port.map(|port| format!("ports: {{ mqtt: {port} }},")).unwrap_or_default();
            let rest = format!(
                "machine: {{ type: {machine}, image: ubuntu-22.04 }}, {ports} broker: {{ emqx: {{ version: {version} }} }}"
            );
            format!(
                "fleet: demo\nprovider: {{ aws: {{ region: {region} }} }}\n\
                 network: {{ operators: [203.0.113.7/32], clients: [{clients}] }}\n\
                 groups:\n  a: {{ count: {count}, {rest} }}\n  b: {{ members: {{ {members} }}, {rest} }}\n"
            )
        },
    )
}

/// What may have become of an instance since.
fn any_fate() -> impl Strategy<Value = Vec<(usize, Fate)>> {
    let step = prop::sample::select(&StepKind::ALL);
    let fate = prop_oneof![
        step.clone().prop_map(Fate::Interrupted),
        step.prop_map(Fate::Failed),
        Just(Fate::Gone),
        Just(Fate::Stopped),
        Just(Fate::Unobserved),
        Just(Fate::Moved),
        Just(Fate::Laying),
        Just(Fate::Removing),
        Just(Fate::Groundless),
    ];
    prop::collection::vec((0..15_usize, fate), 0..6)
}

#[derive(Clone, Debug)]
enum Fate {
    Interrupted(StepKind),
    Failed(StepKind),
    Gone,
    Stopped,
    Unobserved,
    Moved,
    /// What became of what its region shares.
    Laying,
    Removing,
    Groundless,
}

impl Fate {
    fn of(&self, instance: &Instance, mut scene: Scene) -> Scene {
        match self {
            Self::Interrupted(step) => scene.begun(*step, instance),
            Self::Failed(step) => scene.begun(*step, instance).failed(*step, instance, "no luck"),
            Self::Gone => scene.sees(&instance.name, Observation::Absent),
            Self::Stopped => scene.sees_broker(&instance.name, BrokerSeen::Stopped { why: "gone".into() }),
            Self::Unobserved => {
                scene.observed.instances.remove(&instance.name);
                scene
            }
            Self::Moved => {
                let machine = Machine::new(format!("m-{}", instance.name), "192.0.2.77");
                let (changed, broker) = (Vec::new(), BrokerSeen::Running);
                scene.sees(&instance.name, Observation::Present { machine, changed, broker }).adopted()
            }
            Self::Laying => {
                let foundations = scene.state.foundations.values().map(|it| it.foundation.clone());
                let foundations = foundations.collect::<Vec<_>>();
                foundations.iter().fold(scene, Scene::laying)
            }
            Self::Removing => scene.removing(region(instance)),
            Self::Groundless => scene.sees_foundation(region(instance), FoundationSeen::Absent),
        }
    }
}

fn region(instance: &Instance) -> &str {
    instance.spec.region.as_deref().unwrap()
}

fn scene(file: &str, fates: &[(usize, Fate)]) -> Scene {
    let instances = wanted(file);
    let known = fates.iter().filter_map(|(index, fate)| Some((instances.get(*index)?, fate)));
    known.fold(Scene::applied(file), |scene, (instance, fate)| fate.of(instance, scene))
}

proptest! {
    #[test]
    fn planning_twice_gives_the_same_bytes(before in any_file(), fates in any_fate(), after in any_file()) {
        let scene = scene(&before, &fates);
        let plan = || serde_json::to_string(&document(&scene.plan(&wanted(&after)))).unwrap();
        prop_assert_eq!(plan(), plan());
    }

    #[test]
    fn every_plan_can_be_recorded(before in any_file(), fates in any_fate(), after in any_file()) {
        let scene = scene(&before, &fates);
        recorded::check(&scene.plan(&wanted(&after)), scene.state.generation);
    }

    #[test]
    fn every_instance_has_one_change_or_none(before in any_file(), fates in any_fate(), after in any_file()) {
        let scene = scene(&before, &fates);
        let changes = scene.changes(&wanted(&after));
        let changed = changes.list.iter().map(|change| &change.instance).collect::<BTreeSet<_>>();
        prop_assert_eq!(changed.len(), changes.list.len());
        let wanted = wanted(&after);
        let known = wanted.iter().map(|instance| &instance.name).chain(scene.state.instances.keys());
        prop_assert_eq!(changes.list.len() + changes.unchanged, known.collect::<BTreeSet<_>>().len());
        for change in &changes.list {
            prop_assert!(!change.reasons.is_empty());
            let kept = wanted.iter().find(|instance| instance.name == change.instance);
            prop_assert_eq!(change.spec.as_ref(), kept.map(|instance| &instance.spec));
            prop_assert_eq!(change.action == Action::Destroy, kept.is_none());
        }
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(
        before in any_file(),
        fates in any_fate(),
        after in any_file(),
    ) {
        let scene = scene(&before, &fates);
        let wanted = wanted(&after);
        let done = scene.carried_out(&scene.plan(&wanted), &wanted);
        prop_assert!(done.plan(&wanted).is_empty());
        let shared = wanted.foundation.iter().filter(|_| !wanted.is_empty()).collect::<Vec<_>>();
        let recorded = done.state.foundations.values().map(|it| &it.foundation).collect::<Vec<_>>();
        prop_assert_eq!(recorded, shared);
        let nothing = Wanted::default();
        prop_assert!(done.carried_out(&done.plan(&nothing), &nothing).state.is_empty());
    }

    #[test]
    fn nothing_stands_where_there_is_no_foundation(
        before in any_file(),
        fates in any_fate(),
        after in any_file(),
    ) {
        let scene = scene(&before, &fates);
        let plan = scene.plan(&wanted(&after));
        // Along any order that the plan allows, so along this one.
        let mut ground = scene.state.foundations.keys().cloned().collect::<BTreeSet<_>>();
        for index in petgraph::algo::toposort(&plan.steps, None).unwrap() {
            let step = &plan.steps[index];
            match (step.region(), step.kind) {
                (Some(region), StepKind::Create) => drop(ground.insert(region.to_owned())),
                (Some(region), _) => drop(ground.remove(region)),
                (None, _) => {
                    let stands_on = step.spec.as_ref().and_then(|spec| spec.region.as_ref());
                    prop_assert!(stands_on.is_none_or(|region| ground.contains(region)), "{}", step.id());
                }
            }
        }
    }

    #[test]
    fn no_generation_is_ever_given_to_two_machines(before in any_file(), fates in any_fate(), after in any_file()) {
        let scene = scene(&before, &fates);
        let mut given = BTreeSet::new();
        for step in scene.plan(&wanted(&after)).steps.node_weights() {
            let Some(generation) = step.generation else { continue };
            prop_assert!(given.insert(generation));
            // Either it is new, or it is that of this very instance, whose machine nobody has seen.
            let recorded = step.instance().and_then(|name| scene.state.instances.get(name));
            let again = recorded.is_some_and(|it| it.generation == generation && it.machine.is_none());
            prop_assert!(again || generation > scene.state.generation);
        }
    }
}
