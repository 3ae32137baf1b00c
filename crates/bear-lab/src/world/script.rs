//! What goes wrong in the simulated world, and how long things take there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::plan::{Resource, StepKind};

/// One request that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What becomes of its effect.
    pub effect: Effect,
    /// What comes back instead of the true answer.
    pub answer: Answer,
}

/// What becomes of the effect of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The request was lost on its way.
    None,
    /// It took effect.
    Done,
    /// It takes effect later, after bear has looked at the world again. Only for making machines; others are lost.
    Late,
}

/// What comes back of a request that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An error that will not pass.
    Permanent,
    /// An error that may pass.
    Transient,
    /// An error that will not pass, of a request that certainly changed nothing.
    Refused,
    /// Nothing, ever.
    Never,
    /// The adapter panics.
    Panic,
}

impl Fault {
    /// A request that fails without effect.
    pub const fn before(answer: Answer) -> Self {
        Self { effect: Effect::None, answer }
    }

    /// A request that takes effect, and whose answer is lost.
    pub const fn after(answer: Answer) -> Self {
        Self { effect: Effect::Done, answer }
    }

    pub(super) fn error(self) -> StepError {
        match self.answer {
            Answer::Transient => StepError::transient("lab::transient", "the lab is busy"),
            Answer::Refused => StepError::permanent("lab::refused", "the lab refuses").with_nothing_changed(),
            _ => StepError::permanent("lab::permanent", "the lab says no"),
        }
    }
}

/// How long things take: the effect comes in the middle.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// To make a machine.
    pub create: Duration,
    /// To install a broker.
    pub install: Duration,
    /// To prove it.
    pub verify: Duration,
    /// To destroy a machine.
    pub destroy: Duration,
    /// What the times vary by, between half and one and a half of what stands above; not at all if it is none.
    pub seed: Option<u64>,
}

impl Latency {
    /// Whole seconds, always the same.
    pub const fn seconds(create: u64, install: u64, verify: u64, destroy: u64) -> Self {
        Self {
            create: Duration::from_secs(create),
            install: Duration::from_secs(install),
            verify: Duration::from_secs(verify),
            destroy: Duration::from_secs(destroy),
            seed: None,
        }
    }

    /// The same times, which vary by `seed`.
    #[must_use]
    pub const fn varied(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// How long the `nth` request of this kind takes.
    pub(super) fn of(&self, kind: StepKind, resource: &Resource, nth: usize) -> Duration {
        let usual = match kind {
            StepKind::Create => self.create,
            StepKind::Install => self.install,
            StepKind::Verify => self.verify,
            StepKind::Destroy => self.destroy,
        };
        let Some(seed) = self.seed else { return usual };
        let mut hasher = DefaultHasher::new();
        let name = match resource {
            Resource::Instance(name) => name.as_str(),
            Resource::Foundation(region) => region,
        };
        (seed, kind, name, nth).hash(&mut hasher);
        let percent = u32::try_from(50 + hasher.finish() % 101).expect("at most 150");
        usual * percent / 100
    }
}
