//! The witness: sees everything that bears do while they do it, and holds it against what they had recorded and planned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bear_core::event::{Event, Summary, What};
use bear_core::name::InstanceName;
use bear_core::plan::{Plan, Resource, StepKind};
use bear_core::state::v1::{FoundationPhase, Phase, Record, Recorded, State};
use bear_core::state::{self, journal};

use super::account::{Account, StepSeen, Told};
use super::log::{Log, Property};
use crate::disk::SimulatedDisk;
use crate::world::Deed;

/// Where the state of the one fleet lies on its disk.
pub(super) const FOLDER: &str = "/.bear/demo";

/// Sees what the bears of a case do.
#[derive(Debug)]
pub(super) struct Witness {
    disk: SimulatedDisk,
    log: Arc<Log>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    accounts: Vec<Account>,
    /// What is certain to survive a power cut, as of so many changes to the disk.
    certain: Option<(usize, Option<Arc<State>>)>,
    /// The highest serial and generation that somebody was told to be durable, and the lineage.
    promised: Option<(u64, u64, String)>,
    /// Whether somebody deleted a lock that was held, in this life.
    broken: bool,
    /// After so many further deeds the first bear dies.
    deeds_to_live: Option<u32>,
    doom: Doom,
}

/// Tells a bear that it has to die.
#[derive(Debug, Default)]
pub(super) struct Doom {
    pub(super) has_come: bool,
    pub(super) waker: Option<Waker>,
}

impl Witness {
    pub(super) fn new(disk: SimulatedDisk, log: Arc<Log>) -> Self {
        Self { disk, log, seen: Mutex::default() }
    }

    /// A life begins, in which the first bear dies after so many deeds.
    pub(super) fn life_begins(&self, deeds_to_live: Option<u32>) {
        let mut seen = self.seen();
        (seen.accounts, seen.broken, seen.deeds_to_live) = (Vec::new(), false, deeds_to_live);
        seen.doom = Doom::default();
    }

    /// A bear is born; the number that it goes by.
    pub(super) fn is_born(&self) -> usize {
        let mut seen = self.seen();
        seen.accounts.push(Account::default());
        seen.accounts.len() - 1
    }

    /// A bear made a plan, and is about to carry it out.
    pub(super) fn has_planned(&self, bear: usize, plan: &Plan) {
        let mut seen = self.seen();
        let account = &mut seen.accounts[bear];
        account.steps = vec![StepSeen::default(); plan.steps.node_count()];
        account.plan = Some(plan.clone());
    }

    /// A bear is about to import a machine.
    pub(super) fn imports(&self, bear: usize, instance: &InstanceName) {
        self.seen().accounts[bear].imports = Some(instance.clone());
    }

    /// Somebody deleted the lock under the first bear.
    pub(super) fn lock_was_broken(&self) {
        self.seen().broken = true;
    }

    pub(super) fn is_broken(&self) -> bool {
        self.seen().broken
    }

    /// Whether the first bear has to die now; if not, it is woken when it has to.
    pub(super) fn doom_has_come(&self, waker: &Waker) -> bool {
        let mut seen = self.seen();
        seen.doom.waker = Some(waker.clone());
        seen.doom.has_come
    }

    /// The store told a bear that these records are durable, and that this is the state now.
    pub(super) fn recorded(&self, bear: usize, records: &[Record], state: &State) {
        if bear == 0 && self.is_broken() {
            self.log.violated(Property::UnheldLock, "a bear that had lost its lock went on to record");
        }
        for record in records {
            if let Record::Verified { instance, .. } = record
                && !self.has_proven(bear, instance)
            {
                self.log.violated(Property::Unproven, format_args!("{instance} was recorded as verified"));
            }
        }
        self.promised(bear, state);
    }

    /// What a bear was told to be durable is, and nothing goes backwards.
    pub(super) fn promised(&self, bear: usize, state: &State) {
        if bear == 0 && self.is_broken() {
            return;
        }
        match self.certain() {
            Some(certain) if *certain == *state => {}
            Some(certain) => self.log.violated(
                Property::NotDurable,
                format_args!("state {} counts as durable, and {} is", state.serial, certain.serial),
            ),
            None => self.log.violated(Property::NotDurable, "a state counts as durable, and none is"),
        }
        self.goes_on(state);
        let promise = (state.serial, state.generation, state.lineage.clone());
        self.seen().promised = Some(promise);
    }

    /// A state was read: it comes after all that was promised before.
    pub(super) fn goes_on(&self, state: &State) {
        let promised = self.seen().promised.clone();
        let Some((serial, generation, lineage)) = promised else { return };
        if serial > state.serial || generation > state.generation || lineage != state.lineage {
            let before = format!("from {serial}, generation {generation}, {lineage}");
            let after = format!("to {}, generation {}, {}", state.serial, state.generation, state.lineage);
            self.log.violated(Property::Backwards, format_args!("the state went {before} {after}"));
        }
    }

    /// Whether somebody was ever told that a state is durable.
    pub(super) fn has_promise(&self) -> bool {
        self.seen().promised.is_some()
    }

    fn has_proven(&self, bear: usize, instance: &InstanceName) -> bool {
        let seen = self.seen();
        let account = &seen.accounts[bear];
        let step = account.step(StepKind::Verify, &Resource::Instance(instance.clone()));
        step.is_some_and(|step| account.steps[step.index()].proven)
    }

