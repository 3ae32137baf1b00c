//! The account of one bear: what it planned, and what it told of that.

use std::fmt;

use bear_core::event::{Event, StepRef, Summary, What};
use bear_core::name::InstanceName;
use bear_core::plan::{Plan, Resource, StepKind};
use petgraph::Direction;
use petgraph::graph::NodeIndex;

use super::log::Property;

/// What is known of one bear.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) plan: Option<Plan>,
    /// For each step of the plan.
    pub(super) steps: Vec<StepSeen>,
    /// The instance that a machine is imported for.
    pub(super) imports: Option<InstanceName>,
    told: u64,
    summary: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StepSeen {
    pub(super) begun: bool,
    end: Option<bool>,
    skipped: bool,
    /// Whether the world let its broker be proven.
    pub(super) proven: bool,
}

impl Account {
    pub(super) fn step(&self, kind: StepKind, resource: &Resource) -> Option<NodeIndex> {
        let steps = &self.plan.as_ref()?.steps;
        steps.node_indices().find(|&step| steps[step].kind == kind && steps[step].resource == *resource)
    }

    /// Whether everything that a step waits for has succeeded.
    pub(super) fn is_free(&self, step: NodeIndex) -> bool {
        self.plan.as_ref().is_none_or(|plan| {
            let mut before = plan.steps.neighbors_directed(step, Direction::Incoming);
            before.all(|step| self.steps[step.index()].end == Some(true))
        })
    }

    pub(super) fn event(&mut self, event: &Event) -> Result<(), (Property, String)> {
        let wrong = |what: String| Err((Property::Events, what));
        self.told += 1;
        if event.seq != self.told {
            return wrong(format!("event {} came in place {}", event.seq, self.told));
        }
        if self.summary {
            return wrong("an event came after the summary".to_owned());
        }
        if (event.seq == 1) != matches!(event.what, What::RunStarted { .. }) {
            return wrong("the beginning of the run was not told first and once".to_owned());
        }
        match &event.what {
            What::StepStarted { step } => self.begins(step),
            What::StepSucceeded { step, .. } => self.ends(step, true),
            What::StepFailed { step, .. } => self.ends(step, false),
            What::StepSkipped { step, .. } => {
                let (_, seen) = self.seen(step)?;
                if seen.begun && seen.end.is_some() || std::mem::replace(&mut seen.skipped, true) {
                    return wrong(format!("{} was skipped, and ended", step.step));
                }
                Ok(())
            }
            What::Summary(_) => {
                self.summary = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begins(&mut self, step: &StepRef) -> Result<(), (Property, String)> {
        let (index, seen) = self.seen(step)?;
        if seen.end.is_some() || seen.skipped {
            return Err((Property::Events, format!("{} began after its end", step.step)));
        }
        seen.begun = true;
        if self.is_free(index) {
            return Ok(());
        }
        Err((Property::Dependent, format!("{} began before what it waits for had succeeded", step.step)))
    }

    fn ends(&mut self, step: &StepRef, well: bool) -> Result<(), (Property, String)> {
        let (_, seen) = self.seen(step)?;
        let is_unproven = well && step.kind == StepKind::Verify && !seen.proven;
        if !seen.begun || seen.skipped || seen.end.replace(well).is_some() {
            return Err((Property::Events, format!("{} had not exactly one end", step.step)));
        }
        if is_unproven {
            return Err((Property::Unproven, format!("{} succeeded, and nothing was proven", step.step)));
        }
        Ok(())
    }

    fn seen(&mut self, step: &StepRef) -> Result<(NodeIndex, &mut StepSeen), (Property, String)> {
        let resource = |index: &NodeIndex| self.plan.as_ref().map(|plan| plan.steps[*index].id());
        let mut indices = (0..self.steps.len()).map(NodeIndex::new);
        let found = indices.find(|index| resource(index).as_ref() == Some(&step.step));
        match found {
            Some(index) => Ok((index, &mut self.steps[index.index()])),
            None => Err((Property::OutsidePlan, format!("{} is no step of the plan", step.step))),
        }
    }

    /// What is wrong with the events of a run that came to its end.
    pub(super) fn ended(&self, summary: Option<&Summary>) -> Option<String> {
        let count = |is: fn(&StepSeen) -> bool| self.steps.iter().filter(|step| is(step)).count();
        let succeeded = count(|step| step.end == Some(true));
        let failed = count(|step| step.end == Some(false));
        let skipped = count(|step| step.skipped);
        if !self.summary {
            return Some("the summary was not told".to_owned());
        }
        if succeeded + failed + skipped != self.steps.len() {
            return Some(format!(
                "of {} steps {succeeded} succeeded, {failed} failed and {skipped} were skipped",
                self.steps.len()
            ));
        }
        let told = summary.map(|summary| (summary.succeeded, summary.failed, summary.skipped))?;
        (told != (succeeded, failed, skipped)).then(|| "the summary counts otherwise".to_owned())
    }
}

/// An event in a few words.
pub(super) struct Told<'a>(pub(super) &'a What);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            What::RunStarted { operation, steps } => write!(f, "{operation:?} of {steps} steps"),
            What::StepStarted { step } => write!(f, "{} started", step.step),
            What::StepRetrying { step, attempt, error, .. } => {
                write!(f, "{} failed for the {attempt}. time: {}", step.step, error.message)
            }
            What::Block { step, block } => write!(f, "{} {}", step.step, block.name),
            What::CheckEnded { step, check } => {
                write!(f, "{} {} {}", step.step, check.name, if check.ok { "passed" } else { "failed" })
            }
            What::StepSucceeded { step, .. } => write!(f, "{} succeeded", step.step),
            What::StepFailed { step, error, .. } => write!(f, "{} failed: {}", step.step, error.message),
            What::StepSkipped { step, because } => {
                write!(f, "{} skipped because of {}", step.step, because.as_deref().unwrap_or("the end"))
            }
            What::Interrupting { running } => write!(f, "asked to stop, {running} run"),
            What::Notice { text } => write!(f, "notice: {text}"),
            What::Summary(it) => {
                write!(f, "{} succeeded, {} failed, {} skipped", it.succeeded, it.failed, it.skipped)
            }
        }
    }
}
