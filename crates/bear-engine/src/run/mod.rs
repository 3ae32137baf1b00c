//! The run: carries out a plan, in one loop that owns the schedule, the store and the stream of events.
//!
//! Effects happen in tasks of their own; everything that is decided or remembered happens in the loop. One turn takes
//! what the tasks brought back, picks the steps that may begin, makes all of it durable together, tells the reporter,
//! and only then lets the new effects start. So the journal, the screen and the world never disagree about what was
//! begun, and steps that become ready together cost one fsync.

mod began;
mod certainty;
mod ending;
mod launch;
mod narrator;
mod perform;
mod schedule;
mod stop;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bear_core::event::{Event, Operation, Summary, What};
use bear_core::plan::Plan;
use bear_core::state::v1::Record;
use petgraph::graph::NodeIndex;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use self::certainty::Certainty;
use self::ending::Ending;
use self::launch::{Launches, calls};
use self::narrator::Narrator;
use self::perform::{Call, News, Outcome, panicked, perform};
use self::schedule::{Schedule, Status};
use self::stop::asked_to_stop;
use crate::adapter::Adapters;
use crate::clock::Clock;
use crate::limits::{Limits, WAIT_MAX};
use crate::store::{Store, StoreError};

pub(crate) use self::perform::too_late;
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
    /// What the adapters have to say that is neither an error nor about one step; told as [`What::Notice`]. Its sender
    /// may be dropped.
    pub notices: mpsc::Receiver<String>,
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
        certainty: Certainty::of(store.state()),
        store,
        tasks: JoinSet::new(),
        steps_of: HashMap::new(),
        started: HashMap::new(),
        postponed: 0,
        news,
        news_sender,
        again,
        again_sender,
        asked: run.stop,
        notices: run.notices,
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
    certainty: Certainty,
    store: &'a mut dyn Store,
    tasks: JoinSet<Vec<(NodeIndex, Outcome)>>,
    steps_of: HashMap<Id, Vec<NodeIndex>>,
    started: HashMap<NodeIndex, Instant>,
    /// How many steps wait for the time of their next try.
    postponed: usize,
    /// Bounded by the steps that run at once times the checks of one broker, or the blocks of one script.
    news: mpsc::UnboundedReceiver<(NodeIndex, News)>,
    news_sender: mpsc::UnboundedSender<(NodeIndex, News)>,
    /// Bounded by the number of steps.
    again: mpsc::UnboundedReceiver<Vec<NodeIndex>>,
    again_sender: mpsc::UnboundedSender<Vec<NodeIndex>>,
    asked: watch::Receiver<Stop>,
    notices: mpsc::Receiver<String>,
    /// How far the user's wish to stop was obeyed.
    stop: Stop,
    /// Why the store keeps nothing more. Since then nothing is begun or recorded.
    failure: Option<StoreError>,
}

/// What the loop is woken by.
enum Wake {
    Ended(Result<(Id, Vec<(NodeIndex, Outcome)>), JoinError>),
    News(NodeIndex, News),
    Again(Vec<NodeIndex>),
    Notice(String),
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
        self.wait_for_next_tries(&settled);
        for (step, ending) in settled {
            self.tell(step, ending);
        }
        self.start(&begun);
    }

    /// Steps that were tried together are tried again together, as one launch.
    fn wait_for_next_tries(&self, settled: &[(NodeIndex, Ending)]) {
        let mut waits = BTreeMap::<Duration, Vec<NodeIndex>>::new();
        for (step, ending) in settled {
            if let Ending::Postponed { wait, .. } = ending {
                waits.entry(*wait).or_default().push(*step);
            }
        }
        for (wait, steps) in waits {
            let again = self.again_sender.clone();
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                // If the run is over, nobody waits for this.
                let _ = again.send(steps);
            });
        }
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
        let first_tries = begun.iter().filter(|&&step| self.certainty.tries(step) == 0);
        let mut launches = Launches::new(state, self.adapters.provider.batch_max());
        let begins = first_tries.filter_map(|&step| began::record(&steps[step], state, &mut launches, now));
        let records = ends.chain(begins).collect::<Vec<_>>();
        // Nothing is recorded of a step that is tried again, and yet it must not begin if the store could not record it.
        if records.is_empty() && begun.is_empty() { Ok(()) } else { self.store.record(&records) }
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
        let times = self.certainty.tries(step) + 1;
        if error.transient && times <= limit.retries && self.goes_on() {
            self.certainty.tried(step, &error);
            self.schedule.postpone(step);
            self.postponed += 1;
            let wait = (limit.wait * 2_u32.saturating_pow(times - 1)).min(WAIT_MAX);
            return Ending::Postponed { attempt: times, error, wait };
        }
        let skipped = self.schedule.fail(step);
        let nothing_came_of_it = self.certainty.nothing_came_of_it(step, &self.plan().steps[step], &error);
        Ending::Failed { error, took, skipped, nothing_came_of_it }
    }

    fn tell(&mut self, index: NodeIndex, ending: Ending) {
        let plan = self.plan();
        let step = &plan.steps[index];
        match ending {
            Ending::Succeeded { took, .. } => self.narrator.step_succeeded(step, took),
            Ending::Postponed { attempt, error, wait } => {
                self.narrator.step_retrying(step, attempt, error, wait);
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
    fn start(&mut self, begun: &[NodeIndex]) {
        let plan = self.plan();
        for &step in begun {
            self.narrator.step_started(&plan.steps[step]);
            self.started.insert(step, Instant::now());
        }
        for steps in calls(begun, plan, self.store.state(), self.adapters.provider.batch_max()) {
            self.spawn(steps);
        }
    }

    fn spawn(&mut self, steps: Vec<NodeIndex>) {
        let plan = self.plan();
        let deadline = self.limits.of(plan.steps[steps[0]].kind).deadline;
        let may_be_there = |index, step: &_| self.certainty.may_be_there(index, step);
        let call = Call::of(&steps, plan, self.store.state(), may_be_there);
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
            Some(text) = self.notices.recv() => Wake::Notice(text),
            Some(task) = self.tasks.join_next_with_id() => Wake::Ended(task),
            Some(steps) = self.again.recv() => Wake::Again(steps),
        };
        match wake {
            Wake::Stop(stop) => self.interrupt(stop, ended),
            Wake::News(step, news) => self.heard(step, news),
            Wake::Notice(text) => self.narrator.tell(What::Notice { text }),
            Wake::Again(steps) => self.begin_again(&steps),
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
        while let Ok(steps) = self.again.try_recv() {
            self.begin_again(&steps);
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

    fn begin_again(&mut self, steps: &[NodeIndex]) {
        if self.goes_on() {
            self.postponed -= steps.len();
            for &step in steps {
                self.schedule.again(step);
            }
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
                let ending = self.settle(step, Err(perform::cut_off()));
                self.tell(step, ending);
            }
        }
    }

    /// Nothing is begun any more. So steps that wait for another try have failed, with the error that they had last.
    fn give_up_retries(&mut self, ended: &mut Vec<(NodeIndex, Outcome)>) {
        let failures = self.certainty.failures().map(|(step, error)| (step, Err(error.clone())));
        let mut failed = failures.collect::<BTreeMap<_, _>>();
        failed.retain(|&step, _| self.schedule.status(step) == Status::Waiting);
        ended.extend(failed);
        self.postponed = 0;
    }

    fn plan(&self) -> &'a Plan {
        self.narrator.plan()
    }
}
