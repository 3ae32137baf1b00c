//! Version 1 of what is stored: the state and the records that change it.
//!
//! A derive of `Serialize` here is a promise. Once a bear was released, whoever adds a field raises [`VERSION`]: an
//! older bear refuses fields that it does not know, and a newer one reads what lacks them.

mod foundation;
mod machine;
mod record;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use foundation::{FoundationPhase, RecordedFoundation};
pub use machine::{Installed, Machine, Process, System};
pub use record::Record;

use crate::fleet::Spec;
use crate::name::{FleetName, GroupName, InstanceName};
use crate::step::StepKind;

/// The version of the formats in this module.
pub const VERSION: u32 = 1;

/// How many used plans are remembered.
const USED_PLANS_MAX: usize = 50;

/// What bear has recorded about one fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// [`VERSION`].
    pub version: u32,
    /// The fleet.
    pub fleet: FleetName,
    /// Who this state is: random, drawn once when the fleet is first applied. Machines are marked with it.
    pub lineage: String,
    /// The number of records that made this state.
    pub serial: u64,
    /// The fleet file that the fleet was last applied from, relative to the project where that is possible.
    pub file: String,
    /// The highest generation given to a machine of this fleet. Machines of one name differ in it.
    pub generation: u64,
    /// The plans that have been used, newest last. A plan is single use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_plans: Vec<String>,
    /// What the machines of each region share, where it exists or may exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foundations: BTreeMap<String, RecordedFoundation>,
    /// The instances that exist, or may exist.
    pub instances: BTreeMap<InstanceName, Recorded>,
}

/// What bear has recorded about one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Its group.
    pub group: GroupName,
    /// What it was last asked to be.
    pub spec: Spec,
    /// Which machine of this name it is.
    pub generation: u64,
    /// What its machine is marked with at the provider.
    pub token: String,
    /// The launch that first asked for its machine: the token of the first of the instances that were asked for together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<String>,
    /// How far it is known to be.
    pub phase: Phase,
    /// When it got into that phase.
    pub since: Timestamp,
    /// Its machine, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Its broker, once that was installed; kept from then on, so that ports stay what they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// How many checks its broker passed when it was last proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<u32>,
    /// The step that was begun and did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<Unfinished>,
}

/// How far an instance is *known* to be. A step that begins moves it down to what is certain, one that succeeds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its machine may or may not exist.
    Creating,
    /// Its machine exists.
    Created,
    /// Its broker is installed.
    Installed,
    /// Its broker was proven.
    Verified,
    /// Its machine may or may not be gone.
    Destroying,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Installed => "installed",
            Self::Verified => "verified",
            Self::Destroying => "destroying",
        })
    }
}

/// A step that was begun and did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfinished {
    /// Which step.
    pub step: StepKind,
    /// Why it failed; none if it never came to an end, so that its outcome is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl State {
    /// The state of a fleet of which nothing is known yet.
    pub fn new(fleet: FleetName, lineage: String) -> Self {
        Self {
            version: VERSION,
            fleet,
            lineage,
            serial: 0,
            file: String::new(),
            generation: 0,
            used_plans: Vec::new(),
            foundations: BTreeMap::new(),
            instances: BTreeMap::new(),
        }
    }

    /// What the machine of an instance is marked with, so that it can be found again after a crash.
    ///
    /// 40 hexadecimal digits: an EC2 client token has at most 64 ASCII characters.
    pub fn token(&self, instance: &InstanceName, generation: u64) -> String {
        let digest = Sha256::digest(format!("{}\n{instance}\n{generation}", self.lineage));
        digest.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether nothing that is recorded exists, or may exist.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty() && self.foundations.is_empty()
    }

    /// Lets one record change the state. A record about something that is not there changes nothing but the serial.
    pub fn apply(&mut self, record: &Record) {
        self.serial += 1;
        match record {
            Record::RunBegan { file, plan, .. } => {
                self.file.clone_from(file);
                self.used_plans.extend(plan.clone());
                let surplus = self.used_plans.len().saturating_sub(USED_PLANS_MAX);
                self.used_plans.drain(..surplus);
            }
            Record::CreateBegan { instance, generation, .. } => {
                self.generation = self.generation.max(*generation);
                // A machine that takes the place of one that vanished gets its ports: clients know them.
                let vanished = self.instances.remove(instance).and_then(|recorded| recorded.installed);
                if let Some(recorded) = Recorded::asked_for(record, vanished) {
                    self.instances.insert(instance.clone(), recorded);
                }
            }
            Record::Destroyed { instance, .. } | Record::Forgotten { instance, .. } => {
                self.instances.remove(instance);
            }
            Record::FoundationBegan { at, foundation } => {
                let recorded = RecordedFoundation::laying(foundation.clone(), *at);
                self.foundations.insert(foundation.region.clone(), recorded);
            }
            Record::FoundationLaid { at, region } => self.foundation(region, FoundationPhase::Laid, *at),
            Record::FoundationGoing { at, region } => self.foundation(region, FoundationPhase::Removing, *at),
            Record::FoundationGone { region, .. } => drop(self.foundations.remove(region)),
            Record::Created { at, instance, .. }
            | Record::Moved { at, instance, .. }
            | Record::InstallBegan { at, instance, .. }
            | Record::Installed { at, instance, .. }
            | Record::VerifyBegan { at, instance }
            | Record::Verified { at, instance, .. }
            | Record::DestroyBegan { at, instance }
            | Record::Failed { at, instance, .. } => {
                if let Some(recorded) = self.instances.get_mut(instance) {
                    recorded.apply(record, *at);
                }
            }
        }
    }

    fn foundation(&mut self, region: &str, phase: FoundationPhase, at: Timestamp) {
        if let Some(recorded) = self.foundations.get_mut(region) {
            recorded.reach(phase, at);
        }
    }
}

