//! What instances share at their provider: when it is made, changed and removed, and who waits for that.

use bear_core::diff::{Action, Toll, protected};
use bear_core::observed::{Drift, FoundationSeen, Observation};
use bear_core::plan::{Plan, Step, StepKind, document};
use insta::assert_snapshot;

use crate::recorded;
use crate::scene::{AWS, HOSTS, Scene, Wanted, name, told, wanted};

/// [`AWS`] with two instances.
fn pair() -> String {
    AWS.replace("count: 1", "count: 2")
}

/// What is to be done, and which steps wait for which, without what is shown of the configuration.
#[track_caller]
fn shown(plan: &Plan, generation: u64) -> String {
    recorded::check(plan, generation);
    let changes = told(plan);
    let changes = changes.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let edges = plan.steps.raw_edges().iter();
    let edges = edges.map(|edge| (&plan.steps[edge.source()], &plan.steps[edge.target()]));
    let across = edges.filter(|(before, after)| before.region().is_some() || after.region().is_some());
    let waits = across.map(|(before, after)| format!("{} waits for {}", after.id(), before.id()));
    changes.map(str::to_owned).chain(waits).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(scene: &Scene, yaml: &str) -> String {
    shown(&scene.plan(&wanted(yaml)), scene.state.generation)
}

#[test]
fn everything_waits_for_what_it_stands_on() {
    assert_snapshot!(check(&Scene::empty(), &pair()), @r#"
    Create foundation of eu-west-3 because foundation null -> "new"
    Create demo-a-1 because instance null -> "new": create 1, install, verify
    Create demo-a-2 because instance null -> "new": create 2, install, verify
    create/demo-a-1 waits for create/foundation:eu-west-3
    create/demo-a-2 waits for create/foundation:eu-west-3
    "#);
    // Instances that only change in place wait for it as well: their ports may be new.
    let edited = pair().replace("0.0.0.0/0", "10.0.0.0/8").replace("5.0.9", "5.8.9");
    assert_snapshot!(check(&Scene::applied(&pair()), &edited), @r#"
    Update foundation of eu-west-3 because network.clients ["0.0.0.0/0"] -> ["10.0.0.0/8"]
    Update demo-a-1 because broker.emqx.version "5.0.9" -> "5.8.9": install, verify
    Update demo-a-2 because broker.emqx.version "5.0.9" -> "5.8.9": install, verify
    install/demo-a-1 waits for create/foundation:eu-west-3
    install/demo-a-2 waits for create/foundation:eu-west-3
    "#);
    // Those that go do not.
    let fewer = AWS.replace("0.0.0.0/0", "10.0.0.0/8");
    assert_snapshot!(check(&Scene::applied(&pair()), &fewer), @r#"
    Update foundation of eu-west-3 because network.clients ["0.0.0.0/0"] -> ["10.0.0.0/8"]
    Destroy demo-a-2 because instance "verified" -> null: destroy
    "#);
}

#[test]
fn what_is_as_wanted_is_left_alone() {
    assert!(Scene::applied(AWS).plan(&wanted(AWS)).is_empty());
    assert!(Scene::applied(AWS).unobserved().plan(&wanted(AWS)).is_empty());
    assert!(Scene::applied(HOSTS).plan(&wanted(HOSTS)).foundations.is_empty());
}

#[test]
fn a_change_of_rules_alone_is_a_plan() {
    let plan = Scene::applied(AWS).plan(&wanted(&AWS.replace("203.0.113.7/32", "203.0.113.8/32")));
    assert!(!plan.is_empty() && plan.changes.is_empty());
    let document = serde_json::to_value(document(&plan)).unwrap();
    assert_snapshot!(document["foundations"], @r#"[{"region":"eu-west-3","action":"update","reasons":[{"field":"network.operators","from":["203.0.113.7/32"],"to":["203.0.113.8/32"]}]}]"#);
    assert_snapshot!(shown(&plan, 1), @r#"Update foundation of eu-west-3 because network.operators ["203.0.113.7/32"] -> ["203.0.113.8/32"]"#);
}

#[test]
fn what_somebody_changed_by_hand_is_put_right() {
    let what = vec![Drift { what: "rules".into(), is: "22 from everywhere".into(), was: "as laid".into() }];
    let seen = |seen| check(&Scene::applied(AWS).sees_foundation("eu-west-3", seen), AWS);
    assert_snapshot!(seen(FoundationSeen::Changed { what }), @r#"Update foundation of eu-west-3 because rules "22 from everywhere" -> "as laid""#);
    assert_snapshot!(seen(FoundationSeen::Absent), @r#"Create foundation of eu-west-3 because foundation "laid" -> "gone""#);
}

#[test]
fn what_was_begun_is_done_again() {
    let foundation = wanted(AWS).foundation.unwrap();
    assert_snapshot!(check(&Scene::empty().laying(&foundation), AWS), @r#"
    Update foundation of eu-west-3 because foundation "laying" -> "laid"
    Create demo-a-1 because instance null -> "new": create 1, install, verify
    create/demo-a-1 waits for create/foundation:eu-west-3
    "#);
    assert_snapshot!(check(&Scene::applied(AWS).removing("eu-west-3"), AWS), @r#"Update foundation of eu-west-3 because foundation "removing" -> "laid""#);
    let gone = Scene::empty().laid(&foundation).removing("eu-west-3");
    let gone = gone.sees_foundation("eu-west-3", FoundationSeen::Absent);
    assert_snapshot!(check(&gone, AWS), @r#"
    Create foundation of eu-west-3 because foundation "removing" -> "gone"
    Create demo-a-1 because instance null -> "new": create 1, install, verify
    create/demo-a-1 waits for create/foundation:eu-west-3
    "#);
    // Also where the fleet is to go, and nothing else is left of it.
    assert_snapshot!(shown(&gone.plan(&Wanted::default()), 0), @r#"Destroy foundation of eu-west-3 because foundation "removing" -> null"#);
    assert_snapshot!(shown(&Scene::empty().laying(&foundation).plan(&Wanted::default()), 0), @r#"Destroy foundation of eu-west-3 because foundation "laying" -> null"#);
}

#[test]
fn what_instances_stood_on_goes_after_the_last_of_them() {
    assert_snapshot!(shown(&Scene::applied(&pair()).plan(&Wanted::default()), 2), @r#"
    Destroy foundation of eu-west-3 because foundation "laid" -> null
    Destroy demo-a-1 because instance "verified" -> null: destroy
    Destroy demo-a-2 because instance "verified" -> null: destroy
    destroy/foundation:eu-west-3 waits for destroy/demo-a-1
    destroy/foundation:eu-west-3 waits for destroy/demo-a-2
    "#);
    // A fleet that wants no instances shares nothing.
    assert_snapshot!(check(&Scene::applied(AWS), &AWS.replace("count: 1", "count: 0")), @r#"
    Destroy foundation of eu-west-3 because foundation "laid" -> null
    Destroy demo-a-1 because instance "verified" -> null: destroy
    destroy/foundation:eu-west-3 waits for destroy/demo-a-1
    "#);
}

#[test]
fn another_region_is_made_ready_before_the_old_one_is_left() {
    assert_snapshot!(check(&Scene::applied(&pair()), &pair().replace("eu-west-3", "eu-central-1")), @r#"
    Create foundation of eu-central-1 because foundation null -> "new"
    Destroy foundation of eu-west-3 because foundation "laid" -> null
    Replace demo-a-1 because region "eu-west-3" -> "eu-central-1": destroy, create 3, install, verify
    Replace demo-a-2 because region "eu-west-3" -> "eu-central-1": destroy, create 4, install, verify
    destroy/demo-a-1 waits for create/foundation:eu-central-1
    destroy/demo-a-2 waits for create/foundation:eu-central-1
    destroy/foundation:eu-west-3 waits for destroy/demo-a-1
    destroy/foundation:eu-west-3 waits for destroy/demo-a-2
    "#);
    // A machine that is gone already leaves nothing to wait for.
    let scene = Scene::applied(AWS).sees(&name("demo-a-1"), Observation::Absent);
    assert_snapshot!(check(&scene, &AWS.replace("eu-west-3", "eu-central-1")), @r#"
    Create foundation of eu-central-1 because foundation null -> "new"
    Destroy foundation of eu-west-3 because foundation "laid" -> null
    Create demo-a-1 because machine "m-demo-a-1" -> "gone": create 2, install, verify
    create/demo-a-1 waits for create/foundation:eu-central-1
    "#);
    // Back again, half way.
    let half_way = wanted(&AWS.replace("eu-west-3", "eu-central-1")).foundation.unwrap();
    assert_snapshot!(check(&Scene::applied(AWS).laid(&half_way), AWS), @r#"Destroy foundation of eu-central-1 because foundation "laid" -> null"#);
}

/// The steps of what is left of the changes for these instances.
#[track_caller]
fn only(scene: &Scene, wanted: &Wanted, names: &[&str]) -> String {
    let mut changes = scene.changes(wanted);
    changes.keep_only(|change| names.contains(&change.instance.as_str()), Some(&scene.state));
    let plan = scene.plan_of(changes);
    plan.steps.node_weights().map(Step::id).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_part_of_a_plan_takes_what_it_needs_along() {
    let scene = Scene::applied(&pair());
    let elsewhere = wanted(&pair().replace("eu-west-3", "eu-central-1"));
    assert_snapshot!(only(&scene, &elsewhere, &["demo-a-1"]), @"create/foundation:eu-central-1 destroy/demo-a-1 create/demo-a-1 install/demo-a-1 verify/demo-a-1");
    assert_snapshot!(only(&scene, &elsewhere, &["demo-a-1", "demo-a-2"]), @"create/foundation:eu-central-1 destroy/demo-a-1 create/demo-a-1 install/demo-a-1 verify/demo-a-1 destroy/demo-a-2 create/demo-a-2 install/demo-a-2 verify/demo-a-2 destroy/foundation:eu-west-3");
    assert_snapshot!(only(&scene, &elsewhere, &[]), @"");
    assert_snapshot!(only(&scene, &Wanted::default(), &["demo-a-1"]), @"destroy/demo-a-1");
    let three = wanted(&AWS.replace("count: 1", "count: 3").replace("0.0.0.0/0", "10.0.0.0/8"));
    assert_snapshot!(only(&Scene::applied(AWS), &three, &["demo-a-3"]), @"create/foundation:eu-west-3 create/demo-a-3 install/demo-a-3 verify/demo-a-3");
}

#[test]
fn a_machine_is_replaced_because_the_user_asks_for_it() {
    let replace = [name("demo-a-2"), name("demo-a-3")];
    let (scene, wanted) = (Scene::applied(&pair()), wanted(&AWS.replace("count: 1", "count: 3")));
    let changes = scene.changes_with(&wanted, &replace);
    assert!(changes.list.iter().all(|change| change.is_asked_for() == (change.action == Action::Replace)));
    assert_snapshot!(shown(&scene.plan_of(changes), 2), @r#"
    Replace demo-a-2 because machine "asked for" -> "new": destroy, create 3, install, verify
    Create demo-a-3 because instance null -> "new": create 4, install, verify
    "#);
    // One that nobody has seen goes first, under its own token.
    let first = &wanted[0];
    let doubt = Scene::empty().laid(wanted.foundation.as_ref().unwrap());
    let doubt = doubt.begun(StepKind::Create, first);
    let changes = doubt.changes_with(&wanted, std::slice::from_ref(&first.name));
    assert_eq!(changes.list[0].action, Action::Replace);
}

#[test]
fn what_a_plan_ends_is_counted_and_what_is_protected_is_named() {
    let scene = Scene::applied(&AWS.replace("count: 1", "count: 4"));
    let wanted = wanted(&AWS.replace("count: 1", "count: 3"));
    let changes = scene.changes_with(&wanted, &[name("demo-a-2")]);
    let toll = Toll::of(&changes.list, &scene.state);
    assert_eq!(toll, Toll { ended: 2, all: 4 });
    assert!(toll.exceeds(49) && !toll.exceeds(50));
    assert!(!Toll { ended: 0, all: 0 }.exceeds(0));
    let named = |group: &str| {
        let doomed = protected(&changes.list, |it| it.as_str() == group);
        doomed.iter().map(|change| change.instance.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(named("a"), ["demo-a-2", "demo-a-4"]);
    assert!(named("b").is_empty());
}
