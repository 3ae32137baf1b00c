//! What is told of a case: its trace, the first thing that must not have happened, and how much really did.

use std::fmt::{self, Display, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::coverage::Coverage;

/// What must hold in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    /// The state can be read at every moment.
    Unreadable,
    /// Every machine in the world is known to the state.
    Forgotten,
    /// No machine is made twice.
    Twice,
    /// Nothing happens outside a plan.
    OutsidePlan,
    /// The intent of a step is durable before its effect, and whatever was recorded is.
    NotDurable,
    /// No dependent of a step runs before that succeeded.
    Dependent,
    /// What is recorded as verified was verified, and is.
    Unproven,
    /// After the faults stop, one apply makes the world as the fleet wants it.
    Diverged,
    /// The plan after that is empty.
    NotEmptyPlan,
    /// Serials and generations only grow, and the lineage stays.
    Backwards,
    /// The history can be listed and gone back to.
    History,
    /// Nothing temporary stays behind in the folder.
    Leftovers,
    /// The events tell exactly what happened.
    Events,
    /// Who does not hold the lock writes nothing.
    UnheldLock,
    /// Every life comes to an end.
    Hung,
    /// Nothing panics.
    Panicked,
    /// Nothing fails where nothing was wrong.
    Refused,
}

impl Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unreadable => "unreadable",
            Self::Forgotten => "forgotten",
            Self::Twice => "twice",
            Self::OutsidePlan => "outside-plan",
            Self::NotDurable => "not-durable",
            Self::Dependent => "dependent",
            Self::Unproven => "unproven",
            Self::Diverged => "diverged",
            Self::NotEmptyPlan => "not-empty-plan",
            Self::Backwards => "backwards",
            Self::History => "history",
            Self::Leftovers => "leftovers",
            Self::Events => "events",
            Self::UnheldLock => "unheld-lock",
            Self::Hung => "hung",
            Self::Panicked => "panicked",
            Self::Refused => "refused",
        })
    }
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// What happened.
    pub what: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.what)
    }
}

/// What is told of one case. Everybody in it writes to it.
#[derive(Debug)]
pub(super) struct Log(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// Only where somebody wants to read it: most cases are fine.
    trace: Option<String>,
    violation: Option<Violation>,
    coverage: Coverage,
    began: Option<Instant>,
}

impl Log {
    pub(super) fn new(keeps_trace: bool) -> Self {
        Self(Mutex::new(Told { trace: keeps_trace.then(String::new), ..Told::default() }))
    }

    /// From now on, times are told since now; or none are.
    pub(super) fn begin(&self, began: Option<Instant>) {
        self.told().began = began;
    }

    /// Adds a line to the trace.
    pub(super) fn line(&self, line: fmt::Arguments<'_>) {
        let mut told = self.told();
        let time = told.began.map(|began| began.elapsed());
        let Some(trace) = &mut told.trace else { return };
        // Writing to a text does not fail.
        let _ = match time {
            Some(time) => writeln!(trace, "  {:>8.3}  {line}", time.as_secs_f64()),
            None => writeln!(trace, "{line}"),
        };
    }

    /// Something happened that must not. Only the first counts: what follows may follow from it.
    pub(super) fn violated(&self, property: Property, what: impl Display) {
        self.line(format_args!("VIOLATED {property}: {what}"));
        let violation = Violation { property, what: what.to_string() };
        self.told().violation.get_or_insert(violation);
    }

    pub(super) fn is_violated(&self) -> bool {
        self.told().violation.is_some()
    }

    /// Counts what really happened.
    pub(super) fn count(&self, count: impl FnOnce(&mut Coverage)) {
        count(&mut self.told().coverage);
    }

    /// All of it.
    pub(super) fn take(&self) -> (Option<Violation>, Coverage, String) {
        let told = std::mem::take(&mut *self.told());
        (told.violation, told.coverage, told.trace.unwrap_or_default())
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // A crash is a panic, and what was told before it counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
