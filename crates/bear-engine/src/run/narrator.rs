//! Tells what happens: turns it into numbered, dated events and keeps the account that the summary is made from.

use std::collections::HashMap;
use std::time::Duration;

use bear_core::check::CheckResult;
use bear_core::event::{
    BlockReport, Event, InstanceSummary, Outcome, StepError, StepRef, Summary, VERSION, What,
};
use bear_core::name::InstanceName;
use bear_core::plan::{Plan, Step};
use tokio::time::Instant;

use crate::clock::Clock;

pub(super) struct Narrator<'a> {
    plan: &'a Plan,
    clock: &'a dyn Clock,
    report: &'a mut (dyn FnMut(&Event) + Send),
    seq: u64,
    started: Instant,
    accounts: Vec<InstanceSummary>,
    account_of: HashMap<&'a InstanceName, usize>,
    succeeded: usize,
    failed: usize,
    skipped: usize,
}

impl<'a> Narrator<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        clock: &'a dyn Clock,
        report: &'a mut (dyn FnMut(&Event) + Send),
    ) -> Self {
        let accounts = plan.changes.iter().map(|change| InstanceSummary {
            name: change.instance.clone(),
            outcome: Outcome::Succeeded,
            error: None,
            seconds: 0.0,
            checks: Vec::new(),
        });
        Self {
            plan,
            clock,
            report,
            seq: 0,
            started: Instant::now(),
            accounts: accounts.collect(),
            account_of: plan.changes.iter().enumerate().map(|(n, change)| (&change.instance, n)).collect(),
            succeeded: 0,
            failed: 0,
            skipped: 0,
        }
    }

    pub(super) fn tell(&mut self, what: What) {
        self.seq += 1;
        let event = Event { version: VERSION, seq: self.seq, at: self.clock.now(), what };
        (self.report)(&event);
    }

    pub(super) fn step_started(&mut self, step: &Step) {
        self.tell(What::StepStarted { step: step_ref(step) });
    }

    pub(super) fn check_ended(&mut self, step: &Step, check: CheckResult) {
        if let Some(account) = self.account(step) {
            account.checks.push(check.clone());
        }
        self.tell(What::CheckEnded { step: step_ref(step), check });
    }

    pub(super) fn block(&mut self, step: &Step, block: BlockReport) {
        self.tell(What::Block { step: step_ref(step), block });
    }

    pub(super) fn step_retrying(&mut self, step: &Step, attempt: u32, error: StepError, wait: Duration) {
        let wait_seconds = wait.as_secs_f64();
        self.tell(What::StepRetrying { step: step_ref(step), attempt, error, wait_seconds });
    }

    pub(super) fn step_succeeded(&mut self, step: &Step, took: Duration) {
        self.succeeded += 1;
        let seconds = seconds(took);
        if let Some(account) = self.account(step) {
            account.seconds += seconds;
        }
        self.tell(What::StepSucceeded { step: step_ref(step), seconds });
    }

    pub(super) fn step_failed(&mut self, step: &Step, took: Duration, error: StepError) {
        self.failed += 1;
        let seconds = seconds(took);
        if let Some(account) = self.account(step) {
            account.seconds += seconds;
            account.outcome = Outcome::Failed;
            account.error = Some(error.clone());
        }
        self.tell(What::StepFailed { step: step_ref(step), seconds, error });
    }

    pub(super) fn step_skipped(&mut self, step: &Step, because: Option<&Step>) {
        self.skipped += 1;
        if let Some(account) = self.account(step)
            && account.outcome == Outcome::Succeeded
        {
            account.outcome = Outcome::Skipped;
        }
        self.tell(What::StepSkipped { step: step_ref(step), because: because.map(Step::id) });
    }

    /// Tells how it all ended; `kept` says whether everything could be recorded.
    pub(super) fn summary(mut self, interrupted: bool, kept: bool) -> Summary {
        let summary = Summary {
            ok: kept && self.failed == 0 && self.skipped == 0,
            succeeded: self.succeeded,
            failed: self.failed,
            skipped: self.skipped,
            interrupted,
            seconds: seconds(self.started.elapsed()),
            instances: std::mem::take(&mut self.accounts),
        };
        self.tell(What::Summary(summary.clone()));
        summary
    }

    fn account(&mut self, step: &Step) -> Option<&mut InstanceSummary> {
        let number = *self.account_of.get(step.instance()?)?;
        self.accounts.get_mut(number)
    }

    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }
}

fn step_ref(step: &Step) -> StepRef {
    StepRef { step: step.id(), kind: step.kind, instance: step.instance().cloned() }
}

/// Seconds with three decimals.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}
