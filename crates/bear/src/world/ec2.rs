//! Machines on EC2: made and looked at through Amazon, and hosts like any other once they run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::state::v1::Machine;
use bear_engine::Installer;
use bear_engine::adapter::{Done, InstallRequest};
use bear_hosts::{Hosts, Place, Remote, Running, reported};
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use bear_provider_aws::Aws;
use futures_util::future::{join_all, try_join_all};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::Sender;

use super::everywhere::{parted, shared_out};
use super::regions::Regions;
use super::{Ground, Permission};

/// How many brokers are stopped at once before their machines go: each costs an `ssh` process.
const DRAINED_AT_ONCE: usize = 64;

/// The machines of a fleet on EC2.
#[derive(Clone)]
pub(super) struct Ec2 {
    regions: Arc<Regions>,
    hosts: Hosts,
    /// How long a machine may take until SSH answers.
    limit: Duration,
}

#[async_trait]
impl Provider for Ec2 {
    fn batch_max(&self) -> usize {
        self.regions.batch_max()
    }

    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError> {
        let parts = parted(known, |known| region(&known.recorded.spec));
        let regions = foundations.iter().map(|foundation| foundation.region.clone());
        let regions = regions.chain(parts.keys().cloned()).collect::<BTreeSet<_>>();
        let looks = regions.into_iter().map(|region| {
            let known = parts.get(&region).into_iter().flatten().map(|(_, known)| *known).collect::<Vec<_>>();
            let foundations =
                foundations.iter().copied().filter(|it| it.region == region).collect::<Vec<_>>();
            async move { self.regions.of(&region).await?.observe(&known, &foundations).await }
        });
        let mut observed = try_join_all(looks).await?.into_iter().fold(Observed::new(), Observed::and);
        self.look_at_brokers(known, &mut observed).await;
        Ok(observed)
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let create = |region: String, part: Vec<_>| async move {
            match self.regions.of(&region).await {
                Ok(aws) => aws.create(&part).await,
                Err(error) => vec![Err(error.with_nothing_changed()); part.len()],
            }
        };
        shared_out(requests, |request| region(&request.spec), create).await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let destroy = |region: String, part: Vec<DestroyRequest>| async move {
            let aws = match self.regions.of(&region).await {
                Ok(aws) => aws,
                Err(error) => return vec![Err(error.with_nothing_changed()); part.len()],
            };
            self.drain(&part).await;
            let mut results = aws.destroy(&part).await;
            for (request, result) in part.iter().zip(&mut results) {
                if let (Ok(()), Some(machine)) = (&result, &request.machine) {
                    *result = self.hosts.forget(machine).await;
                }
            }
            results
        };
        shared_out(requests, |request| region(&request.spec), destroy).await
    }

    async fn lay_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.regions.of(&foundation.region).await?.lay_foundation(foundation).await
    }

    async fn remove_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.regions.of(&foundation.region).await?.remove_foundation(foundation).await
    }
}

impl Ec2 {
    /// A machine may take `limit` until SSH answers; `notices` is told what is being waited for.
    pub(super) fn new(ground: &Ground<'_>, hosts: Hosts, limit: Duration, notices: Sender<String>) -> Self {
        Self { regions: Arc::new(Regions::new(ground, notices)), hosts, limit }
    }

