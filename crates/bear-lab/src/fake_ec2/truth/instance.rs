//! Instances, and what happens to them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

/// An instance as it really is.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "EC2 tells so many things of an instance by yes and no")]
pub struct Instance {
    /// Such as `i-0123456789abcdef0`.
    pub id: String,
    /// The reservation that it was launched in.
    pub reservation: String,
    /// Its place within the reservation.
    pub launch_index: usize,
    /// The client token that it was launched with.
    pub client_token: Option<String>,
    /// The id of its image.
    pub image: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Such as `t3.small`.
    pub instance_type: String,
    /// The key pair that may log in.
    pub key_name: Option<String>,
    /// Where it is.
    pub zone: String,
    /// Where its private address comes from.
    pub subnet: String,
    /// Its address within the VPC.
    pub private_ip: Ipv4Addr,
    /// Its address in the world, whether elastic or not. It is described once the instance runs.
    pub public_ip: Option<Ipv4Addr>,
    /// Its security groups.
    pub groups: Vec<String>,
    /// The ARN of its instance profile.
    pub iam_profile: Option<String>,
    /// The request for it, if it is a spot instance.
    pub spot: Option<String>,
    /// How its metadata can be had.
    pub metadata: Metadata,
    /// Whether it refuses to be terminated.
    pub protected: bool,
    /// Its state.
    pub state: InstanceState,
    pub(in super::super) user_data: Option<Arc<str>>,
    pub(in super::super) interface: String,
    /// The volumes that it was launched with.
    pub(in super::super) disks: Vec<String>,
    /// Whether it ends instead of running for the first time.
    pub(in super::super) doomed: bool,
    pub(in super::super) monitored: bool,
    pub(in super::super) ebs_optimized: bool,
    pub(in super::super) shutdown_terminates: bool,
    pub(in super::super) dynamic_ip: bool,
    pub(in super::super) console: Option<String>,
    /// When it comes to the state that it is on its way to.
    pub(in super::super) due: Option<Instant>,
    pub(in super::super) launched: Instant,
    pub(in super::super) ended: Option<Instant>,
    /// From when on its status checks are passed, while it runs.
    pub(in super::super) checked: Instant,
    pub(in super::super) visible_from: Instant,
    /// Why it is in its state.
    pub(in super::super) reason: Option<(&'static str, &'static str)>,
}

impl Instance {
    /// The user data, decoded.
    pub fn user_data(&self) -> Vec<u8> {
        let encoded = self.user_data.as_deref().unwrap_or_default();
        STANDARD.decode(encoded).expect("the launch refused everything else")
    }

    /// The user data as it was sent, in base64.
    pub(in super::super) fn encoded_user_data(&self) -> Option<&str> {
        self.user_data.as_deref()
    }

    /// Whether nobody has asked for its end.
    pub fn lives(&self) -> bool {
        !matches!(self.state, InstanceState::ShuttingDown | InstanceState::Terminated)
    }

    /// Whether it counts for quotas.
    pub(in super::super) fn counts(&self) -> bool {
        matches!(self.state, InstanceState::Pending | InstanceState::Running)
    }
}

/// How an instance's metadata can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// `required` (version 2) or `optional`.
    pub tokens: String,
    /// `enabled` or `disabled`.
    pub endpoint: String,
    /// How far an answer may travel.
    pub hop_limit: u8,
    /// `enabled` or `disabled`: whether tags are told.
    pub tags: String,
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "EC2's own words")]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl InstanceState {
    /// As EC2 writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// As EC2 numbers it.
    pub(in super::super) fn code(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// Something that happened to an instance.
#[derive(Clone, Debug)]
pub struct MachineEvent {
    /// What happened.
    pub happening: Happening,
    /// The instance, right afterwards.
    pub instance: Instance,
}

/// What can happen to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was launched, or started again.
    Launched,
    /// It runs.
    Running,
    /// Somebody asked it to stop.
    Stopping,
    /// It has stopped.
    Stopped,
    /// Somebody asked for its end.
    ShuttingDown,
    /// It is no more.
    Terminated,
    /// Somebody rebooted it.
    Rebooted,
}
