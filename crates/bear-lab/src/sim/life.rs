//! One life of a bear: what a command does between taking the lock and its end, with the real store, planner and engine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bear_core::diff::{self, Goal};
use bear_core::draft::{Draft, Planned};
use bear_core::event::{Event, Operation, Summary};
use bear_core::fleet::{Foundation, Instance};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::plan::StepKind;
use bear_core::state::v1::{Record, State};
use bear_engine::store::{self, FileStore, FleetFolder, FleetLock, Holder};
use bear_engine::{Clock, Limits, Run, Stop, Store, StoreError, import, run};
use bear_provider::{Known, Provider};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::case::Command;
use super::fleet::{Sketch, fleet_name, group, name};
use super::log::{Log, Property};
use super::witness::Witness;
use crate::clock::SimulatedClock;
use crate::disk::{Crash, SimulatedProcess};
use crate::world::{Maker, World};

/// How long it takes to ask what there is, in two halves: before the answer is drawn up, and after.
const LOOK: Duration = Duration::from_millis(250);

/// How a life ended.
#[derive(Debug)]
pub(super) enum End {
    /// There was nothing to do.
    Nothing,
    /// The command was refused, or could not look at the world. Nothing was done.
    Refused(&'static str),
    /// The state was restored.
    Restored,
    /// The machine was imported, or not.
    Imported(bool),
    /// The plan was carried out.
    Ran(Summary),
    /// The store could not go on.
    Stopped(StoreError),
}

/// A bear that is about to live.
pub(super) struct Bear<'a> {
    pub(super) number: usize,
    pub(super) process: SimulatedProcess,
    pub(super) world: &'a Arc<World>,
    pub(super) witness: &'a Arc<Witness>,
    pub(super) log: &'a Arc<Log>,
    pub(super) at_once: usize,
    /// Whether the provider can't be asked what there is.
    pub(super) blind: bool,
    /// When the user asks it to stop.
    pub(super) stops: &'a [(u32, Stop)],
    /// It dies just after it told its so-manyth event.
    pub(super) dies_at_event: Option<u32>,
}

/// The folder of the fleet as a process reaches it.
pub(super) fn folder(process: &SimulatedProcess) -> FleetFolder {
    FleetFolder::on(Arc::new(process.clone()), Path::new("/"), &fleet_name())
}

/// Somebody who holds a lock.
pub(super) fn holder(number: usize) -> Holder {
    Holder {
        user: "me".into(),
        host: "here".into(),
        pid: u32::try_from(number).unwrap_or_default(),
        boot_id: "boot".into(),
        command: "bear".into(),
        since: Timestamp::UNIX_EPOCH,
    }
}

/// What a fleet file wants, spelled out.
pub(super) struct Wanted {
    pub(super) instances: Vec<Instance>,
    pub(super) foundation: Option<Foundation>,
    protects_b: bool,
}

impl Wanted {
    pub(super) fn of(fleet: &Sketch) -> Self {
        Self { instances: fleet.instances(), foundation: fleet.foundation(), protects_b: fleet.protects_b }
    }

    /// Nothing at all.
    pub(super) fn nothing() -> Self {
        Self { instances: Vec::new(), foundation: None, protects_b: false }
    }
}