    /// Adds what EC2 can't know: how the brokers on the machines are that run.
    async fn look_at_brokers(&self, known: &[Known<'_>], observed: &mut Observed) {
        let mut seen = Vec::new();
        for Known { instance, recorded } in known.iter().copied() {
            let observation = observed.instances.get(instance);
            if let Some(Observation::Present { machine, changed, broker: BrokerSeen::Unknown }) = observation
                // What does not run can't be asked, and is started before anything else.
                && !changed.iter().any(|drift| drift.what == "state")
            {
                seen.push((instance, recorded, machine.clone()));
            }
        }
        let running =
            seen.iter().map(|(instance, recorded, machine)| Running { instance, recorded, machine });
        let running = running.collect::<Vec<_>>();
        let brokers = self.hosts.observe_brokers(&running).await;
        for ((instance, recorded, machine), found) in seen.iter().zip(brokers) {
            let moved = recorded.machine.as_ref().is_some_and(|known| known.address != machine.address);
            match (observed.instances.get_mut(*instance), found) {
                (Some(Observation::Present { broker, .. }), Ok(found)) => *broker = found,
                // What is not as bear left it is followed or put right first; it may be why SSH does not answer.
                (Some(Observation::Present { changed, .. }), Err(_)) if moved || !changed.is_empty() => {}
                (Some(observation), Err(error)) => {
                    *observation = Observation::Unreachable { why: error.message };
                }
                (Some(_) | None, _) => {}
            }
        }
    }

    /// Lets brokers end their sessions before their machines go. What can't be reached has none.
    async fn drain(&self, requests: &[DestroyRequest]) {
        let drained = requests.iter().filter_map(|request| {
            let machine = request.machine.as_ref()?;
            let place = Place { instance: &request.instance, spec: &request.spec, machine: Some(machine) };
            Some(async move { self.hosts.drain(place).await })
        });
        stream::iter(drained.collect::<Vec<_>>()).buffer_unordered(DRAINED_AT_ONCE).count().await;
    }

    /// Marks a machine that somebody else made as that of an instance.
    pub(super) async fn import(
        &self,
        instance: &InstanceName,
        token: &str,
        machine_id: &str,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        self.regions.of(&region(spec)).await?.import(instance, token, machine_id, spec).await
    }

    /// The last of what a machine wrote on its console.
    pub(super) async fn console(&self, machine_id: &str, spec: &Spec) -> Result<Option<String>, StepError> {
        self.regions.of(&region(spec)).await?.console(machine_id).await
    }

    /// Which of the actions that bear needs are allowed, in each region of the fleet.
    pub(super) async fn permissions(&self) -> Vec<(String, Result<Vec<Permission>, StepError>)> {
        let asked = self.regions.names().map(|region| async move {
            let asked = async { self.regions.of(region).await?.permissions().await };
            let told =
                |it: bear_provider_aws::Permission| Permission { action: it.action, allowed: it.allowed };
            (region.to_owned(), asked.await.map(|all| all.into_iter().map(told).collect()))
        });
        join_all(asked).await
    }

    /// Waits until the machine runs and lets bear in; then it is a host like any other.
    pub(super) async fn install(
        &self,
        remote: &Remote,
        request: InstallRequest,
        report: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        let InstallRequest { instance, token, launch, spec, .. } = &request;
        let aws = self.regions.of(&region(spec)).await?;
        let ready = aws.ready(instance, token, &request.machine, spec);
        let machine = reported("machine.running", report, ready).await?;
        let place = Place { instance, spec, machine: Some(&machine) };
        // Of a machine that bear did not launch, the key that it has was made known when it was imported.
        let first_key = aws.host_key(launch.as_deref().unwrap_or(token));
        if let Err(error) = self.hosts.prepare(place, &first_key, self.limit, report).await {
            return Err(with_console(error, &aws, &machine.id).await);
        }
        let moved = (machine != request.machine).then(|| machine.clone());
        let done = remote.install(InstallRequest { machine, ..request }, report).await?;
        Ok(Done { machine: done.machine.or(moved), ..done })
    }
}

/// The region of a machine on EC2: its spec has one.
fn region(spec: &Spec) -> String {
    spec.region.clone().unwrap_or_default()
}

/// A machine that does not come up says why on its console, if anywhere.
async fn with_console(error: StepError, aws: &Aws, machine_id: &str) -> StepError {
    if error.code != bear_hosts::NO_SSH {
        return error;
    }
    match aws.console(machine_id).await {
        Ok(Some(console)) => error.with_last_lines(&console),
        Ok(None) | Err(_) => error,
    }
}