impl Recorded {
    /// An instance whose machine was just asked for; none for another record.
    fn asked_for(record: &Record, vanished: Option<Installed>) -> Option<Self> {
        let Record::CreateBegan { at, group, spec, generation, token, launch, .. } = record else {
            return None;
        };
        Some(Self {
            group: group.clone(),
            spec: spec.clone(),
            generation: *generation,
            token: token.clone(),
            launch: launch.clone(),
            phase: Phase::Creating,
            since: *at,
            machine: None,
            installed: vanished.map(|installed| Installed { process: None, ..installed }),
            checks: None,
            unfinished: Some(Unfinished { step: StepKind::Create, error: None }),
        })
    }

    fn apply(&mut self, record: &Record, at: Timestamp) {
        match record {
            Record::Created { machine, .. } => {
                self.machine = Some(machine.clone());
                self.reach(Phase::Created, at);
            }
            Record::Moved { machine, .. } => {
                self.machine = Some(machine.clone());
                // Where its broker is reached now, it was never proven.
                if self.phase == Phase::Verified {
                    self.move_to(Phase::Installed, at);
                }
            }
            Record::InstallBegan { spec, .. } => {
                self.spec = spec.clone();
                self.begin(StepKind::Install, Phase::Created, at);
            }
            Record::Installed { installed, machine, .. } => {
                self.installed = Some(installed.clone());
                self.machine = machine.clone().or(self.machine.take());
                self.reach(Phase::Installed, at);
            }
            Record::VerifyBegan { .. } => self.begin(StepKind::Verify, Phase::Installed, at),
            Record::Verified { checks, .. } => {
                self.checks = Some(*checks);
                self.reach(Phase::Verified, at);
            }
            Record::DestroyBegan { .. } => self.begin(StepKind::Destroy, Phase::Destroying, at),
            Record::Failed { step, error, .. } => {
                self.unfinished = Some(Unfinished { step: *step, error: Some(error.clone()) });
            }
            Record::RunBegan { .. }
            | Record::CreateBegan { .. }
            | Record::Destroyed { .. }
            | Record::Forgotten { .. }
            | Record::FoundationBegan { .. }
            | Record::FoundationLaid { .. }
            | Record::FoundationGoing { .. }
            | Record::FoundationGone { .. } => {}
        }
    }

    fn begin(&mut self, step: StepKind, certain: Phase, at: Timestamp) {
        self.unfinished = Some(Unfinished { step, error: None });
        self.move_to(certain, at);
    }

    fn reach(&mut self, phase: Phase, at: Timestamp) {
        self.unfinished = None;
        self.move_to(phase, at);
    }

    fn move_to(&mut self, phase: Phase, at: Timestamp) {
        if self.phase != phase {
            self.phase = phase;
            self.since = at;
        }
        if phase != Phase::Verified {
            self.checks = None;
        }
    }
}
