//! What must hold for the stream of events of every run.

use std::collections::HashMap;
use std::fmt::Write;

use bear_core::event::{Event, Summary, What};
use bear_core::plan::Plan;
use petgraph::Direction;

/// How far a step is, as far as the events tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Running,
    Retrying,
    Succeeded,
    Failed,
    Skipped,
}

/// Asserts that a stream is complete and without contradiction, and that the summary says the same.
pub(crate) fn check(plan: &Plan, events: &[Event], summary: Option<&Summary>) {
    let steps = check_beginning(plan, events);
    let Some(Event { what: What::Summary(told), .. }) = events.last() else {
        panic!("the last event must be the summary")
    };
    if let Some(summary) = summary {
        assert_eq!(told, summary);
    }
    assert_eq!(steps.len(), plan.steps.node_count(), "every step must have been told of");
    let count = |end| steps.values().filter(|step| **step == end).count();
    assert_eq!(
        (count(Told::Succeeded), count(Told::Failed), count(Told::Skipped)),
        (told.succeeded, told.failed, told.skipped)
    );
    assert_eq!(count(Told::Running) + count(Told::Retrying), 0, "every step that started must have ended");
    assert_eq!(told.ok, summary.is_some() && told.failed + told.skipped == 0);
    let names = plan.changes.iter().map(|change| &change.instance);
    assert!(names.eq(told.instances.iter().map(|instance| &instance.name)), "in the order of the plan");
}

/// Asserts the same for a stream that a crash may have cut off; returns how far each step is.
fn check_beginning<'e>(plan: &Plan, events: &'e [Event]) -> HashMap<&'e str, Told> {
    let before = predecessors(plan);
    let mut steps = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.seq, index as u64 + 1, "numbers must have no gaps");
        match &event.what {
            What::RunStarted { steps, .. } => {
                assert_eq!((index, *steps), (0, plan.steps.node_count()));
            }
            What::StepStarted { step } => {
                let told = steps.insert(&*step.step, Told::Running);
                assert!(matches!(told, None | Some(Told::Retrying)), "{} started as {told:?}", step.step);
                let ready =
                    before[&step.step].iter().all(|step| steps.get(&**step) == Some(&Told::Succeeded));
                assert!(ready, "{} started before its turn", step.step);
            }
            What::CheckEnded { step, .. } | What::Block { step, .. } => {
                assert_eq!(steps.get(&*step.step), Some(&Told::Running), "{}", step.step);
            }
            What::StepRetrying { step, .. } => {
                assert_eq!(steps.insert(&*step.step, Told::Retrying), Some(Told::Running), "{}", step.step);
            }
            What::StepSucceeded { step, .. } => {
                assert_eq!(steps.insert(&*step.step, Told::Succeeded), Some(Told::Running), "{}", step.step);
            }
            What::StepFailed { step, .. } => {
                let told = steps.insert(&*step.step, Told::Failed);
                assert!(matches!(told, Some(Told::Running | Told::Retrying)), "{} was {told:?}", step.step);
            }
            What::StepSkipped { step, .. } => {
                assert_eq!(steps.insert(&*step.step, Told::Skipped), None, "{}", step.step);
            }
            What::Interrupting { .. } | What::Notice { .. } => {}
            What::Summary(_) => assert_eq!(index + 1, events.len(), "nothing may come after the summary"),
        }
    }
    steps
}

fn predecessors(plan: &Plan) -> HashMap<String, Vec<String>> {
    let steps = &plan.steps;
    let before = |step| steps.neighbors_directed(step, Direction::Incoming).map(|step| steps[step].id());
    steps.node_indices().map(|step| (steps[step].id(), before(step).collect())).collect()
}

/// The events, one line each: when, in seconds since the first, and what.
pub(crate) fn story(events: &[Event]) -> String {
    let mut story = String::new();
    for event in events {
        let when = event.at.duration_since(events[0].at).as_secs_f64();
        let what = match &event.what {
            What::RunStarted { steps, .. } => format!("{steps} steps"),
            What::StepStarted { step } => format!("{} started", step.step),
            What::StepRetrying { step, attempt, error, wait_seconds } => {
                format!("{} failed (try {attempt}: {error}), again in {wait_seconds}", step.step)
            }
            What::CheckEnded { step, check } => {
                format!("{} {} {}", step.step, check.name, if check.ok { "ok" } else { "failed" })
            }
            What::Block { step, block } => format!("{} {} {:?}", step.step, block.name, block.state),
            What::StepSucceeded { step, seconds } => format!("{} succeeded in {seconds}", step.step),
            What::StepFailed { step, error, .. } => {
                format!("{} failed: {} ({})", step.step, error, error.code)
            }
            What::StepSkipped { step, because: Some(because) } => format!("{} skipped: {because}", step.step),
            What::StepSkipped { step, because: None } => format!("{} skipped", step.step),
            What::Interrupting { running } => format!("interrupting, {running} running"),
            What::Notice { text } => text.clone(),
            What::Summary(summary) => format!(
                "{}: {} succeeded, {} failed, {} skipped{}",
                if summary.ok { "ok" } else { "not ok" },
                summary.succeeded,
                summary.failed,
                summary.skipped,
                if summary.interrupted { ", interrupted" } else { "" }
            ),
        };
        writeln!(story, "{when} {what}").unwrap();
    }
    story
}