impl Bear<'_> {
    /// Does what it is asked.
    pub(super) async fn live(&self, command: &Command) -> End {
        self.work(command).await.unwrap_or_else(End::Stopped)
    }

    async fn work(&self, command: &Command) -> Result<End, StoreError> {
        let clock = SimulatedClock::new();
        let folder = folder(&self.process);
        let lock = FleetLock::take(&folder, &holder(self.number), Duration::ZERO, |_| {})?;
        if let Command::Restore(back) = command {
            let kept = folder.snapshots()?;
            let Some(entry) = kept.iter().rev().nth(*back as usize % kept.len().max(1)) else {
                return Ok(End::Nothing);
            };
            self.log.line(format_args!("restores  {}", entry.serial));
            let state = store::restore(&lock, &fleet_name(), entry.serial)?;
            self.witness.promised(self.number, &state);
            self.log.count(|coverage| coverage.restores += 1);
            return Ok(End::Restored);
        }
        let mut store = self.open(lock)?;
        match command {
            Command::Apply { fleet, only, replace } => {
                let replace = replace.iter().filter(|slot| fleet.slots[**slot].is_some());
                let replace = replace.map(|&slot| name(slot)).collect::<Vec<_>>();
                self.reconcile(&mut store, &clock, &Wanted::of(fleet), &replace, only, Operation::Apply).await
            }
            Command::Destroy { only } => {
                if store.inner.state().is_empty() {
                    return Ok(End::Nothing);
                }
                let nothing = Wanted::nothing();
                self.reconcile(&mut store, &clock, &nothing, &[], only, Operation::Destroy).await
            }
            Command::Import { fleet, slot } => self.import(&mut store, &clock, fleet, *slot).await,
            Command::Restore(_) => Ok(End::Nothing),
        }
    }

    fn open(&self, lock: FleetLock) -> Result<Spied<'_>, StoreError> {
        let mut store = FileStore::open(lock, &fleet_name(), || "lineage".to_owned())?;
        if let Some(recovery) = store.recovered() {
            self.log.line(format_args!(
                "recovered {} entries, {} bytes torn off",
                recovery.entries, recovery.torn_bytes
            ));
            self.log.count(|coverage| {
                coverage.recoveries += u64::from(recovery.entries > 0);
                coverage.torn += u64::from(recovery.torn_bytes > 0);
            });
            store.fold()?;
        }
        self.witness.promised(self.number, store.state());
        Ok(Spied { inner: store, bear: self })
    }

    /// What `apply` and `destroy` do: look, plan, refuse, run.
    async fn reconcile(
        &self,
        store: &mut Spied<'_>,
        clock: &SimulatedClock,
        wanted: &Wanted,
        replace: &[InstanceName],
        only: &[usize],
        operation: Operation,
    ) -> Result<End, StoreError> {
        let Some(observed) = self.look(store.state()).await else { return Ok(End::Refused("blind")) };
        let only = only.iter().map(|&slot| name(slot).to_string()).collect::<Vec<_>>();
        let planned = match plan(wanted, replace, &only, store.state(), &observed, clock) {
            Ok(planned) => planned,
            Err(why) => return Ok(End::Refused(why)),
        };
        self.log.count(|coverage| coverage.adoptions += planned.adoptions.len() as u64);
        for change in &planned.plan.changes {
            let because = change.reasons.first().map(|reason| format!("{} {}", reason.field, reason.from));
            let (action, because) = (change.action, because.unwrap_or_default());
            self.log.line(format_args!(
                "plan  {}   {action:?} {} because of {because}",
                self.number, change.instance
            ));
        }
        for change in &planned.plan.foundations {
            self.log.line(format_args!(
                "plan  {}   {:?} foundation of {}",
                self.number, change.action, change.region
            ));
        }
        if planned.plan.is_empty() {
            return Ok(End::Nothing);
        }
        self.witness.has_planned(self.number, &planned.plan);
        let summary = self.carry_out(&planned, store, clock, operation).await;
        self.witness.has_ended(self.number, summary.as_ref().ok());
        Ok(End::Ran(summary?))
    }

    async fn look(&self, state: &State) -> Option<Observed> {
        sleep(LOOK).await;
        if self.blind {
            return None;
        }
        let observed = look(self.world, state).await;
        sleep(LOOK).await;
        Some(observed)
    }

    async fn carry_out(
        &self,
        planned: &Planned,
        store: &mut Spied<'_>,
        clock: &SimulatedClock,
        operation: Operation,
    ) -> Result<Summary, StoreError> {
        self.log.count(|coverage| coverage.runs += 1);
        let (ask, stop) = watch::channel(Stop::No);
        self.ask_to_stop(ask);
        let limits = Limits::default().with_parallelism(self.at_once);
        let adapters = self.world.adapters();
        let order = Run {
            plan: &planned.plan,
            operation,
            opening: planned.opening(clock.now(), "demo.yaml".to_owned(), None),
            adapters: &adapters,
            limits: &limits,
            clock,
            stop,
            notices: mpsc::channel(1).1,
        };
        let mut told = 0;
        let mut report = |event: &Event| {
            self.witness.event(self.number, event);
            told += 1;
            if self.dies_at_event == Some(told) {
                self.process.kill();
                // Like a panic, but without a message on standard error.
                std::panic::resume_unwind(Box::new(Crash));
            }
        };
        run(order, store, &mut report).await
    }

    /// In a task of its own, so that it may come between any two things that happen at the same time.
    fn ask_to_stop(&self, ask: watch::Sender<Stop>) {
        let (stops, began) = (self.stops.to_vec(), Instant::now());
        tokio::spawn(async move {
            for (at, stop) in stops {
                sleep_until(began + Duration::from_millis(at.into())).await;
                ask.send_replace(stop);
            }
        });
    }

    async fn import(
        &self,
        store: &mut Spied<'_>,
        clock: &SimulatedClock,
        fleet: &Sketch,
        slot: usize,
    ) -> Result<End, StoreError> {
        let Some(traits) = fleet.slots[slot] else { return Ok(End::Refused("no such instance")) };
        let instance = fleet.instance(slot, traits);
        if instance.spec.region.is_none() {
            return Ok(End::Refused("nothing is imported there"));
        }
        // One that a stranger marked as this instance, if there is one, else one that nobody marked.
        let strays = self.world.machines().into_values().filter(|machine| machine.maker == Maker::Stranger);
        let stray =
            strays.filter(|machine| machine.instance == instance.name).map(|machine| machine.id).next();
        let machine =
            stray.unwrap_or_else(|| self.world.make_by_hand(&instance.name, &instance.spec, Maker::Owner));
        if import::refusal(store.state(), &instance.name, &machine).is_some() {
            return Ok(End::Refused("known already"));
        }
        self.log.line(format_args!("imports   {machine} as {} of {}", instance.name, group(slot)));
        self.witness.imports(self.number, &instance.name);
        let mark =
            async |token: &str| self.world.import(&instance.name, token, &machine, &instance.spec).await;
        let deadline = Limits::default().of(StepKind::Create).deadline;
        let marked = import::import(store, clock, &instance, deadline, mark).await?;
        self.log.count(|coverage| coverage.imports += u64::from(marked.is_ok()));
        Ok(End::Imported(marked.is_ok()))
    }
}

