//! The records: each is one thing that changes a state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Installed, Machine};
use crate::fleet::{Foundation, Spec};
use crate::name::{GroupName, InstanceName};
use crate::step::StepKind;

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
        /// The launch that asks for it: the token of the first of the instances that are asked for together.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        launch: Option<String>,
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
    /// A machine is the same as ever, and is reached by other addresses.
    Moved {
        /// When that was found.
        at: Timestamp,
        /// Of which instance.
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
        /// Its machine, where that is not as it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        machine: Option<Machine>,
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
    /// A step of an instance failed.
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
    /// What the machines of a region share is about to be made, or made what it shall be.
    FoundationBegan {
        /// When.
        at: Timestamp,
        /// What it shall be.
        foundation: Foundation,
    },
    /// What the machines of a region share is as it shall be.
    FoundationLaid {
        /// When.
        at: Timestamp,
        /// Of which region.
        region: String,
    },
    /// What the machines of a region share is about to be removed.
    FoundationGoing {
        /// When.
        at: Timestamp,
        /// Of which region.
        region: String,
    },
    /// What the machines of a region share is gone.
    FoundationGone {
        /// When.
        at: Timestamp,
        /// Of which region.
        region: String,
    },
}
