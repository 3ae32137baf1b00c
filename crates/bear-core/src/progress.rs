//! Progress: what of a plan is still to come, what it waits for, and how long all of it may take.
//!
//! How long is a guess, made of how long steps of the same kind took: in this run, else in an earlier one. It is the
//! longest way through what is left, or all of the work divided among as many as were ever seen at it, if that is more.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use petgraph::Direction;
use petgraph::algo::toposort;

use crate::event::{Event, StepRef, What};
use crate::plan::{Plan, Resource};
use crate::step::StepKind;

/// How far a run of a plan has come. Of an unknown plan there is nothing to tell.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What must come before a step stands before it.
    steps: Vec<Step>,
    numbers: HashMap<String, usize>,
    earlier: Pace,
    now: Pace,
    running: usize,
    /// The most that ever ran at once.
    widest: usize,
    began: Timestamp,
}

#[derive(Clone, Debug)]
struct Step {
    work: Work,
    before: Vec<usize>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Waiting,
    /// Since so many seconds after the run began.
    Running(f64),
    Over,
}

/// What takes alike long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    kind: StepKind,
    is_foundation: bool,
}

/// How long steps take, by what they do.
#[derive(Clone, Debug, Default)]
pub struct Pace(BTreeMap<Work, Mean>);

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    number: f64,
}

/// Steps that have not begun, and what they wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What they do.
    pub kind: StepKind,
    /// How many there are.
    pub number: usize,
    /// What must come before.
    pub on: Wait,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// What the instances share.
    Foundation,
    /// A step of this kind.
    Step(StepKind),
    /// Its turn: as many run as may run at once.
    Turn,
}

impl Pace {
    /// Takes note of a step that succeeded within `seconds`; `is_foundation` if it was not about a single instance.
    pub fn note(&mut self, kind: StepKind, is_foundation: bool, seconds: f64) {
        let mean = self.0.entry(Work { kind, is_foundation }).or_default();
        mean.sum += seconds;
        mean.number += 1.0;
    }

    fn of(&self, work: Work) -> Option<f64> {
        self.0.get(&work).map(|mean| mean.sum / mean.number)
    }
}

impl Progress {
    /// A run of `plan` that has not begun. `earlier` is how long steps took in another one.
    pub fn of(plan: &Plan, earlier: Pace) -> Self {
        // No plan with a circle is ever carried out; of such a one this would be a poor guess and no more.
        let order = toposort(&plan.steps, None).unwrap_or_else(|_| plan.steps.node_indices().collect());
        let places = order.iter().enumerate().map(|(place, &node)| (node, place)).collect::<HashMap<_, _>>();
        let steps = order.iter().map(|&node| {
            let step = &plan.steps[node];
            let is_foundation = matches!(step.resource, Resource::Foundation(_));
            let before = plan.steps.neighbors_directed(node, Direction::Incoming);
            Step {
                work: Work { kind: step.kind, is_foundation },
                before: before.map(|node| places[&node]).collect(),
                stage: Stage::Waiting,
            }
        });
        Self {
            steps: steps.collect(),
            numbers: order.iter().map(|&node| (plan.steps[node].id(), places[&node])).collect(),
            earlier,
            now: Pace::default(),
            running: 0,
            widest: 0,
            began: Timestamp::UNIX_EPOCH,
        }
    }

    /// Takes one event into account.
    pub fn take(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted { .. } => self.began = event.at,
            What::StepStarted { step } => {
                let since = event.at.duration_since(self.began).as_secs_f64();
                if let Some(number) = self.find(step)
                    && matches!(self.steps[number].stage, Stage::Waiting)
                {
                    self.steps[number].stage = Stage::Running(since);
                    self.running += 1;
                    self.widest = self.widest.max(self.running);
                }
            }
            What::StepSucceeded { step, seconds } => {
                if let Some(number) = self.end(step) {
                    let Work { kind, is_foundation } = self.steps[number].work;
                    self.now.note(kind, is_foundation, *seconds);
                }
            }
            What::StepFailed { step, .. } | What::StepSkipped { step, .. } => {
                self.end(step);
            }
            _ => {}
        }
    }

    fn find(&self, step: &StepRef) -> Option<usize> {
        self.numbers.get(&step.step).copied()
    }

    fn end(&mut self, step: &StepRef) -> Option<usize> {
        let number = self.find(step)?;
        if matches!(self.steps[number].stage, Stage::Running(_)) {
            self.running -= 1;
        }
        self.steps[number].stage = Stage::Over;
        Some(number)
    }

    /// The steps that have not begun, by what they do and what they wait for.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut numbers = BTreeMap::<_, usize>::new();
        for step in self.steps.iter().filter(|step| matches!(step.stage, Stage::Waiting)) {
            *numbers.entry((step.work.kind, self.wait(step))).or_default() += 1;
        }
        numbers.into_iter().map(|((kind, on), number)| Waiting { kind, number, on }).collect()
    }

    fn wait(&self, step: &Step) -> Wait {
        let before = step.before.iter().map(|&number| &self.steps[number]);
        let mut before = before.filter(|step| !matches!(step.stage, Stage::Over));
        match before.next() {
            None => Wait::Turn,
            Some(before) if before.work.is_foundation => Wait::Foundation,
            Some(before) => Wait::Step(before.work.kind),
        }
    }

    /// How many seconds it may still take, so many seconds after it began. None where steps are left of a kind that
    /// was never seen to succeed.
    pub fn left(&self, elapsed: f64) -> Option<f64> {
        let (mut ends, mut work) = (Vec::with_capacity(self.steps.len()), 0.0);
        for step in &self.steps {
            let left = self.left_of(step, elapsed)?;
            let begins = step.before.iter().map(|&number| ends[number]).fold(0.0, f64::max);
            ends.push(begins + left);
            work += left;
        }
        let longest = ends.into_iter().fold(0.0, f64::max);
        let at_once = f64::from(u32::try_from(self.widest.max(1)).unwrap_or(u32::MAX));
        Some(longest.max(work / at_once))
    }

    fn left_of(&self, step: &Step, elapsed: f64) -> Option<f64> {
        let expected = || self.now.of(step.work).or_else(|| self.earlier.of(step.work));
        match step.stage {
            Stage::Over => Some(0.0),
            Stage::Waiting => expected(),
            // What takes longer than others did is not just about to end.
            Stage::Running(since) => {
                expected().map(|expected| (expected - (elapsed - since)).max((elapsed - since) / 10.0))
            }
        }
    }
}
