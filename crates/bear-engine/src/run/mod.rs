//! The run: carries out a plan, in one loop that owns the schedule, the store and the stream of events.
//!
//! Effects happen in tasks of their own; everything that is decided or remembered happens in the loop. One turn takes
//! what the tasks brought back, picks the steps that may begin, makes all of it durable together, tells the reporter,
//! and only then lets the new effects start. So the journal, the screen and the world never disagree about what was
//! begun, and steps that become ready together cost one fsync.

mod began;
mod ending;
mod narrator;
mod perform;
mod schedule;
mod stop;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bear_core::event::{Event, Operation, StepError, Summary, What};
use bear_core::name::InstanceName;
use bear_core::plan::{Plan, StepKind};
use bear_core::state::v1::{Phase, Record, State};
use petgraph::graph::NodeIndex;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use self::ending::Ending;
use self::narrator::Narrator;
use self::perform::{Call, News, Outcome, panicked, perform};
use self::schedule::{Schedule, Status};
use self::stop::asked_to_stop;
use crate::adapter::Adapters;
use crate::clock::Clock;
use crate::limits::{Limits, WAIT_MAX};
use crate::store::{Store, StoreError};

pub use self::stop::Stop;

/// A plan to carry out, and what it takes.
pub struct Run<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What it is for.
    pub operation: Operation,
    /// What is recorded before the first step: that the run began, and what it adopts.
    pub opening: Vec<Record>,
    /// The world.
    pub adapters: &'a Adapters,
    /// How much at once, how long, how often.
    pub limits: &'a Limits,
    /// The time of day.
    pub clock: &'a dyn Clock,
    /// Asks the run to stop. Its sender may be dropped.
    pub stop: watch::Receiver<Stop>,
}

/// Carries out a plan, and folds what was recorded into a new snapshot at its end.
///
/// A step that fails stops its dependents and nothing else. The last event is always [`What::Summary`].
///
/// # Errors
///
/// The store could not make something durable. Then nothing more was begun; what ran came to its end, but how is not
/// recorded, so that the next run looks it up.
pub async fn run(
    run: Run<'_>,
    store: &mut dyn Store,
    report: &mut (dyn FnMut(&Event) + Send),
) -> Result<Summary, StoreError> {
    let (news_sender, news) = mpsc::unbounded_channel();
    let (again_sender, again) = mpsc::unbounded_channel();
    let runner = Runner {
        narrator: Narrator::new(run.plan, run.clock, report),
        schedule: Schedule::new(run.plan),
        adapters: run.adapters,
        limits: run.limits,
        clock: run.clock,
        generation_before: store.state().generation,
        going_before: going(store.state()),
        store,
        tasks: JoinSet::new(),
        steps_of: HashMap::new(),
        tried: HashMap::new(),
        started: HashMap::new(),
        postponed: 0,
        news,
        news_sender,
        again,
        again_sender,
        asked: run.stop,
        stop: Stop::No,
        failure: None,
    };
    runner.run(run.operation, &run.opening).await
}

struct Runner<'a> {
    narrator: Narrator<'a>,
    schedule: Schedule<'a>,
    adapters: &'a Adapters,
    limits: &'a Limits,
    clock: &'a dyn Clock,
    /// The highest generation that was given to a machine before this run.
    generation_before: u64,
    /// The instances whose end was begun before this run.
    going_before: HashSet<InstanceName>,
    store: &'a mut dyn Store,
    tasks: JoinSet<Vec<(NodeIndex, Outcome)>>,
    steps_of: HashMap<Id, Vec<NodeIndex>>,
    /// The steps that failed in a way that may pass.
    tried: HashMap<NodeIndex, Tried>,
    started: HashMap<NodeIndex, Instant>,
    /// How many steps wait for the time of their next try.
    postponed: usize,
    /// Bounded by the steps that run at once times the checks of one broker, or the blocks of one script.
    news: mpsc::UnboundedReceiver<(NodeIndex, News)>,
    news_sender: mpsc::UnboundedSender<(NodeIndex, News)>,
    /// Bounded by the number of steps.
    again: mpsc::UnboundedReceiver<NodeIndex>,
    again_sender: mpsc::UnboundedSender<NodeIndex>,
    asked: watch::Receiver<Stop>,
    /// How far the user's wish to stop was obeyed.
    stop: Stop,
    /// Why the store keeps nothing more. Since then nothing is begun or recorded.
    failure: Option<StoreError>,
}

