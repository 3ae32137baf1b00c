//! What the manager is told of fleets: what their files say, and what is recorded about them.

use std::sync::Arc;

use bear_core::check::CheckResult;
use bear_core::event::{Operation, Outcome};
use bear_core::fleet::Spec;
use bear_core::fleet::model::ProviderKind;
use bear_core::health::Pulse;
use bear_core::name::{FleetName, GroupName, InstanceName};
use bear_core::state::v1::Recorded;
use jiff::Timestamp;

/// What is there, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The fleet files that may be chosen, as people know them.
    pub files: Vec<String>,
    /// The fleet that was chosen.
    pub fleet: Option<Fleet>,
    /// Why it can't be shown.
    pub failure: Option<Failure>,
}

/// A fleet: what its file says, and what is recorded about it.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Its file, as people know it.
    pub file: String,
    /// Its name.
    pub name: FleetName,
    /// Where its machines come from.
    pub provider: ProviderKind,
    /// Its groups, in the order of the file; those that are no longer in it at the end.
    pub groups: Vec<Group>,
    /// Its instances, those of a group together, in the order of the groups.
    pub instances: Vec<Instance>,
}

/// A group of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// What its instances are.
    pub members: Members,
}

/// What the instances of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// So many like instances.
    Count(u32),
    /// Instances with names.
    Named,
    /// The group is not in the file any more.
    Gone,
}

/// An instance that is wanted, or recorded, or both.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name.
    pub name: InstanceName,
    /// Its group.
    pub group: GroupName,
    /// What it shall be; what it was, where the file does not want it any more.
    pub spec: Arc<Spec>,
    /// Whether the file wants it.
    pub wanted: bool,
    /// What is recorded about it; none before it was first applied.
    pub recorded: Option<Box<Recorded>>,
}

impl Instance {
    /// Whether its broker may have written a log that can be read. On this machine that is so from the first moment
    /// of an install on.
    pub(crate) fn has_log(&self) -> bool {
        let Some(recorded) = &self.recorded else { return false };
        let is_here = self.spec.provider == ProviderKind::Local;
        recorded.machine.is_some() && (recorded.installed.is_some() || is_here)
    }
}

/// What one look at one of several fleets found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Its file, as people know it.
    pub file: String,
    /// The fleet; none where nothing can be shown of it.
    pub fleet: Option<Fleet>,
    /// How its brokers are doing.
    pub pulses: Vec<(InstanceName, Pulse)>,
    /// Why the fleet, or its file, can't be read.
    pub failure: Option<Failure>,
}

/// What has happened to an instance, as far as records are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs that it was part of, newest first.
    pub runs: Vec<PastRun>,
    /// Its last proof.
    pub proof: Option<Proof>,
}

/// A run that an instance was part of.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    /// When it began.
    pub at: Timestamp,
    /// What it was for.
    pub operation: Operation,
    /// How it ended for the instance; none if it did not come to its end.
    pub outcome: Option<Outcome>,
    /// Why it failed for the instance.
    pub error: Option<String>,
}

/// What the checks of a broker found.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// When they ended.
    pub at: Timestamp,
    /// What each found.
    pub checks: Vec<CheckResult>,
}

/// Why something could not be done: what was attempted, why it failed, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was attempted, and that it failed.
    pub what: String,
    /// The reasons, each behind the one before; a line each, or more.
    pub why: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
}