    /// Something was done to the world.
    pub(super) fn deed(&self, deed: &Deed) {
        self.log.line(format_args!(
            "deed      {} {}{}{}",
            deed.kind,
            deed.resource,
            if deed.changed { "" } else { ", nothing changed" },
            if deed.done { "" } else { ", refused" },
        ));
        self.log.count(|coverage| {
            coverage.deeds += 1;
            coverage.destroyed += u64::from(deed.kind == StepKind::Destroy && deed.changed);
            coverage.foundations +=
                u64::from(matches!(deed.resource, Resource::Foundation(_)) && deed.changed);
        });
        let is_certain = self.is_certain(deed);
        let fault = self.seen().deed(deed, is_certain);
        if let Some((property, what)) = fault {
            self.log.violated(property, format_args!("{} of {} {what}", deed.kind, deed.resource));
        }
        let mut seen = self.seen();
        if let Some(left) = &mut seen.deeds_to_live {
            *left = left.saturating_sub(1);
            if *left == 0 {
                seen.doom.has_come = true;
                let waker = seen.doom.waker.take();
                drop(seen);
                waker.iter().for_each(Waker::wake_by_ref);
            }
        }
    }

    /// Whether it would survive a power cut that the step of a deed was begun.
    fn is_certain(&self, deed: &Deed) -> bool {
        let Some(state) = self.certain() else { return false };
        match &deed.resource {
            Resource::Foundation(region) => {
                let phase = state.foundations.get(region).map(|recorded| recorded.phase);
                match deed.kind {
                    StepKind::Destroy => phase == Some(FoundationPhase::Removing),
                    _ => phase == Some(FoundationPhase::Laying),
                }
            }
            Resource::Instance(name) => {
                state.instances.get(name).is_some_and(|recorded| is_begun(recorded, deed.kind))
            }
        }
    }

    /// The state that would be read after a power cut now.
    pub(super) fn certain(&self) -> Option<Arc<State>> {
        let changes = self.disk.changes();
        if let Some((as_of, certain)) = &self.seen().certain
            && *as_of == changes
        {
            return certain.clone();
        }
        let certain = self.read_certain();
        self.seen().certain = Some((changes, certain.clone()));
        certain
    }

    fn read_certain(&self) -> Option<Arc<State>> {
        let snapshot = self.disk.certain(format!("{FOLDER}/state.json"))?;
        let journal = self.disk.certain(format!("{FOLDER}/journal.ndjson")).unwrap_or_default();
        let mut state = match state::read(&snapshot) {
            Ok(state) => state,
            Err(error) => {
                self.log.violated(Property::Unreadable, format_args!("the certain snapshot: {error}"));
                return None;
            }
        };
        if let Err(error) = journal::replay(&mut state, &journal) {
            self.log.violated(Property::Unreadable, format_args!("the certain journal: {error}"));
            return None;
        }
        Some(Arc::new(state))
    }

    /// A bear told an event.
    pub(super) fn event(&self, bear: usize, event: &Event) {
        self.log.line(format_args!("event {bear}   {}", Told(&event.what)));
        let fault = self.seen().accounts[bear].event(event);
        if let Err((property, what)) = fault {
            self.log.violated(property, what);
        }
        if matches!(event.what, What::StepStarted { .. }) && bear == 0 && self.is_broken() {
            self.log.violated(Property::UnheldLock, "a bear that had lost its lock began another step");
        }
        self.log.count(|coverage| match &event.what {
            What::StepSucceeded { .. } => coverage.succeeded += 1,
            What::StepFailed { .. } => coverage.failed += 1,
            What::StepSkipped { .. } => coverage.skipped += 1,
            What::StepRetrying { .. } => coverage.retried += 1,
            What::Interrupting { .. } => coverage.interrupts += 1,
            _ => {}
        });
    }

    /// A bear came to the end of its plan by itself.
    pub(super) fn has_ended(&self, bear: usize, summary: Option<&Summary>) {
        let fault = self.seen().accounts[bear].ended(summary);
        if let Some(what) = fault {
            self.log.violated(Property::Events, what);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_begun(recorded: &Recorded, kind: StepKind) -> bool {
    let begun = recorded.unfinished.as_ref().is_some_and(|step| step.step == kind && step.error.is_none());
    begun
        && match kind {
            StepKind::Create => recorded.phase == Phase::Creating && recorded.machine.is_none(),
            StepKind::Install => recorded.phase == Phase::Created && recorded.machine.is_some(),
            StepKind::Verify => recorded.phase == Phase::Installed && recorded.installed.is_some(),
            StepKind::Destroy => recorded.phase == Phase::Destroying,
        }
}

impl Seen {
    /// What is wrong with a deed; none if it is that of a step that was begun after all that it waits for.
    fn deed(&mut self, deed: &Deed, is_certain: bool) -> Option<(Property, &'static str)> {
        // Once a lock was broken, two bears record in turn, and what one has begun another may have settled.
        let not_durable = !is_certain && !self.broken;
        let durable = || not_durable.then_some((Property::NotDurable, "came before it was recorded"));
        if let Resource::Instance(name) = &deed.resource
            && deed.kind == StepKind::Create
            && self.accounts.iter().any(|account| account.imports.as_ref() == Some(name))
        {
            return durable();
        }
        let mut fault = Some((Property::OutsidePlan, "belongs to no step that was begun"));
        // Which of two bears did it is not seen: it may be the one who may.
        for account in &mut self.accounts {
            let Some(step) = account.step(deed.kind, &deed.resource) else { continue };
            let seen = &mut account.steps[step.index()];
            if !seen.begun {
                continue;
            }
            seen.proven |= deed.done && deed.kind == StepKind::Verify;
            if account.is_free(step) {
                fault = durable();
            } else if fault.is_some() {
                fault = Some((Property::Dependent, "came before what it waits for had succeeded"));
            }
        }
        fault
    }
}
