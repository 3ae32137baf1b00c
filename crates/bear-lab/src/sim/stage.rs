//! The stage: performs a case, life by life, on one disk and in one world, and looks at both in between.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bear_engine::StoreError;
use bear_engine::store::{Filesystem, FleetLock};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep_until, timeout};

use super::case::{Case, Command, Hand, Meddling, Moment, Rival, Rivalry, Scene};
use super::fleet::{REGIONS, Sketch, Traits, name};
use super::gate::{Gate, Passed};
use super::generate::LATENCY;
use super::life::{Bear, End, folder, holder};
use super::log::{Log, Property, Violation};
use super::property;
use super::witness::{FOLDER, Witness};
use crate::disk::{Crash, SimulatedDisk, SimulatedProcess, Survives};
use crate::world::{Deed, Latency, Maker, Orphans, World};

use super::coverage::Coverage;

/// No life takes longer in which everything has its deadline.
const LIFE: Duration = Duration::from_hours(24 * 30);

/// How often everything that was cut off is let run, to its end; once is enough for as many tasks as tokio runs in a row.
const SETTLING: usize = 8;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first property that did not hold.
    pub violation: Option<Violation>,
    /// What really happened.
    pub coverage: Coverage,
    /// What happened, line by line, if that was asked for.
    pub trace: String,
}

impl Case {
    /// Performs the case.
    pub fn perform(&self, keeps_trace: bool) -> Outcome {
        let stage = Stage::new(self, keeps_trace);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| stage.perform())) {
            let who = if payload.is::<Crash>() { "died" } else { "panicked" };
            stage.log.violated(Property::Panicked, format_args!("the simulator {who}"));
        }
        stage.log.count(|coverage| {
            coverage.changes = stage.disk.changes() as u64;
            coverage.asked_again = stage.world.asked_again().len() as u64;
            let (faults, orphans) = stage.world.went_wrong();
            (coverage.faults, coverage.orphans) = (faults as u64, orphans as u64);
        });
        let (violation, coverage, trace) = stage.log.take();
        Outcome { violation, coverage, trace }
    }
}

