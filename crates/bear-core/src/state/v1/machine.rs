//! What is recorded of a machine, and of the broker on it.

use serde::{Deserialize, Serialize};

use crate::fleet::model::Ports;

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
    /// The image that it was made from, where its provider makes machines from images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl Machine {
    /// A machine of which nothing but name and address is known.
    pub fn new(id: impl Into<String>, address: impl Into<String>) -> Self {
        Self { id: id.into(), address: address.into(), private_address: None, system: None, image: None }
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
