//! Plans, and runs in which every step takes as long as it is told to.

use std::collections::HashMap;

use bear_core::check::{CheckName, CheckResult};
use bear_core::diff::{Goal, diff};
use bear_core::event::{Event, Operation, StepError, StepRef, Summary, VERSION, What};
use bear_core::fleet::parse;
use bear_core::observed::Observed;
use bear_core::plan::{self, Plan, StepKind};
use jiff::{SignedDuration, Timestamp};
use petgraph::Direction;

/// The plan that makes a fleet of `count` brokers on EC2 from nothing.
pub(crate) fn plan_of(count: usize) -> Plan {
    let text = format!(
        "fleet: daily\n\
         provider:\n  aws: {{ region: eu-west-3 }}\n\
         network: {{ operators: [203.0.113.7/32], clients: [203.0.113.0/24] }}\n\
         groups:\n  edge:\n    count: {count}\n    machine: {{ type: t3.small, image: ubuntu-22.04 }}\n    \
         broker: {{ mosquitto: {{ version: 2.0.11-1ubuntu1 }} }}\n"
    );
    let fleet = parse("fleets/daily.yaml", text.as_bytes()).unwrap().fleet;
    let (instances, foundation) = (fleet.instances().unwrap(), fleet.foundation());
    let goal = Goal { instances: &instances, foundation: foundation.as_ref(), replace: &[] };
    plan::build(fleet.name.clone(), diff(&goal, None, &Observed::new()), 0)
}

/// The record of a run: each step begins when what it waits for has ended, and takes as many milliseconds as `took`
/// says; `error` says which steps fail, and why.
pub(crate) fn record(
    plan: &Plan,
    took: impl Fn(&plan::Step) -> i64,
    error: impl Fn(&plan::Step) -> Option<StepError>,
) -> String {
    let began: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    let mut happened =
        vec![(0, What::RunStarted { operation: Operation::Apply, steps: plan.steps.node_count() })];
    let mut ends = HashMap::new();
    let (mut failed, mut skipped) = (0, 0);
    for index in petgraph::algo::toposort(&plan.steps, None).unwrap() {
        let step = &plan.steps[index];
        let told = StepRef { step: step.id(), kind: step.kind, instance: step.instance().cloned() };
        let before = plan.steps.neighbors_directed(index, Direction::Incoming);
        let before = before.map(|before| ends.get(&before).copied()).collect::<Option<Vec<i64>>>();
        let Some(begins) = before.map(|ends| ends.into_iter().max().unwrap_or(0)) else {
            skipped += 1;
            let because = format!("install/{}", step.resource);
            happened.push((i64::MAX, What::StepSkipped { step: told, because: Some(because) }));
            continue;
        };
        let ended = begins + took(step);
        let seconds = SignedDuration::from_millis(ended - begins).as_secs_f64();
        happened.push((begins, What::StepStarted { step: told.clone() }));
        if let Some(error) = error(step) {
            failed += 1;
            happened.push((ended, What::StepFailed { step: told, seconds, error }));
            continue;
        }
        for (number, name) in (1..).zip([CheckName::Tcp, CheckName::Qos1, CheckName::Qos2]) {
            if step.kind == StepKind::Verify {
                let check = CheckResult { name, ok: true, millis: f64::from(number) * 1.5, detail: None };
                happened.push((ended, What::CheckEnded { step: told.clone(), check }));
            }
        }
        happened.push((ended, What::StepSucceeded { step: told, seconds }));
        ends.insert(index, ended);
    }
    let last = happened.iter().map(|(at, _)| *at).filter(|at| *at < i64::MAX).max().unwrap();
    let (ok, succeeded) = (failed + skipped == 0, ends.len());
    let seconds = SignedDuration::from_millis(last).as_secs_f64();
    let summary =
        Summary { ok, succeeded, failed, skipped, interrupted: false, seconds, instances: Vec::new() };
    happened.sort_by_key(|(at, _)| *at);
    happened.push((last, What::Summary(summary)));
    let mut record = bear_render::report::heading(plan, "0.1.0", "fleets/daily.yaml");
    for (seq, (at, what)) in (1..).zip(happened) {
        let at = began + SignedDuration::from_millis(at.min(last));
        record.push_str(&bear_render::report::line(&Event { version: VERSION, seq, at, what }));
    }
    record
}