/// One case while it is performed.
pub(super) struct Stage<'a> {
    pub(super) case: &'a Case,
    pub(super) disk: SimulatedDisk,
    pub(super) world: Arc<World>,
    pub(super) witness: Arc<Witness>,
    pub(super) log: Arc<Log>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(case: &'a Case, keeps_trace: bool) -> Self {
        let (log, disk) = (Arc::new(Log::new(keeps_trace)), SimulatedDisk::new());
        let [create, install, verify, destroy] = LATENCY;
        let latency = Latency { create, install, verify, destroy, seed: Some(case.seed) };
        let world = World::new(latency, case.batch_max);
        let witness = Arc::new(Witness::new(disk.clone(), Arc::clone(&log)));
        let sees = Arc::clone(&witness);
        world.watch(move |deed: &Deed| sees.deed(deed));
        Self { case, disk, world, witness, log }
    }

    fn perform(&self) {
        for (number, scene) in self.case.scenes.iter().enumerate() {
            self.log.line(format_args!("\nlife {number}: {}", scene.command));
            self.scene(scene);
            property::between_lives(self);
            if self.log.is_violated() {
                return;
            }
        }
        property::in_the_end(self);
    }

    fn scene(&self, scene: &Scene) {
        self.prepare(scene);
        let in_the_way = scene.locked.then(|| self.disk.process());
        let lock = in_the_way
            .as_ref()
            .map(|process| FleetLock::take(&folder(process), &holder(9), Duration::ZERO, |_| {}));
        // What goes wrong with the disk goes wrong for the bear.
        scene.disk.iter().for_each(|change| self.disk.let_happen(change.nth, change.fault));
        let passed = self.run(scene);
        if let Some(process) = in_the_way {
            process.kill();
        }
        drop(lock);
        self.judge(scene, &passed);
        let died = matches!(passed, Passed::Died { .. });
        if let Some(luck) = scene.death.as_ref().and_then(|death| death.power).filter(|_| died) {
            self.log.line(format_args!("the power goes"));
            self.log.count(|coverage| coverage.power_cuts += 1);
            self.disk.power_cut(Survives::Drawn(luck));
        }
    }

    fn prepare(&self, scene: &Scene) {
        self.disk.mend();
        self.world.calm();
        self.world.let_orphans_be(scene.orphans);
        self.world.show_late(scene.shows_late);
        for request in &scene.faults {
            match request.slot {
                Some(slot) => self.world.fail(&name(slot), request.kind, [request.fault]),
                None => {
                    for region in REGIONS {
                        self.world.fail_foundation(region, request.kind, [request.fault]);
                    }
                }
            }
        }
        scene.hands.iter().filter(|hand| hand.at.is_none()).for_each(|hand| self.meddle(*hand));
        let deeds = match scene.death.map(|death| death.when) {
            Some(Moment::Deed(deeds)) => Some(deeds),
            _ => None,
        };
        self.witness.life_begins(deeds);
    }

    /// Lets the bear of a scene live, and all others who have to do with it.
    fn run(&self, scene: &Scene) -> Passed<End> {
        let runtime = runtime();
        let passed = runtime.block_on(async {
            self.log.begin(Some(Instant::now()));
            self.log.count(|coverage| coverage.lives += 1);
            let process = self.disk.process();
            let moment = scene.death.map(|death| death.when);
            let bear = Bear {
                number: self.witness.is_born(),
                blind: scene.blind,
                stops: &scene.stops,
                dies_at_event: match moment {
                    Some(Moment::Event(nth)) => Some(nth),
                    _ => None,
                },
                ..self.bear(&process)
            };
            let life = self.until_its_end(bear.live(&scene.command));
            let life = Gate::new(life, &process).until(moment, &self.witness);
            let (passed, (), ()) = tokio::join!(
                async {
                    let passed = life.await;
                    // Nobody may think that it still holds the lock.
                    process.kill();
                    passed
                },
                self.rivals(scene, &process),
                self.hands(scene)
            );
            // What was under way and is waited for no more ends here, in the order in which it began. With the runtime it
            // would end in an order that depends on how many tasks other threads have made.
            for _ in 0..SETTLING {
                tokio::task::yield_now().await;
            }
            passed
        });
        drop(runtime);
        self.log.begin(None);
        passed
    }

    /// A life that has to come to an end. One that does not is told of as if nothing came of it.
    pub(super) async fn until_its_end(&self, life: impl Future<Output = End>) -> End {
        timeout(LIFE, life).await.unwrap_or_else(|_| {
            self.log.violated(Property::Hung, "a life did not come to an end");
            End::Nothing
        })
    }

    pub(super) fn bear(&self, process: &SimulatedProcess) -> Bear<'_> {
        Bear {
            number: 0,
            process: process.clone(),
            world: &self.world,
            witness: &self.witness,
            log: &self.log,
            at_once: self.case.at_once,
            blind: false,
            stops: &[],
            dies_at_event: None,
        }
    }

    /// Whether what came of a life may come of it.
    pub(super) fn judge(&self, scene: &Scene, passed: &Passed<End>) {
        match passed {
            Passed::Died { at_change } => {
                self.log.line(format_args!("died      {}", if *at_change { "at a change" } else { "" }));
                self.log.count(|coverage| {
                    coverage.deaths_at_changes += u64::from(*at_change);
                    coverage.deaths_elsewhere += u64::from(!at_change);
                });
            }
            // An import has no engine that catches what its provider does.
            Passed::Panicked(_)
                if matches!(scene.command, Command::Import { .. }) && !scene.faults.is_empty() =>
            {
                self.log.line(format_args!("died      with its provider"));
            }
            Passed::Panicked(said) => self.log.violated(Property::Panicked, said),
            Passed::Ended(end) => self.judge_end(scene, end),
        }
    }

    fn judge_end(&self, scene: &Scene, end: &End) {
        self.log.line(format_args!("ended     {}", property::in_short(end)));
        self.log.count(|coverage| match end {
            End::Refused(_) => coverage.refused += 1,
            End::Stopped(StoreError::Locked { .. }) => coverage.locks_refused += 1,
            End::Stopped(StoreError::LockLost { .. } | StoreError::Changed { .. }) => {
                coverage.locks_lost += 1;
            }
            End::Stopped(_) => coverage.disk_trouble += 1,
            _ => {}
        });
        let End::Stopped(error) = end else { return };
        let breaks = scene.rivals.iter().any(|rival| matches!(rival.what, Rivalry::Breaks(_)));
        let is_fine = match error {
            StoreError::Io { .. } | StoreError::Stopped { .. } => !scene.disk.is_empty(),
            StoreError::Locked { .. } => scene.locked || breaks,
            StoreError::LockLost { .. } | StoreError::Changed { .. } => breaks,
            _ => false,
        };
        if !is_fine {
            self.log.violated(property::of_error(error), error);
        }
    }

    async fn hands(&self, scene: &Scene) {
        let began = Instant::now();
        let mut hands = scene.hands.iter().filter_map(|hand| Some((hand.at?, *hand))).collect::<Vec<_>>();
        hands.sort_by_key(|(at, _)| *at);
        for (at, hand) in hands {
            sleep_until(began + Duration::from_millis(at.into())).await;
            self.meddle(hand);
        }
    }

    /// Lets somebody do something to the world by hand.
    fn meddle(&self, hand: Hand) {
        let instance = name(hand.slot);
        self.log.line(format_args!("by hand   {:?} of {instance}", hand.deed));
        self.log.count(|coverage| coverage.hands += 1);
        let machines = self.world.machines();
        let region = machines.values().find_map(|machine| machine.spec.region.clone());
        match hand.deed {
            Meddling::KillBroker => self.world.kill_broker(&instance),
            Meddling::Stop => self.world.stop_machine(&instance),
            Meddling::Terminate => self.world.lose_machine(&instance),
            Meddling::Move => self.world.move_machine(&instance),
            Meddling::MakeStray => {
                let spec = Sketch::default().instance(hand.slot, Traits::default()).spec;
                self.world.make_by_hand(&instance, &spec, Maker::Stranger);
            }
            Meddling::ChangeRules => region.iter().for_each(|region| self.world.meddle(region)),
            // A provider does not remove what machines stand on, nor does anybody in the midst of a run.
            Meddling::RemoveRules => {
                for region in REGIONS.iter().filter(|_| region.is_none() && hand.at.is_none()) {
                    self.world.lose_foundation(region);
                }
            }
        }
    }

    async fn rivals(&self, scene: &Scene, first: &SimulatedProcess) {
        let began = Instant::now();
        let mut rivals = scene.rivals.iter().collect::<Vec<_>>();
        rivals.sort_by_key(|rival| rival.at);
        for Rival { at, what } in rivals {
            sleep_until(began + Duration::from_millis((*at).into())).await;
            let process = self.disk.process();
            let act = async {
                match what {
                    Rivalry::Reads => property::read_without_lock(self, &process),
                    Rivalry::Knocks => self.knock(scene, first, &process),
                    Rivalry::Breaks(fleet) => self.break_in(scene, first, &process, fleet).await,
                }
            };
            // What goes wrong with the disk may go wrong for this one.
            if let Passed::Died { .. } = Gate::new(act, &process).await {
                self.log.line(format_args!("rival     dies"));
            }
        }
    }

    pub(super) fn knock(&self, scene: &Scene, first: &SimulatedProcess, process: &SimulatedProcess) {
        let taken = FleetLock::take(&folder(process), &holder(2), Duration::ZERO, |_| {});
        if let Err(StoreError::Locked { .. }) = taken {
            self.log.line(format_args!("rival     finds the lock held"));
            self.log.count(|coverage| coverage.locks_refused += 1);
        } else if taken.is_ok() && !first.is_dead() && !scene.locked && !self.witness.is_broken() {
            self.log.violated(Property::UnheldLock, "two bears hold the lock");
        }
    }

    /// Somebody deletes the lock, waits until what is under way has arrived, and applies a fleet.
    async fn break_in(
        &self,
        scene: &Scene,
        first: &SimulatedProcess,
        process: &SimulatedProcess,
        fleet: &Sketch,
    ) {
        if !first.is_dead() || scene.locked {
            self.log.line(format_args!("rival     deletes the lock"));
            let lock = format!("{FOLDER}/lock");
            let deleted = catch_unwind(AssertUnwindSafe(|| process.remove(Path::new(&lock))));
            // Whoever died while deleting it may have done so all the same.
            if self.disk.read(&lock).is_none() {
                self.witness.lock_was_broken();
            }
            match deleted {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(death) => resume_unwind(death),
            }
            self.world.hurry();
            tokio::task::yield_now().await;
        }
        self.log.line(format_args!("rival     applies {fleet:?}"));
        let bear = Bear { number: self.witness.is_born(), ..self.bear(process) };
        let command = Command::Apply { fleet: fleet.clone(), only: Vec::new(), replace: Vec::new() };
        let passed = Gate::new(bear.live(&command), process).await;
        process.kill();
        self.judge(scene, &passed);
    }

    /// Lets a bear live in whose life nothing goes wrong.
    pub(super) fn live_well(&self, command: &Command) -> Passed<End> {
        let scene = Scene::fair(command.clone());
        self.log.line(format_args!("\nat last: {command}"));
        self.prepare(&scene);
        self.run(&scene)
    }
}

impl Scene {
    /// A life in which nothing goes wrong.
    pub fn fair(command: Command) -> Self {
        Self {
            command,
            locked: false,
            blind: false,
            shows_late: false,
            orphans: Orphans::Lost,
            faults: Vec::new(),
            hands: Vec::new(),
            disk: Vec::new(),
            stops: Vec::new(),
            death: None,
            rivals: Vec::new(),
        }
    }
}

/// Time stands still in it while anything can be done, and goes on at once when nothing can.
pub(super) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without a driver for sockets needs nothing of the system")
}
