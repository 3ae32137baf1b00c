//! Version 1 of what is stored: the state and the records that change it.
//!
//! A derive of `Serialize` here is a promise. Once a bear was released, whoever adds a field raises [`VERSION`]: an
//! older bear refuses fields that it does not know, and a newer one reads what lacks them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fleet::Spec;
use crate::fleet::model::Ports;
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

/// A machine as its provider knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The provider's name for it.
    pub id: String,
    /// The address that clients connect to.
    pub address: String,
    /// The address by which the machines of a fleet reach each other, where that is another; an EMQX node is named
    /// after it for as long as its data lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_address: Option<String>,
    /// What it is, as it was found when it became part of the fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

impl Machine {
    /// A machine of which nothing but name and address is known.
    pub fn new(id: impl Into<String>, address: impl Into<String>) -> Self {
        Self { id: id.into(), address: address.into(), private_address: None, system: None }
    }
}

/// What a machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// The distribution and its release, such as `ubuntu 22.04`.
    pub name: String,
    /// The processor as Debian names it, such as `amd64`.
    pub architecture: String,
    /// Its memory, in MiB.
    pub memory_mib: u64,
    /// The room that was left on its disk, in MiB.
    pub disk_free_mib: u64,
}

/// A broker as it was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// The ports that it listens on.
    pub ports: Ports,
    /// The version that runs.
    pub version: String,
    /// Its process, where the provider runs it as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The SHA-256 of the settings that were written for it, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// The digest of the image that it runs from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The version of Docker that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<String>,
}

impl Installed {
    /// A broker of which nothing but its ports and version is known.
    pub fn new(ports: Ports, version: impl Into<String>) -> Self {
        Self { ports, version: version.into(), process: None, configuration: None, image: None, docker: None }
    }
}

/// A process on this machine. The start time tells it from a later one with the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot: field 22 of `/proc/PID/stat`, proc(5).
    pub started: u64,
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

/// One thing that changes a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// A run began.
    RunBegan {
        /// When.
        at: Timestamp,
        /// The fleet file it was made from.
        file: String,
        /// The recorded plan that it uses up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
    },
    /// A machine is about to be made.
    CreateBegan {
        /// When.
        at: Timestamp,
        /// For which instance.
        instance: InstanceName,
        /// Of which group.
        group: GroupName,
        /// What it shall be.
        spec: Spec,
        /// Which machine of this name it is.
        generation: u64,
        /// What the machine is marked with.
        token: String,
    },
    /// A machine was made, or found to exist after all.
    Created {
        /// When.
        at: Timestamp,
        /// For which instance.
        instance: InstanceName,
        /// The machine.
        machine: Machine,
    },
    /// A broker is about to be installed.
    InstallBegan {
        /// When.
        at: Timestamp,
        /// On which instance.
        instance: InstanceName,
        /// What it shall be.
        spec: Spec,
    },
    /// A broker was installed.
    Installed {
        /// When.
        at: Timestamp,
        /// On which instance.
        instance: InstanceName,
        /// The broker.
        installed: Installed,
    },
    /// A broker is about to be proven.
    VerifyBegan {
        /// When.
        at: Timestamp,
        /// On which instance.
        instance: InstanceName,
    },
    /// A broker was proven.
    Verified {
        /// When.
        at: Timestamp,
        /// On which instance.
        instance: InstanceName,
        /// How many checks it passed: all of them.
        checks: u32,
    },
    /// A machine is about to be destroyed.
    DestroyBegan {
        /// When.
        at: Timestamp,
        /// Of which instance.
        instance: InstanceName,
    },
    /// A machine is gone.
    Destroyed {
        /// When.
        at: Timestamp,
        /// Of which instance.
        instance: InstanceName,
    },
    /// A step failed.
    Failed {
        /// When.
        at: Timestamp,
        /// On which instance.
        instance: InstanceName,
        /// Which step.
        step: StepKind,
        /// Why.
        error: String,
    },
    /// The user took an instance out of the state; its machine was left alone.
    Forgotten {
        /// When.
        at: Timestamp,
        /// Which instance.
        instance: InstanceName,
    },
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

    /// Lets one record change the state. A record about an instance that is not there changes nothing but the serial.
    pub fn apply(&mut self, record: &Record) {
        self.serial += 1;
        match record {
            Record::RunBegan { file, plan, .. } => {
                self.file.clone_from(file);
                self.used_plans.extend(plan.clone());
                let surplus = self.used_plans.len().saturating_sub(USED_PLANS_MAX);
                self.used_plans.drain(..surplus);
            }
            Record::CreateBegan { at, instance, group, spec, generation, token } => {
                self.generation = self.generation.max(*generation);
                // A machine that takes the place of one that vanished gets its ports: clients know them.
                let vanished = self.instances.remove(instance).and_then(|recorded| recorded.installed);
                let recorded = Recorded {
                    group: group.clone(),
                    spec: spec.clone(),
                    generation: *generation,
                    token: token.clone(),
                    phase: Phase::Creating,
                    since: *at,
                    machine: None,
                    installed: vanished.map(|installed| Installed { process: None, ..installed }),
                    checks: None,
                    unfinished: Some(Unfinished { step: StepKind::Create, error: None }),
                };
                self.instances.insert(instance.clone(), recorded);
            }
            Record::Destroyed { instance, .. } | Record::Forgotten { instance, .. } => {
                self.instances.remove(instance);
            }
            Record::Created { at, instance, .. }
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
}

impl Recorded {
    fn apply(&mut self, record: &Record, at: Timestamp) {
        match record {
            Record::Created { machine, .. } => {
                self.machine = Some(machine.clone());
                self.reach(Phase::Created, at);
            }
            Record::InstallBegan { spec, .. } => {
                self.spec = spec.clone();
                self.begin(StepKind::Install, Phase::Created, at);
            }
            Record::Installed { installed, .. } => {
                self.installed = Some(installed.clone());
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
            | Record::Forgotten { .. } => {}
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
