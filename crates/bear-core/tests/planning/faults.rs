//! Plans that bear must never make, and that the check must find if it does.

use bear_core::plan::{Plan, Resource, Step, StepKind, check};
use insta::assert_snapshot;

use crate::scene::{AWS, DEMO, Scene, name, wanted};

/// The plan for one new instance, made wrong.
#[track_caller]
fn fault(spoil: impl FnOnce(&mut Plan)) -> String {
    let mut plan = Scene::empty().plan(&wanted(&DEMO.replace("count: 3", "count: 1")));
    spoil(&mut plan);
    check(&plan).unwrap_err().to_string()
}

/// The plan that takes an instance from one region to another, made wrong.
#[track_caller]
fn fault_of_ground(spoil: impl FnOnce(&mut Plan)) -> String {
    let mut plan = Scene::applied(AWS).plan(&wanted(&AWS.replace("eu-west-3", "eu-central-1")));
    spoil(&mut plan);
    check(&plan).unwrap_err().to_string()
}

#[test]
fn nothing_is_left_without_ground() {
    let cut = |plan: &mut Plan, before: &str, after: &str| {
        let step = |id: &str| plan.steps.node_indices().find(|&step| plan.steps[step].id() == id).unwrap();
        let edge = plan.steps.find_edge(step(before), step(after)).unwrap();
        plan.steps.remove_edge(edge);
    };
    assert_snapshot!(fault_of_ground(|plan| cut(plan, "create/foundation:eu-central-1", "destroy/demo-a-1")), @"the step destroy/demo-a-1 does not wait for create/foundation:eu-central-1");
    assert_snapshot!(fault_of_ground(|plan| cut(plan, "destroy/demo-a-1", "destroy/foundation:eu-west-3")), @"the step destroy/foundation:eu-west-3 does not wait for destroy/demo-a-1");
    assert_snapshot!(fault_of_ground(|plan| {
        plan.steps.node_weights_mut().for_each(|step| step.foundation = None);
    }), @"the step create/foundation:eu-central-1 has no foundation");
}

fn destroy() -> Step {
    let resource = Resource::Instance(name("demo-a-1"));
    Step { kind: StepKind::Destroy, resource, group: None, spec: None, generation: None, foundation: None }
}

#[test]
fn every_fault_is_found() {
    let step = |plan: &Plan, index: usize| plan.steps.node_indices().nth(index).unwrap();
    let (create, install, verify) = (0, 1, 2);
    assert_snapshot!(fault(|plan| {
        plan.steps.add_edge(step(plan, verify), step(plan, create), ());
    }), @"these steps wait for each other: verify/demo-a-1 -> install/demo-a-1 -> create/demo-a-1");
    assert_snapshot!(fault(|plan| {
        let itself = step(plan, install);
        plan.steps.add_edge(itself, itself, ());
    }), @"these steps wait for each other: install/demo-a-1");
    assert_snapshot!(fault(|plan| {
        let again = plan.steps[step(plan, install)].clone();
        plan.steps.add_node(again);
    }), @"the step install/demo-a-1 is there twice");
    assert_snapshot!(fault(|plan| {
        let install = step(plan, install);
        plan.steps[install].spec = None;
    }), @"the step install/demo-a-1 has no spec");
    assert_snapshot!(fault(|plan| {
        let create = step(plan, create);
        plan.steps[create].generation = None;
    }), @"the step create/demo-a-1 has no generation");
    assert_snapshot!(fault(|plan| {
        let create = step(plan, create);
        plan.steps[create].group = None;
    }), @"the step create/demo-a-1 has no group");
    assert_snapshot!(fault(|plan| plan.steps.clear_edges()), @"the step install/demo-a-1 does not wait for create/demo-a-1");
    // What is destroyed after it was made would be gone.
    assert_snapshot!(fault(|plan| {
        let (verify, destroy) = (step(plan, verify), plan.steps.add_node(destroy()));
        plan.steps.add_edge(verify, destroy, ());
    }), @"the step create/demo-a-1 does not wait for destroy/demo-a-1");
    // A step of another instance instead of its own.
    assert_snapshot!(fault(|plan| {
        let create = step(plan, create);
        plan.steps[create].resource = Resource::Instance(name("demo-b-1"));
        let stranger = Step { kind: StepKind::Create, ..plan.steps[create].clone() };
        let own = plan.steps.add_node(Step { resource: Resource::Instance(name("demo-a-1")), ..stranger });
        plan.steps.add_edge(create, own, ());
    }), @"the step install/demo-a-1 does not wait for create/demo-a-1");
}
