//! Limits: how much runs at once, how long it may take, and how often it is tried.

use std::time::Duration;

use bear_core::fleet::model::ProviderKind;
use bear_core::plan::StepKind;

/// The limits of a run, by kind of step.
#[derive(Clone, Debug)]
pub struct Limits {
    create: Limit,
    install: Limit,
    verify: Limit,
    destroy: Limit,
}

/// The limits of one kind of step.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// How many run at once; at least 1.
    pub at_once: usize,
    /// How long one try may take.
    pub deadline: Duration,
    /// How often a failure that may pass is tried again.
    pub retries: u32,
    /// How long to wait before the first retry; each later wait is twice as long, up to [`WAIT_MAX`].
    pub wait: Duration,
}

/// The longest wait between two tries.
pub const WAIT_MAX: Duration = Duration::from_secs(30);

/// Those for machines that share something with bear or with each other: this machine, or the line to the hosts.
impl Default for Limits {
    fn default() -> Self {
        let limit = |at_once, seconds| Limit {
            at_once,
            deadline: Duration::from_secs(seconds),
            retries: 3,
            wait: Duration::from_millis(500),
        };
        Self {
            // Providers take batches, so many at once cost few calls.
            create: limit(100, 300),
            install: limit(32, 900),
            // Each verify opens a dozen connections; more at once would disturb the times that it reports.
            verify: limit(16, 120),
            destroy: limit(100, 300),
        }
    }
}

impl Limits {
    /// The limits that suit the machines of a provider.
    ///
    /// Machines that are made for the fleet boot and install side by side, each by itself, and all that this one does is
    /// wait for them. One that has to wait for its turn would only come later.
    pub fn for_provider(provider: ProviderKind) -> Self {
        let limits = Self::default();
        match provider {
            ProviderKind::Local | ProviderKind::Hosts => limits,
            ProviderKind::Aws => Self {
                create: Limit { at_once: 1000, ..limits.create },
                install: Limit { at_once: 1000, ..limits.install },
                verify: Limit { at_once: 64, ..limits.verify },
                destroy: Limit { at_once: 1000, ..limits.destroy },
            },
        }
    }

    /// The limits of one kind of step.
    pub const fn of(&self, kind: StepKind) -> &Limit {
        match kind {
            StepKind::Create => &self.create,
            StepKind::Install => &self.install,
            StepKind::Verify => &self.verify,
            StepKind::Destroy => &self.destroy,
        }
    }

    /// The same limits with at most `at_once` steps of each kind at a time.
    #[must_use]
    pub fn with_parallelism(self, at_once: usize) -> Self {
        self.each(|limit| Limit { at_once: at_once.max(1), ..limit })
    }

    /// The same limits with another deadline for each try.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        self.each(|limit| Limit { deadline, ..limit })
    }

    fn each(self, change: impl Fn(Limit) -> Limit) -> Self {
        Self {
            create: change(self.create),
            install: change(self.install),
            verify: change(self.verify),
            destroy: change(self.destroy),
        }
    }
}
