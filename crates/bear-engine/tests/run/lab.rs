//! A simulated world, a disk, and the bears that live one after the other in between.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bear_core::diff::{Goal, diff};
use bear_core::event::{Event, Operation, Summary};
use bear_core::fleet::Instance;
use bear_core::observed::adopt;
use bear_core::plan::{self, Plan, Resource, StepKind};
use bear_core::state::v1::{FoundationPhase, Phase, Record, Recorded, State};
use bear_engine::{Clock, Limits, Run, Stop, Store, StoreError, run};
use bear_lab::clock::SimulatedClock;
use bear_lab::disk::{Crash, SimulatedProcess, Survives};
use bear_lab::world::{Deed, Latency, World};
use bear_provider::{Known, Provider};
use proptest::prelude::ProptestConfig;
use tokio::sync::{mpsc, watch};

use crate::disk::Disk;
use crate::fleets::{fleet_name, foundation};
use crate::stream;

/// A world and a disk, which outlive every bear.
pub(crate) struct Lab {
    pub(crate) world: Arc<World>,
    pub(crate) disk: Disk,
    limits: Limits,
    /// Steps that wait for earlier ones besides those that they have to: a plan may be any graph.
    entangled: Vec<(usize, usize)>,
    /// Deeds that were done before the disk knew of them.
    premature: Arc<Mutex<Vec<String>>>,
}

/// What one bear did before it ended by itself.
pub(crate) struct Life {
    pub(crate) plan: Plan,
    pub(crate) events: Vec<Event>,
    pub(crate) result: Result<Summary, StoreError>,
    /// How long it took, in simulated time.
    pub(crate) took: Duration,
}

impl Life {
    /// How the run ended; it must have been recorded.
    pub(crate) fn summary(&self) -> &Summary {
        self.result.as_ref().expect("the run must have been recorded")
    }

    /// The events, one line each.
    pub(crate) fn story(&self) -> String {
        stream::story(&self.events)
    }
}

/// When a bear is asked to stop, and how.
pub(crate) type Asked<'a> = &'a [(Duration, Stop)];

impl Lab {
    /// An empty world in which everything takes as long as `latency` says.
    pub(crate) fn new(latency: Latency) -> Self {
        Self::with_batches(latency, 100)
    }

    /// The same, with up to `batch_max` machines in one call.
    pub(crate) fn with_batches(latency: Latency, batch_max: usize) -> Self {
        let (world, disk) = (World::new(latency, batch_max), Disk::default());
        let premature = Arc::<Mutex<Vec<String>>>::default();
        let (written, found) = (disk.clone(), Arc::clone(&premature));
        world.watch(move |deed| {
            if !is_durable(&written, deed) {
                found.lock().unwrap().push(format!("{} of {}", deed.kind, deed.resource));
            }
        });
        Self { world, disk, limits: Limits::default(), entangled: Vec::new(), premature }
    }

    /// The same, with other limits.
    pub(crate) fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same, with plans in which of each pair of steps the later one waits for the earlier one.
    pub(crate) fn entangled(self, entangled: Vec<(usize, usize)>) -> Self {
        Self { entangled, ..self }
    }

    /// Makes `wanted` true, as `bear apply` does. None if there is nothing to do.
    pub(crate) fn apply(&self, wanted: &[Instance]) -> Option<Life> {
        self.apply_until(wanted, None, &[]).expect("nothing was to crash")
    }

    /// The same, with somebody who asks to stop.
    pub(crate) fn apply_and_stop(&self, wanted: &[Instance], asked: Asked<'_>) -> Life {
        let life = self.apply_until(wanted, None, asked).expect("nothing was to crash");
        life.expect("there was something to do")
    }

