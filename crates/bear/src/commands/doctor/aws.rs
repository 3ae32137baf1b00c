//! Amazon EC2: whether the credentials are any good, and allow what bear does.

use bear_core::event::StepError;
use bear_hosts::FirstContactRule;

use super::Finding;
use super::project::{Chosen, Scene};
use crate::context::Context;
use crate::fault::Fault;
use crate::render::words::count;
use crate::world::{Ground, Permission, World};

const CHECK: &str = "aws";

/// Where the actions are listed that bear needs.
const POLICY: &str = "docs/aws-iam-policy.json lists what bear needs";

pub(super) async fn findings(scene: &Scene, context: &Context) -> Vec<Finding> {
    let Some(chosen) = scene.fleet.as_ref().filter(|chosen| chosen.foundation.is_some()) else {
        return Vec::new();
    };
    if !cfg!(feature = "aws") {
        let detail = "this bear was built without Amazon EC2";
        return vec![Finding::fail(CHECK, detail).with_help("build it with its default features")];
    }
    match world(scene, chosen, context) {
        Ok(world) => {
            let told = world.permissions().await.into_iter();
            told.map(|(region, told)| finding(&region, told.map(|all| needed(all, chosen)))).collect()
        }
        Err(fault) => vec![Finding::of_fault(CHECK, &fault)],
    }
}

fn world(scene: &Scene, chosen: &Chosen, context: &Context) -> Result<World, Fault> {
    let lineage = chosen.state.as_ref().map_or("", |state| &state.lineage);
    let foundations = chosen.foundation.iter().map(|it| (it.region.clone(), it.clone())).collect();
    let (fleet, folder, project) = (&chosen.name, &chosen.folder, scene.project.root());
    let ground =
        Ground { fleet, folder, project, lineage, foundations, identity: None, withheld: scene.withheld() };
    World::new(&ground, FirstContactRule::Refuse, None, &context.environment)
}

/// Without those that are only for profiles, where no machine has one: whether they are allowed can't be tried.
fn needed(all: Vec<Permission>, chosen: &Chosen) -> Vec<Permission> {
    let mut machines = chosen.instances.iter().filter_map(|instance| instance.spec.machine.as_ref());
    let has_profiles = machines.any(|machine| machine.iam_profile.is_some());
    let is_for_profiles = |action: &str| action.contains("IamInstanceProfile") || action == "iam:PassRole";
    all.into_iter().filter(|it| has_profiles || !is_for_profiles(it.action)).collect()
}

fn finding(region: &str, told: Result<Vec<Permission>, StepError>) -> Finding {
    let permissions = match told {
        Ok(permissions) => permissions,
        Err(error) => {
            let finding = Finding::fail(CHECK, format!("{region}: {}", error.message));
            return error.help.into_iter().fold(finding, Finding::with_help);
        }
    };
    let of = |allowed| {
        permissions.iter().filter(move |it| it.allowed == allowed).map(|it| it.action).collect::<Vec<_>>()
    };
    let (denied, unclear) = (of(Some(false)), of(None));
    match (denied.as_slice(), unclear.as_slice()) {
        ([], []) => {
            Finding::ok(CHECK, format!("{region}: all {} are allowed", count(permissions.len(), "action")))
        }
        ([], unclear) => Finding::warn(
            CHECK,
            format!("{region}: EC2 does not say whether {} is allowed", unclear.join(", ")),
            POLICY,
        ),
        (denied, _) => {
            Finding::fail(CHECK, format!("{region}: not allowed: {}", denied.join(", "))).with_help(POLICY)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_is_not_allowed_is_named() {
        #[track_caller]
        fn check(told: &[(&'static str, Option<bool>)], verdict: Verdict, detail: &str) {
            let told = told.iter().map(|&(action, allowed)| Permission { action, allowed }).collect();
            let finding = finding("eu-west-3", Ok(told));
            assert_eq!((finding.verdict, &*finding.detail), (verdict, detail));
        }
        let (run, end) = ("ec2:RunInstances", "ec2:TerminateInstances");
        check(&[(run, Some(true)), (end, Some(true))], Verdict::Ok, "eu-west-3: all 2 actions are allowed");
        check(
            &[(run, Some(true)), (end, None)],
            Verdict::Warn,
            "eu-west-3: EC2 does not say whether ec2:TerminateInstances is allowed",
        );
        check(&[(run, Some(false)), (end, None)], Verdict::Fail, "eu-west-3: not allowed: ec2:RunInstances");
    }
}
