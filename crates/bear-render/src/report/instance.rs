//! What a run did with one instance, out of the record of all of it.

use std::collections::HashSet;

use bear_core::check::CheckResult;
use bear_core::event::{Operation, Outcome};
use jiff::Timestamp;

use super::record::{Record, Told};

/// What a run did with one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct OfInstance {
    /// When the run began.
    pub at: Timestamp,
    /// What it was for.
    pub operation: Operation,
    /// How it ended for the instance; none if it did not come to its end.
    pub outcome: Option<Outcome>,
    /// Why it failed for the instance.
    pub error: Option<String>,
    /// What the checks of its broker found, and when the last of them ended.
    pub proof: Option<(Timestamp, Vec<CheckResult>)>,
}

impl Record {
    /// What the run did with an instance; none if it was not part of it.
    pub fn of_instance(&self, instance: &str) -> Option<OfInstance> {
        let steps = self.heading.plan.steps.iter().filter(|step| step.resource == instance);
        let steps = steps.map(|step| step.id.as_str()).collect::<HashSet<_>>();
        let (at, operation) = self.lines.iter().find_map(|line| match line.what {
            Told::RunStarted { operation } => Some((line.at, operation)),
            _ => None,
        })?;
        if steps.is_empty() {
            return None;
        }
        let mut told = OfInstance { at, operation, outcome: None, error: None, proof: None };
        let mut succeeded = 0;
        for line in &self.lines {
            match &line.what {
                // A proof that is tried again begins anew.
                Told::StepStarted { step } if steps.contains(step.as_str()) => told.proof = None,
                Told::CheckEnded { step, check } if steps.contains(step.as_str()) => {
                    let (at, checks) = told.proof.get_or_insert((line.at, Vec::new()));
                    *at = line.at;
                    checks.push(check.clone());
                }
                Told::StepSucceeded { step, .. } if steps.contains(step.as_str()) => succeeded += 1,
                Told::StepFailed { step, error } if steps.contains(step.as_str()) => {
                    told.outcome = Some(Outcome::Failed);
                    told.error = Some(error.message.clone());
                }
                Told::StepSkipped { step, .. } if steps.contains(step.as_str()) => {
                    told.outcome = told.outcome.or(Some(Outcome::Skipped));
                }
                _ => {}
            }
        }
        if succeeded == steps.len() {
            told.outcome = Some(Outcome::Succeeded);
        }
        Some(told)
    }
}