    /// The same, for a bear that may come to no end: it crashes where the disk says so, or when that much time has
    /// passed and the power goes, or it can't open its state. Then the error holds the events until there.
    pub(crate) fn apply_until(
        &self,
        wanted: &[Instance],
        crash_at: Option<(Duration, Survives)>,
        asked: Asked<'_>,
    ) -> Result<Option<Life>, Vec<Event>> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let told = Mutex::new(Vec::new());
        let process = self.disk.process();
        let life = self.reconcile_and_apply(&process, wanted, asked, &told);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let Some((when, survives)) = crash_at else { return life.await.ok() };
                let mut life = pin!(life);
                let ended = tokio::time::timeout(when, &mut life).await;
                if ended.is_err() {
                    // Before anything is dropped: a process that is gone gives nothing up in good order.
                    self.disk.power_cut(survives);
                }
                ended.ok()?.ok()
            })
        }));
        assert_eq!(*self.premature.lock().unwrap(), [""; 0], "done before the disk knew of it");
        let events = || told.lock().unwrap().clone();
        match ended {
            Ok(Some(life)) => Ok(life),
            Ok(None) => Err(events()),
            Err(payload) if payload.is::<Crash>() => Err(events()),
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Reads the disk, looks at the world, adopts what was in doubt, plans, and runs the plan.
    async fn reconcile_and_apply(
        &self,
        process: &SimulatedProcess,
        wanted: &[Instance],
        asked: Asked<'_>,
        told: &Mutex<Vec<Event>>,
    ) -> Result<Option<Life>, StoreError> {
        let clock = SimulatedClock::new();
        let mut store = Disk::open(process)?;
        let (plan, adoptions) = self.plan(wanted, store.state(), &clock).await;
        if plan.is_empty() {
            return Ok(None);
        }
        let began = Record::RunBegan { at: clock.now(), file: "demo.yaml".into(), plan: None };
        let adapters = self.world.adapters();
        let (ask, stop) = watch::channel(Stop::No);
        let order = Run {
            plan: &plan,
            operation: Operation::Apply,
            opening: std::iter::once(began).chain(adoptions).collect(),
            adapters: &adapters,
            limits: &self.limits,
            clock: &clock,
            stop,
            notices: mpsc::channel(1).1,
        };
        let started = tokio::time::Instant::now();
        let mut report = |event: &Event| told.lock().unwrap().push(event.clone());
        // In a task of its own, so that it may come between any two things that happen at the same time.
        let asked = asked.to_vec();
        tokio::spawn(async move {
            for (when, how) in asked {
                tokio::time::sleep_until(started + when).await;
                ask.send_replace(how);
            }
        });
        tokio::task::yield_now().await;
        let result = run(order, &mut store, &mut report).await;
        let events = told.lock().unwrap().clone();
        stream::check(&plan, &events, result.as_ref().ok());
        Ok(Some(Life { plan, events, result, took: started.elapsed() }))
    }

    async fn plan(&self, wanted: &[Instance], state: &State, clock: &dyn Clock) -> (Plan, Vec<Record>) {
        let known = state.instances.iter().map(|(instance, recorded)| Known { instance, recorded });
        let known = known.collect::<Vec<_>>();
        let foundations = state.foundations.values().map(|recorded| &recorded.foundation).collect::<Vec<_>>();
        let observed =
            self.world.observe(&known, &foundations).await.expect("the lab can always be looked at");
        let adoptions = adopt(state, &observed, clock.now());
        let mut state = state.clone();
        for record in &adoptions {
            state.apply(record);
        }
        let foundation = foundation(wanted);
        let goal = Goal { instances: wanted, foundation: foundation.as_ref(), ..Goal::default() };
        let mut plan = plan::build(fleet_name(), diff(&goal, Some(&state), &observed), state.generation);
        let steps = plan.steps.node_indices().collect::<Vec<_>>();
        for (one, other) in &self.entangled {
            if let (Some(earlier), Some(later)) = (steps.get(*one.min(other)), steps.get(*one.max(other)))
                && earlier != later
            {
                plan.steps.update_edge(*earlier, *later, ());
            }
        }
        plan::check(&plan).expect("every plan must be in order");
        (plan, adoptions)
    }

    /// Asserts that the world is as `wanted`, that the disk knows every machine, and that nothing is left to do.
    #[track_caller]
    pub(crate) fn assert_is(&self, wanted: &[Instance]) {
        self.world.settle();
        assert_eq!(self.world.differences(wanted), [""; 0]);
        let state = self.disk.state().expect("something was written");
        assert_eq!(self.world.forgotten(&state), []);
        let shared =
            foundation(wanted).into_iter().map(|it| (it.region.clone(), it)).collect::<BTreeMap<_, _>>();
        let laid = state.foundations.iter().map(|(region, recorded)| {
            assert_eq!(recorded.phase, FoundationPhase::Laid);
            (region.clone(), recorded.foundation.clone())
        });
        assert_eq!(laid.collect::<BTreeMap<_, _>>(), shared, "as recorded");
        let there = self.world.foundations().into_iter().map(|(region, it)| {
            assert!(!it.meddled, "nobody mended {region}");
            (region, it.foundation)
        });
        assert_eq!(there.collect::<BTreeMap<_, _>>(), shared, "as it is");
        let verified = state.instances.values().filter(|recorded| recorded.phase == Phase::Verified).count();
        assert_eq!((verified, state.instances.len()), (wanted.len(), wanted.len()));
        assert!(self.apply(wanted).is_none(), "there is something left to do");
    }
}

/// Whether the disk knows that the step of a deed was begun, and that what comes before it has ended.
fn is_durable(disk: &Disk, deed: &Deed) -> bool {
    match &deed.resource {
        Resource::Foundation(region) => {
            let phase = disk.recorded(|state| Some(state.foundations.get(region)?.phase));
            match deed.kind {
                StepKind::Destroy => phase == Some(FoundationPhase::Removing),
                _ => phase == Some(FoundationPhase::Laying),
            }
        }
        Resource::Instance(name) => {
            let recorded = disk.recorded(|state| state.instances.get(name).cloned());
            recorded.is_some_and(|recorded| is_begun(disk, &recorded, deed))
        }
    }
}

fn is_begun(disk: &Disk, recorded: &Recorded, deed: &Deed) -> bool {
    let region = recorded.spec.region.as_ref();
    let ground = region.map(|region| disk.recorded(|state| Some(state.foundations.get(region)?.phase)));
    let has_ground =
        deed.kind == StepKind::Destroy || ground.is_none_or(|it| it == Some(FoundationPhase::Laid));
    let begun =
        recorded.unfinished.as_ref().is_some_and(|step| step.step == deed.kind && step.error.is_none());
    begun
        && has_ground
        && match deed.kind {
            StepKind::Create => recorded.phase == Phase::Creating && recorded.machine.is_none(),
            StepKind::Install => recorded.phase == Phase::Created && recorded.machine.is_some(),
            StepKind::Verify => recorded.phase == Phase::Installed && recorded.installed.is_some(),
            StepKind::Destroy => recorded.phase == Phase::Destroying,
        }
}

/// So many cases, unless `PROPTEST_CASES` asks for others.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let config = ProptestConfig::default();
    if asked { config } else { ProptestConfig { cases: usual, ..config } }
}
