//! What the engine needs from the world beyond machines: brokers installed on them, and proven.

use std::sync::Arc;

use async_trait::async_trait;
use bear_core::check::CheckResult;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::state::v1::{Installed, Machine};
use bear_provider::Provider;

/// The world as the engine reaches it.
#[derive(Clone)]
pub struct Adapters {
    /// Makes and destroys machines.
    pub provider: Arc<dyn Provider>,
    /// Puts brokers on them.
    pub installer: Arc<dyn Installer>,
    /// Proves the brokers.
    pub verifier: Arc<dyn Verifier>,
}

/// Puts a broker on a machine.
#[async_trait]
pub trait Installer: Send + Sync {
    /// Makes the broker of an instance what its spec says, and returns once it runs. Safe to repeat, and to cut off.
    /// Hands each block to `report` as it begins and ends, where there are any.
    async fn install(
        &self,
        request: InstallRequest,
        report: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError>;
}

/// A broker that was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The broker.
    pub installed: Installed,
    /// Its machine, where that is not as it was handed over, such as one that got another address when it was started.
    pub machine: Option<Machine>,
}

/// A broker on the machine that was handed over.
impl From<Installed> for Done {
    fn from(installed: Installed) -> Self {
        Self { installed, machine: None }
    }
}

/// A broker to install.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// The instance.
    pub instance: InstanceName,
    /// What its machine is marked with.
    pub token: String,
    /// The launch that it was asked for with; none if the machine was not made by bear.
    pub launch: Option<String>,
    /// Its machine.
    pub machine: Machine,
    /// What its broker shall be.
    pub spec: Spec,
    /// The broker as it was installed before, if it was.
    pub installed: Option<Installed>,
}

/// Proves a broker.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Runs every check that applies to the broker, and hands each result to `report` as it comes. Returns the last of
    /// the broker's log, where a check failed and the log can be had.
    async fn verify(
        &self,
        request: VerifyRequest,
        report: &(dyn Fn(CheckResult) + Send + Sync),
    ) -> Option<String>;
}

/// A broker to prove.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// The instance.
    pub instance: InstanceName,
    /// Its machine.
    pub machine: Machine,
    /// What its broker shall be.
    pub spec: Spec,
    /// The broker as it was installed.
    pub installed: Installed,
}
