//! Steps that were begun and did not succeed: what is known, and what is asked for.

use bear_core::fleet::Instance;
use bear_core::observed::{BrokerSeen, Drift, Observation};
use bear_core::plan::{Step, StepKind};
use bear_core::state::v1::Machine;
use insta::assert_snapshot;

use crate::scene::{AWS, DEMO, Scene, Wanted, wanted};

fn one(yaml: &str) -> (String, Instance) {
    let yaml = yaml.replace("count: 3", "count: 1");
    let instance = wanted(&yaml)[0].clone();
    (yaml, instance)
}

/// What is done about one instance of which `step` was interrupted: where the provider sees no machine, where it sees
/// one, and where nobody has looked.
#[track_caller]
fn interrupted(step: StepKind) -> String {
    let (yaml, instance) = one(DEMO);
    let before = match step {
        StepKind::Create => Scene::empty(),
        _ => Scene::applied(&yaml),
    };
    let scene = before.begun(step, &instance).unobserved();
    let absent = scene.clone().sees(&instance.name, Observation::Absent);
    let present = scene.clone().sees_broker(&instance.name, BrokerSeen::Unknown);
    let text = [("absent", absent), ("present", present), ("unobserved", scene)]
        .map(|(seen, scene)| format!("{seen}: {}", scene.adopted().towards(&yaml)));
    text.concat().replace("0 unchanged\n", "")
}

