//! Which step may begin when: the order of a plan while it is carried out. Pure; knows neither time nor effects.

use std::collections::VecDeque;

use bear_core::plan::{Plan, StepKind};
use petgraph::Direction;
use petgraph::graph::NodeIndex;

use crate::Limits;

/// The steps of a plan, by how far they are.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    /// For each step, how many steps it still waits for.
    waiting_for: Vec<u32>,
    status: Vec<Status>,
    ready: [VecDeque<NodeIndex>; 4],
    running: [usize; 4],
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Waiting,
    Running,
    Succeeded,
    Failed,
    Skipped,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let count = plan.steps.node_count();
        let mut schedule = Self {
            plan,
            waiting_for: vec![0; count],
            status: vec![Status::Waiting; count],
            ready: Default::default(),
            running: [0; 4],
        };
        for edge in plan.steps.raw_edges() {
            schedule.waiting_for[edge.target().index()] += 1;
        }
        for step in plan.steps.node_indices() {
            if schedule.waiting_for[step.index()] == 0 {
                schedule.make_ready(step);
            }
        }
        schedule
    }

    pub(super) fn status(&self, step: NodeIndex) -> Status {
        self.status[step.index()]
    }

    /// How many steps run.
    pub(super) fn running(&self) -> usize {
        self.running.iter().sum()
    }

    /// Takes every step that may begin now within the limits; each counts as running from here on.
    pub(super) fn begin(&mut self, limits: &Limits) -> Vec<NodeIndex> {
        let mut begun = Vec::new();
        for kind in StepKind::ALL {
            let slot = slot(kind);
            let free = limits.of(kind).at_once.saturating_sub(self.running[slot]);
            let count = free.min(self.ready[slot].len());
            begun.extend(self.ready[slot].drain(..count));
            self.running[slot] += count;
        }
        for step in &begun {
            self.status[step.index()] = Status::Running;
        }
        begun
    }

    /// A running step has to begin again later; until [`Self::again`] it takes no slot.
    pub(super) fn postpone(&mut self, step: NodeIndex) {
        self.release(step, Status::Waiting);
    }

    /// A step that was to begin does not, after all.
    pub(super) fn take_back(&mut self, step: NodeIndex) {
        self.release(step, Status::Waiting);
    }

    /// A postponed step may begin again.
    pub(super) fn again(&mut self, step: NodeIndex) {
        self.make_ready(step);
    }

    /// A running step succeeded; what waited only for it becomes ready.
    pub(super) fn succeed(&mut self, step: NodeIndex) {
        self.release(step, Status::Succeeded);
        let mut dependents =
            self.plan.steps.neighbors_directed(step, Direction::Outgoing).collect::<Vec<_>>();
        // The graph gives them backwards; like steps are to be begun side by side, and in the order of the plan.
        dependents.sort_unstable();
        for dependent in dependents {
            let left = &mut self.waiting_for[dependent.index()];
            *left -= 1;
            if *left == 0 {
                self.make_ready(dependent);
            }
        }
    }

    /// A running or postponed step failed; returns what must be skipped because of it, each step once.
    pub(super) fn fail(&mut self, step: NodeIndex) -> Vec<NodeIndex> {
        self.release(step, Status::Failed);
        let mut skipped = Vec::new();
        let mut next = vec![step];
        while let Some(step) = next.pop() {
            for dependent in self.plan.steps.neighbors_directed(step, Direction::Outgoing) {
                if self.status(dependent) == Status::Waiting {
                    self.status[dependent.index()] = Status::Skipped;
                    skipped.push(dependent);
                    next.push(dependent);
                }
            }
        }
        skipped
    }

    /// Skips everything that has not begun.
    pub(super) fn skip_the_rest(&mut self) -> Vec<NodeIndex> {
        self.ready.iter_mut().for_each(VecDeque::clear);
        let rest = self.plan.steps.node_indices().filter(|&step| self.status(step) == Status::Waiting);
        let rest = rest.collect::<Vec<_>>();
        for step in &rest {
            self.status[step.index()] = Status::Skipped;
        }
        rest
    }

    fn make_ready(&mut self, step: NodeIndex) {
        self.ready[slot(self.plan.steps[step].kind)].push_back(step);
    }

    fn release(&mut self, step: NodeIndex, status: Status) {
        if self.status(step) == Status::Running {
            self.running[slot(self.plan.steps[step].kind)] -= 1;
        }
        self.status[step.index()] = status;
    }
}

fn slot(kind: StepKind) -> usize {
    match kind {
        StepKind::Create => 0,
        StepKind::Install => 1,
        StepKind::Verify => 2,
        StepKind::Destroy => 3,
    }
}