/// What the world says of what a state knows.
pub(super) async fn look(world: &World, state: &State) -> Observed {
    let known = state.instances.iter().map(|(instance, recorded)| Known { instance, recorded });
    let known = known.collect::<Vec<_>>();
    let foundations = state.foundations.values().map(|recorded| &recorded.foundation).collect::<Vec<_>>();
    world.observe(&known, &foundations).await.expect("the simulated world answers")
}

/// Plans as the binary does; the reason, if the plan is refused.
pub(super) fn plan(
    wanted: &Wanted,
    replace: &[InstanceName],
    only: &[String],
    state: &State,
    observed: &Observed,
    clock: &SimulatedClock,
) -> Result<Planned, &'static str> {
    let goal = Goal { instances: &wanted.instances, foundation: wanted.foundation.as_ref(), replace };
    let draft = Draft::new(&goal, Some(state), observed, only, clock.now());
    let is_protected = |in_group: &_| wanted.protects_b && *in_group == group(super::fleet::MOST - 1);
    if !diff::protected(&draft.changes.list, is_protected).is_empty() {
        return Err("protected");
    }
    if !diff::moved(&draft.changes, draft.state.as_deref()).is_empty() {
        return Err("moved");
    }
    draft.into_plan(fleet_name()).map_err(|_| "the plan can't be carried out")
}

/// The real store, and somebody who looks at what it says.
struct Spied<'a> {
    inner: FileStore,
    bear: &'a Bear<'a>,
}

impl Store for Spied<'_> {
    fn state(&self) -> &State {
        self.inner.state()
    }

    fn record(&mut self, records: &[Record]) -> Result<(), StoreError> {
        self.inner.record(records)?;
        for record in records {
            let text = serde_json::to_string(record).unwrap_or_default();
            self.bear.log.line(format_args!("record {}  {text}", self.bear.number));
        }
        self.bear.witness.recorded(self.bear.number, records, self.inner.state());
        Ok(())
    }

    fn fold(&mut self) -> Result<(), StoreError> {
        let folded = self.inner.fold();
        self.bear.log.line(format_args!("fold   {}  {}", self.bear.number, folded.is_ok()));
        folded?;
        self.bear.witness.promised(self.bear.number, self.inner.state());
        Ok(())
    }
}

/// A plan that `bear plan` would show now, without the lock. None if nothing is recorded.
pub(super) async fn plan_without_lock(
    world: &World,
    folder: &FleetFolder,
    wanted: &Wanted,
    log: &Log,
) -> Option<Planned> {
    let loaded = match folder.load() {
        Ok(loaded) => loaded?,
        Err(error) => {
            log.violated(Property::Unreadable, error);
            return None;
        }
    };
    let observed = look(world, &loaded.state).await;
    plan(wanted, &[], &[], &loaded.state, &observed, &SimulatedClock::new()).ok()
}
