//! Plans that are recorded, and run later exactly as they were shown.

use bear_core::plan::StepKind;
use bear_core::plan::{Origin, Plan, RecordedPlan, document};
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::scene::{AWS, DEMO, Scene, Wanted, wanted};

const BEAR: &str = "1.2.3";

pub(crate) fn record(plan: &Plan, generation: u64) -> RecordedPlan {
    let origin = Origin {
        bear: BEAR.into(),
        id: "0123".into(),
        at: Timestamp::UNIX_EPOCH,
        file: "fleets/demo.yaml".into(),
        digest: "4567".into(),
    };
    RecordedPlan::new(plan, generation, origin)
}

/// Asserts that a plan comes back as it was.
#[track_caller]
pub(crate) fn check(plan: &Plan, generation: u64) {
    let text = record(plan, generation).write();
    let again = RecordedPlan::read(text.as_bytes(), BEAR).unwrap();
    assert_eq!(again, record(plan, generation));
    let again = again.plan().unwrap();
    let json = |plan| serde_json::to_string(&document(plan)).unwrap();
    assert_eq!(json(&again), json(plan));
    assert_eq!(again.changes, plan.changes);
    let steps = |plan: &Plan| plan.steps.node_weights().cloned().collect::<Vec<_>>();
    assert_eq!(steps(&again), steps(plan));
}

#[test]
fn a_recorded_plan_is_the_same_plan() {
    check(&Scene::empty().plan(&wanted(AWS)), 0);
    let scene = Scene::applied(AWS);
    check(&scene.plan(&wanted(AWS)), scene.state.generation);
    check(&scene.plan(&Wanted::default()), scene.state.generation);
    check(&scene.plan(&wanted(&AWS.replace("t3.small", "t3.large"))), scene.state.generation);
    check(&scene.plan(&wanted(&AWS.replace("5.0.9", "5.8.9"))), scene.state.generation);
    let in_doubt = scene.begun(StepKind::Verify, &wanted(AWS)[0]);
    check(&in_doubt.plan(&wanted(AWS)), in_doubt.state.generation);
    let asked_again = Scene::empty().begun(StepKind::Create, &wanted(AWS)[0]);
    check(&asked_again.plan(&wanted(AWS)), asked_again.state.generation);
}

#[test]
fn like_instances_are_written_once() {
    let text = record(&Scene::empty().plan(&wanted(DEMO)), 0).write();
    assert_snapshot!(text, @r#"{"version":1,"bear":"1.2.3","id":"0123","at":"1970-01-01T00:00:00Z","file":"fleets/demo.yaml","digest":"4567","fleet":"demo","generation":0,"unchanged":0,"specs":[{"provider":"local","broker":{"embedded":{}}}],"changes":[{"instance":"demo-a-1","group":"a","action":"create","reasons":[{"field":"instance","from":null,"to":"new"}],"spec":0},{"instance":"demo-a-2","group":"a","action":"create","reasons":[{"field":"instance","from":null,"to":"new"}],"spec":0},{"instance":"demo-a-3","group":"a","action":"create","reasons":[{"field":"instance","from":null,"to":"new"}],"spec":0}]}"#);
}

/// Why a text is refused.
#[track_caller]
fn refused(spoil: impl FnOnce(String) -> String) -> String {
    let text = spoil(record(&Scene::empty().plan(&wanted(DEMO)), 0).write());
    match RecordedPlan::read(text.as_bytes(), BEAR) {
        Ok(recorded) => recorded.plan().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_plan_that_can_not_be_trusted_is_refused() {
    assert_snapshot!(refused(|text| text.replace("1.2.3", "1.2.4")), @"the recorded plan was made by bear 1.2.4");
    // Another bear may have written anything else, as long as it said so.
    assert_snapshot!(refused(|_| r#"{"bear": "9.0.0", "shape": "unheard of"}"#.into()), @"the recorded plan was made by bear 9.0.0");
    assert_snapshot!(refused(|text| text[..text.len() / 2].into()), @"the recorded plan is damaged: EOF while parsing a string at line 1 column 289");
    assert_snapshot!(refused(|_| String::new()), @"the recorded plan is damaged: EOF while parsing a value at line 1 column 0");
    assert_snapshot!(refused(|text| text.replace(r#""spec":0"#, r#""spec":7"#)), @"the recorded plan is damaged: `demo-a-1` refers to a spec that is not there");
    assert_snapshot!(refused(|text| text.replace(r#""unchanged""#, r#""changed""#)), @"the recorded plan is damaged: unknown field `changed`, expected one of `version`, `bear`, `id`, `at`, `file`, `digest`, `fleet`, `generation`, `unchanged`, `foundations`, `specs`, `changes` at line 1 column 149");
    assert_snapshot!(refused(|text| text.replace("demo-a-2", "../../etc")), @"the recorded plan is damaged: a name is made of a-z, 0-9 and single hyphens, and begins and ends with a letter or digit at line 1 column 363");
}
