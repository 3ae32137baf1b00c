//! In the place of `ec2` in a bear that was built without it: fleets on EC2 can be planned, and nothing is done there.

use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::state::v1::Machine;
use bear_engine::adapter::{Done, InstallRequest};
use bear_hosts::{Hosts, Remote};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use tokio::sync::mpsc::Sender;

use super::{Ground, Permission};

/// Machines on EC2, none of which this bear can reach.
#[derive(Clone)]
pub(super) struct Ec2;

fn not_built() -> StepError {
    StepError::permanent("bear::provider::not_built", "this bear was built without Amazon EC2")
        .with_help("build it with its default features")
        .with_nothing_changed()
}

#[async_trait]
impl Provider for Ec2 {
    fn batch_max(&self) -> usize {
        usize::MAX
    }

    async fn observe(&self, _: &[Known<'_>], _: &[&Foundation]) -> Result<Observed, StepError> {
        Err(not_built())
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        vec![Err(not_built()); requests.len()]
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        vec![Err(not_built()); requests.len()]
    }

    async fn lay_foundation(&self, _: &Foundation) -> Result<(), StepError> {
        Err(not_built())
    }

    async fn remove_foundation(&self, _: &Foundation) -> Result<(), StepError> {
        Err(not_built())
    }
}

#[expect(clippy::unused_async, reason = "that in whose place it stands waits")]
impl Ec2 {
    pub(super) fn new(_: &Ground<'_>, _: Hosts, _: Duration, _: Sender<String>) -> Self {
        Self
    }

    pub(super) async fn import(
        &self,
        _: &InstanceName,
        _: &str,
        _: &str,
        _: &Spec,
    ) -> Result<Machine, StepError> {
        Err(not_built())
    }

    pub(super) async fn console(&self, _: &str, _: &Spec) -> Result<Option<String>, StepError> {
        Err(not_built())
    }

    pub(super) async fn permissions(&self) -> Vec<(String, Result<Vec<Permission>, StepError>)> {
        Vec::new()
    }

    pub(super) async fn install(
        &self,
        _: &Remote,
        _: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        Err(not_built())
    }
}