fn going(state: &State) -> HashSet<InstanceName> {
    let going = state.instances.iter().filter(|(_, recorded)| recorded.phase == Phase::Destroying);
    going.map(|(name, _)| name.clone()).collect()
}

/// How often a step was tried in vain, and how that ended last.
struct Tried {
    times: u32,
    error: StepError,
    /// Whether it is certain that none of the tries changed anything.
    untouched: bool,
}

/// What the loop is woken by.
enum Wake {
    Ended(Result<(Id, Vec<(NodeIndex, Outcome)>), JoinError>),
    News(NodeIndex, News),
    Again(NodeIndex),
    Stop(Stop),
}

impl<'a> Runner<'a> {
    async fn run(mut self, operation: Operation, opening: &[Record]) -> Result<Summary, StoreError> {
        let steps = self.plan().steps.node_count();
        self.narrator.tell(What::RunStarted { operation, steps });
        self.failure = self.store.record(opening).err();
        let mut ended = Vec::new();
        let asked = *self.asked.borrow_and_update();
        self.interrupt(asked, &mut ended);
        loop {
            self.turn(&mut ended);
            if !ended.is_empty() {
                continue;
            }
            if self.schedule.running() == 0 && self.postponed == 0 {
                break;
            }
            self.wait(&mut ended).await;
        }
        for step in self.schedule.skip_the_rest() {
            self.narrator.step_skipped(&self.narrator.plan().steps[step], None);
        }
        let kept = match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.store.fold(),
        };
        let summary = self.narrator.summary(self.stop != Stop::No, kept.is_ok());
        kept.map(|()| summary)
    }

    /// One turn: takes what ended, picks what may begin, makes both durable together, and starts the new effects.
    fn turn(&mut self, ended: &mut Vec<(NodeIndex, Outcome)>) {
        let settled = ended.drain(..).map(|(step, outcome)| (step, self.settle(step, outcome)));
        let settled = settled.collect::<Vec<_>>();
        let mut begun = if self.goes_on() { self.schedule.begin(self.limits) } else { Vec::new() };
        if let Err(failure) = self.record(&settled, &begun) {
            self.failure = Some(failure);
            begun.drain(..).for_each(|step| self.schedule.take_back(step));
            self.give_up_retries(ended);
        }
        for (step, ending) in settled {
            self.tell(step, ending);
        }
        self.start(begun);
    }

    /// Whether steps may begin.
    fn goes_on(&self) -> bool {
        self.stop == Stop::No && self.failure.is_none()
    }

    /// Makes durable how steps ended, and that others are about to have their effect.
    fn record(&mut self, ended: &[(NodeIndex, Ending)], begun: &[NodeIndex]) -> Result<(), StoreError> {
        if self.failure.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let steps = &self.plan().steps;
        let state = self.store.state();
        let ends = ended.iter().filter_map(|(step, ending)| ending.record(&steps[*step], state, now));
        // A step that is tried again was recorded as begun already; what it may have done is in doubt since then.
        let first_tries = begun.iter().filter(|step| !self.tried.contains_key(step));
        let begins = first_tries.filter_map(|&step| began::record(&steps[step], self.store.state(), now));
        let records = ends.chain(begins).collect::<Vec<_>>();
        if records.is_empty() { Ok(()) } else { self.store.record(&records) }
    }

    /// Decides what the outcome of a step means.
    fn settle(&mut self, step: NodeIndex, outcome: Outcome) -> Ending {
        let took = self.started.remove(&step).map_or(Duration::ZERO, |started| started.elapsed());
        let error = match outcome {
            Ok(learned) => {
                self.schedule.succeed(step);
                return Ending::Succeeded { learned, took };
            }
            Err(error) => error,
        };
        let limit = self.limits.of(self.plan().steps[step].kind);
        let tried = self.tried.get(&step);
        let times = tried.map_or(0, |tried| tried.times) + 1;
        let untouched = error.untouched && tried.is_none_or(|tried| tried.untouched);
        if error.transient && times <= limit.retries && self.goes_on() {
            self.tried.insert(step, Tried { times, error: error.clone(), untouched });
            self.schedule.postpone(step);
            self.postponed += 1;
            let wait = (limit.wait * 2_u32.saturating_pow(times - 1)).min(WAIT_MAX);
            return Ending::Postponed { attempt: times, error, wait };
        }
        let skipped = self.schedule.fail(step);
        let nothing_came_of_it = untouched && self.is_first_request(step);
        Ending::Failed { error, took, skipped, nothing_came_of_it }
    }

    /// Whether no earlier run asked for the same: to make this machine, or to destroy it.
    fn is_first_request(&self, step: NodeIndex) -> bool {
        let step = &self.plan().steps[step];
        match step.kind {
            StepKind::Create => step.generation.is_some_and(|generation| generation > self.generation_before),
            StepKind::Destroy => step.instance().is_some_and(|name| !self.going_before.contains(name)),
            StepKind::Install | StepKind::Verify => false,
        }
    }

    fn tell(&mut self, index: NodeIndex, ending: Ending) {
        let plan = self.plan();
        let step = &plan.steps[index];
        match ending {
            Ending::Succeeded { took, .. } => self.narrator.step_succeeded(step, took),
            Ending::Postponed { attempt, error, wait } => {
                self.narrator.step_retrying(step, attempt, error, wait);
                let again = self.again_sender.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    // If the run is over, nobody waits for this.
                    let _ = again.send(index);
                });
            }
            Ending::Failed { error, took, skipped, .. } => {
                self.narrator.step_failed(step, took, error);
                for index in skipped {
                    self.narrator.step_skipped(&plan.steps[index], Some(step));
                }
            }
        }
    }

    /// Starts the effects of steps whose beginning is durable; those that a provider takes together go together.
    fn start(&mut self, begun: Vec<NodeIndex>) {
        let plan = self.plan();
        let mut batch: Vec<NodeIndex> = Vec::new();
        for step in begun {
            self.narrator.step_started(&plan.steps[step]);
            self.started.insert(step, Instant::now());
            let kind = plan.steps[step].kind;
            let joins = batch.first().is_some_and(|&first| {
                let batched = matches!(kind, StepKind::Create | StepKind::Destroy);
                batched && plan.steps[first].kind == kind && batch.len() < self.adapters.provider.batch_max()
            });
            if !joins {
                self.spawn(std::mem::take(&mut batch));
            }
            batch.push(step);
        }
        self.spawn(batch);
    }

    fn spawn(&mut self, steps: Vec<NodeIndex>) {
        let Some(&first) = steps.first() else { return };
        let plan = self.plan();
        let deadline = self.limits.of(plan.steps[first].kind).deadline;
        let call = Call::of(steps.iter().map(|&step| &plan.steps[step]), self.store.state());
        let task = perform(steps.clone(), call, deadline, self.adapters.clone(), self.news_sender.clone());
        let handle = self.tasks.spawn(task);
        self.steps_of.insert(handle.id(), steps);
    }

    /// Waits until something happens, then takes everything that has happened.
    async fn wait(&mut self, ended: &mut Vec<(NodeIndex, Outcome)>) {
        let wake = tokio::select! {
            biased;
            stop = asked_to_stop(&mut self.asked) => Wake::Stop(stop),
            Some((step, news)) = self.news.recv() => Wake::News(step, news),
            Some(task) = self.tasks.join_next_with_id() => Wake::Ended(task),
            Some(step) = self.again.recv() => Wake::Again(step),
        };
        match wake {
            Wake::Stop(stop) => self.interrupt(stop, ended),
            Wake::News(step, news) => self.heard(step, news),
            Wake::Again(step) => self.begin_again(step),
            Wake::Ended(task) => {
                self.task_ended(task, ended);
                while let Some(task) = self.tasks.try_join_next_with_id() {
                    self.task_ended(task, ended);
                }
            }
        }
        // News of a step come before its end, whatever was woken by.
        while let Ok((step, news)) = self.news.try_recv() {
            self.heard(step, news);
        }
        while let Ok(step) = self.again.try_recv() {
            self.begin_again(step);
        }
    }

    fn task_ended(
        &mut self,
        task: Result<(Id, Vec<(NodeIndex, Outcome)>), JoinError>,
        ended: &mut Vec<(NodeIndex, Outcome)>,
    ) {
        match task {
            Ok((id, outcomes)) => {
                self.steps_of.remove(&id);
                ended.extend(outcomes);
            }
            Err(error) => {
                for step in self.steps_of.remove(&error.id()).unwrap_or_default() {
                    let kind = self.plan().steps[step].kind;
                    ended.push((step, Err(panicked(kind))));
                }
            }
        }
    }

    fn heard(&mut self, step: NodeIndex, news: News) {
        // The end of a step that was cut off has been told already.
        if self.schedule.status(step) != Status::Running {
            return;
        }
        let told = &self.narrator.plan().steps[step];
        match news {
            News::Check(check) => self.narrator.check_ended(told, check),
            News::Block(block) => self.narrator.block(told, block),
        }
    }

    fn begin_again(&mut self, step: NodeIndex) {
        if self.goes_on() {
            self.postponed -= 1;
            self.schedule.again(step);
        }
    }

    fn interrupt(&mut self, stop: Stop, ended: &mut Vec<(NodeIndex, Outcome)>) {
        if stop <= self.stop {
            return;
        }
        self.stop = stop;
        self.narrator.tell(What::Interrupting { running: self.schedule.running() });
        if stop == Stop::Now {
            self.cut_off(ended);
        }
        self.give_up_retries(ended);
    }

    /// Ends every task but those that ended by themselves. Their steps are told as failed but not recorded as such:
    /// what became of them is in doubt.
    fn cut_off(&mut self, ended: &[(NodeIndex, Outcome)]) {
        self.tasks.abort_all();
        self.tasks.detach_all();
        self.steps_of.clear();
        let plan = self.plan();
        let known = ended.iter().map(|(step, _)| *step).collect::<HashSet<_>>();
        for step in plan.steps.node_indices().filter(|step| !known.contains(step)) {
            if self.schedule.status(step) == Status::Running {
                let error = StepError::permanent("bear::engine::cut_off", "stopped before its end")
                    .with_help("the next `bear apply` looks up what became of it");
                let ending = self.settle(step, Err(error));
                self.tell(step, ending);
            }
        }
    }

    /// Nothing is begun any more. So steps that wait for another try have failed, with the error that they had last.
    fn give_up_retries(&mut self, ended: &mut Vec<(NodeIndex, Outcome)>) {
        let waiting = self.tried.iter().filter(|(step, _)| self.schedule.status(**step) == Status::Waiting);
        let mut failed = waiting.map(|(&step, tried)| (step, Err(tried.error.clone()))).collect::<Vec<_>>();
        failed.sort_by_key(|(step, _)| *step);
        ended.extend(failed);
        self.postponed = 0;
    }

    fn plan(&self) -> &'a Plan {
        self.narrator.plan()
    }
}