#[test]
fn an_interrupted_step_is_looked_into() {
    // The same generation means the same token: whatever became of the first request, there will be one machine.
    assert_snapshot!(interrupted(StepKind::Create), @r#"
    absent: Create demo-a-1 because machine "create was interrupted" -> "new": create 1, install, verify
    present: Update demo-a-1 because verified "created" -> "proven": install, verify
    unobserved: Create demo-a-1 because machine "create was interrupted" -> "new": create 1, install, verify
    "#);
    assert_snapshot!(interrupted(StepKind::Install), @r#"
    absent: Create demo-a-1 because machine "m-demo-a-1" -> "gone": create 2, install, verify
    present: Update demo-a-1 because verified "install was interrupted" -> "proven": install, verify
    unobserved: Update demo-a-1 because verified "install was interrupted" -> "proven": install, verify
    "#);
    assert_snapshot!(interrupted(StepKind::Verify), @r#"
    absent: Create demo-a-1 because machine "m-demo-a-1" -> "gone": create 2, install, verify
    present: Update demo-a-1 because verified "verify was interrupted" -> "proven": verify
    unobserved: Update demo-a-1 because verified "verify was interrupted" -> "proven": verify
    "#);
    // A machine that may be going is not built upon.
    assert_snapshot!(interrupted(StepKind::Destroy), @r#"
    absent: Create demo-a-1 because machine "m-demo-a-1" -> "gone": create 2, install, verify
    present: Replace demo-a-1 because machine "destroy was interrupted" -> "new": destroy, create 2, install, verify
    unobserved: Replace demo-a-1 because machine "destroy was interrupted" -> "new": destroy, create 2, install, verify
    "#);
}

#[test]
fn a_failed_step_says_why() {
    let (yaml, instance) = one(DEMO);
    let failed =
        |before: Scene, step| before.begun(step, &instance).failed(step, &instance, "no luck").towards(&yaml);
    assert_snapshot!(failed(Scene::empty(), StepKind::Create), @r#"
    Create demo-a-1 because machine "create failed: no luck" -> "new": create 1, install, verify
    0 unchanged
    "#);
    assert_snapshot!(failed(Scene::applied(&yaml), StepKind::Install), @r#"
    Update demo-a-1 because verified "install failed: no luck" -> "proven": install, verify
    0 unchanged
    "#);
    assert_snapshot!(failed(Scene::applied(&yaml), StepKind::Verify), @r#"
    Update demo-a-1 because verified "verify failed: no luck" -> "proven": verify
    0 unchanged
    "#);
    assert_snapshot!(failed(Scene::applied(&yaml), StepKind::Destroy), @r#"
    Replace demo-a-1 because machine "destroy failed: no luck" -> "new": destroy, create 2, install, verify
    0 unchanged
    "#);
}

#[test]
fn what_was_never_begun_is_done_next() {
    let (yaml, instance) = one(DEMO);
    let create = Scene::empty().begun(StepKind::Create, &instance).succeeded(StepKind::Create, &instance);
    assert_snapshot!(create.towards(&yaml), @r#"
    Update demo-a-1 because verified "created" -> "proven": install, verify
    0 unchanged
    "#);
    let install = create.begun(StepKind::Install, &instance).succeeded(StepKind::Install, &instance);
    assert_snapshot!(install.towards(&yaml), @r#"
    Update demo-a-1 because verified "installed" -> "proven": verify
    0 unchanged
    "#);
}

#[test]
fn a_machine_in_doubt_that_is_to_be_another_goes_first() {
    let (yaml, instance) = one(AWS);
    let other = yaml.replace("t3.small", "t3.large");
    let scene = Scene::empty().begun(StepKind::Create, &instance);
    assert_snapshot!(scene.towards(&other), @r#"
    Create foundation of eu-west-3 because foundation null -> "new"
    Replace demo-a-1 because machine "create was interrupted" -> "new": destroy, create 2, install, verify
    0 unchanged
    "#);
    // An edit that asks for no other machine changes nothing about that.
    assert_snapshot!(scene.towards(&yaml.replace("5.0.9", "5.8.9")), @r#"
    Create foundation of eu-west-3 because foundation null -> "new"
    Create demo-a-1 because machine "create was interrupted" -> "new": create 1, install, verify
    0 unchanged
    "#);
    // Once it was found it is a machine like any other.
    let found = scene.sees_broker(&instance.name, BrokerSeen::Unknown).adopted();
    assert_snapshot!(found.towards(&other), @r#"
    Create foundation of eu-west-3 because foundation null -> "new"
    Replace demo-a-1 because machine.type "t3.small" -> "t3.large", verified "created" -> "proven": destroy, create 2, install, verify
    @@ -1,7 +1,7 @@
     provider: aws
     region: eu-west-3
     machine:
    -  type: t3.small
    +  type: t3.large
       image: ubuntu-22.04
       disk: 20 GiB
     login:
    0 unchanged
    "#);
}

#[test]
fn an_instance_in_doubt_that_is_not_wanted_any_more_is_destroyed() {
    let (_, instance) = one(DEMO);
    for step in StepKind::ALL {
        let before = Scene::empty().begun(StepKind::Create, &instance);
        let plan = before.begun(step, &instance).plan(&Wanted::default());
        let steps = plan.steps.node_weights().map(Step::id).collect::<Vec<_>>();
        assert_eq!(steps, ["destroy/demo-a-1"]);
    }
}

#[test]
fn an_instance_that_was_removed_in_doubt_and_is_wanted_again_starts_from_nothing() {
    // Its machine was never seen, and then its end was begun: it may come and go yet, so another is made.
    let (yaml, instance) = one(DEMO);
    let scene = Scene::empty().begun(StepKind::Create, &instance).begun(StepKind::Destroy, &instance);
    assert_snapshot!(scene.towards(&yaml), @r#"
    Replace demo-a-1 because machine "destroy was interrupted" -> "new": destroy, create 2, install, verify
    0 unchanged
    "#);
    assert_snapshot!(scene.sees(&instance.name, Observation::Absent).towards(&yaml), @r#"
    Replace demo-a-1 because machine "destroy was interrupted" -> "new": destroy, create 2, install, verify
    0 unchanged
    "#);
}

#[test]
fn only_machines_that_nobody_has_seen_yet_are_adopted() {
    let (yaml, instance) = one(DEMO);
    let state = Scene::applied(&yaml).state;
    assert_eq!(Scene::applied(&yaml).adopted().state, state);
    let going = Scene::applied(&yaml).begun(StepKind::Destroy, &instance);
    assert_eq!(going.clone().adopted().state, going.state);
}

#[test]
fn a_machine_that_is_reached_by_other_addresses_is_followed_and_proven_again() {
    let (yaml, instance) = one(AWS);
    let seen = |id: &str, address: &str| {
        let machine = Machine { private_address: None, ..Machine::new(id, address) };
        let seen = Observation::Present { machine, changed: Vec::new(), broker: BrokerSeen::Running };
        Scene::applied(&yaml).sees(&instance.name, seen).adopted()
    };
    let moved = seen("m-demo-a-1", "192.0.2.77");
    let machine = moved.state.instances[&instance.name].machine.as_ref();
    assert_eq!(machine.map(|machine| machine.address.as_str()), Some("192.0.2.77"));
    assert_snapshot!(moved.towards(&yaml), @r#"
    Update demo-a-1 because verified "installed" -> "proven": verify
    0 unchanged
    "#);
    // Another machine is not followed, whatever it says.
    assert_eq!(seen("m-stranger", "192.0.2.77").state, Scene::applied(&yaml).state);
}

#[test]
fn what_somebody_did_to_a_machine_is_mended_on_it() {
    let (yaml, instance) = one(AWS);
    let changed =
        ["state", "type"].map(|what| Drift { what: what.into(), is: "other".into(), was: "as left".into() });
    let machine = Machine::new("m-demo-a-1", "192.0.2.1");
    let broker = BrokerSeen::Unknown;
    let seen = Observation::Present { machine, changed: changed.to_vec(), broker };
    assert_snapshot!(Scene::applied(&yaml).sees(&instance.name, seen).towards(&yaml), @r#"
    Update demo-a-1 because machine.state "other" -> "as left", machine.type "other" -> "as left": install, verify
    0 unchanged
    "#);
}

#[test]
fn what_a_running_machine_can_be_given_is_no_reason_for_another() {
    let (yaml, _) = one(AWS);
    let edited = yaml.replace("disk: 20 GiB", "disk: 20 GiB, elastic_ip: true, iam_profile: brokers");
    let text = Scene::applied(&yaml).towards(&edited);
    assert_snapshot!(text.lines().next().unwrap(), @r#"Update demo-a-1 because machine.elastic_ip null -> true, machine.iam_profile null -> "brokers": install, verify"#);
    let spot = yaml.replace("disk: 20 GiB", "disk: 20 GiB, spot: true");
    assert_snapshot!(Scene::applied(&yaml).towards(&spot).lines().next().unwrap(), @"Replace demo-a-1 because machine.spot null -> true: destroy, create 2, install, verify");
}
