//! The `local` provider: a machine is a folder of this machine, and its broker a detached process that works in it.
//!
//! Linux only: processes are recognised by what `/proc` says of them, proc(5).

mod broker;
mod durable;
mod error;
mod files;
mod install;
mod listener;
mod machine;
mod preflight;
mod process;
mod ready;
mod registry;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Observation, Observed};
use bear_core::state::v1::{Machine, Process, Recorded};
use futures_util::{StreamExt, stream};

use crate::{CreateRequest, DestroyRequest, Known, Provider};
use broker::Brokers;
use error::blocking;
use machine::{Found, Marker};
use registry::{Owner, Registry};

pub use files::{InstanceFile, SPEC_FILE};
pub use install::InstallArgs;
pub use preflight::PortProblem;

/// The address that every broker listens on: nothing of this provider is reachable from outside.
const LOOPBACK: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;

/// Requests cost no calls here, so this only bounds what one call holds in memory.
const BATCH_MAX: usize = 1000;

/// How many machines of a batch are worked on at once: each costs a few fsyncs, or a wait for a process to end.
const AT_ONCE: usize = 16;

/// Makes folders, and runs a broker in each.
#[derive(Clone, Debug)]
pub struct LocalProvider {
    instances: PathBuf,
    program: PathBuf,
    registry: Registry,
    reserved: Arc<HashSet<u16>>,
}

impl LocalProvider {
    /// A provider whose machines are the folders of `instances`, an absolute path; it is made when it is needed.
    ///
    /// `registry` is the folder in which all fleets of this user write down the ports that they were given. `program`
    /// is the binary that runs a broker when it is called with `__broker --spec FILE`.
    pub fn new(instances: PathBuf, registry: PathBuf, program: PathBuf) -> Self {
        Self { instances, program, registry: Registry::new(registry), reserved: Arc::default() }
    }

    /// The same provider, which gives none of these ports to an instance that did not ask for it.
    #[must_use]
    pub fn reserving(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.reserved = Arc::new(ports.into_iter().collect());
        self
    }

    /// The folder of an instance.
    pub fn folder(&self, instance: &InstanceName) -> PathBuf {
        self.instances.join(instance.as_str())
    }

    /// What the broker of an instance writes. What it wrote before the file grew large is in `broker.log.old` beside it.
    pub fn log_path(&self, instance: &InstanceName) -> PathBuf {
        self.folder(instance).join(broker::LOG_FILE)
    }

    /// The brokers that run for instances of this fleet that are not `known`, as they do where all that was recorded about
    /// them was deleted: the name of the instance, and the process. Only for whoever holds the fleet's lock, since another
    /// bear may just have started one.
    pub fn strays(&self, known: impl Fn(&str) -> bool) -> Result<Vec<(String, Process)>, StepError> {
        let brokers = Brokers::of_this_machine()?;
        let strays = brokers.below(&self.instances).filter(|(name, _)| !known(name));
        let mut strays = strays.map(|(name, process)| (name.to_owned(), process)).collect::<Vec<_>>();
        strays.sort_by(|(one, process), (other, later)| (one, process.pid).cmp(&(other, later.pid)));
        Ok(strays)
    }

    async fn create_one(&self, request: &CreateRequest, brokers: &Brokers) -> Result<Machine, StepError> {
        let folder = self.folder(&request.instance);
        if let Found::Nothing = machine::look(&folder)? {
            // A folder that was deleted by hand leaves its broker running, with its ports; nobody else knows of it.
            for stray in brokers.of(&folder) {
                process::end(stray, process::GRACE).await?;
            }
        }
        let marker = Marker::new(request.instance.clone(), request.token.clone());
        let machine = as_machine(&folder);
        blocking(move || machine::make(&folder, &marker)).await?;
        Ok(machine)
    }

    async fn destroy_one(&self, request: &DestroyRequest, brokers: &Brokers) -> Result<(), StepError> {
        let folder = self.folder(&request.instance);
        let token = request.token.clone();
        // Ask whose folder it is before anything is ended.
        let mut doomed = brokers.of(&folder);
        if machine::is_there(&folder, &token)? {
            doomed.extend(broker::running(&folder)?);
        }
        for process in doomed {
            process::end(process, process::GRACE).await?;
        }
        let registry = self.registry.clone();
        blocking(move || {
            // The ports last: a machine that is still there when this is cut off may yet be wanted again, and keeps
            // them; those of one that is gone count for nothing.
            machine::remove(&folder, &token)?;
            registry.release(&Owner::new(&folder, &token)?)
        })
        .await
    }
}

#[async_trait]
impl Provider for LocalProvider {
    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    async fn observe(&self, known: &[Known<'_>], _: &[&Foundation]) -> Result<Observed, StepError> {
        let known =
            known.iter().map(|known| (known.instance.clone(), known.recorded.clone())).collect::<Vec<_>>();
        let provider = self.clone();
        blocking(move || {
            let observe = |(instance, recorded): (InstanceName, Recorded)| {
                let observation = provider.observe_one(&instance, &recorded)?;
                Ok((instance, observation))
            };
            known.into_iter().map(observe).collect()
        })
        .await
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let brokers = match blocking(Brokers::of_this_machine).await {
            Ok(brokers) => brokers,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let creations = requests.iter().map(|request| self.create_one(request, &brokers)).collect::<Vec<_>>();
        stream::iter(creations).buffered(AT_ONCE).collect().await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let brokers = match blocking(Brokers::of_this_machine).await {
            Ok(brokers) => brokers,
            Err(error) => return requests.iter().map(|_| Err(error.clone())).collect(),
        };
        let removals = requests.iter().map(|request| self.destroy_one(request, &brokers)).collect::<Vec<_>>();
        stream::iter(removals).buffered(AT_ONCE).collect().await
    }
}

impl LocalProvider {
    fn observe_one(&self, instance: &InstanceName, recorded: &Recorded) -> Result<Observation, StepError> {
        let folder = self.folder(instance);
        match machine::look(&folder)? {
            Found::Marked(marker) if marker.token == recorded.token => {}
            // What stands in its place is not this machine; creating one there says so.
            Found::Marked(_) | Found::Foreign(_) | Found::Nothing => return Ok(Observation::Absent),
        }
        let broker = match broker::running(&folder)? {
            Some(_) => BrokerSeen::Running,
            None => BrokerSeen::Stopped { why: why_stopped(&folder, recorded) },
        };
        Ok(Observation::Present { machine: as_machine(&folder), changed: Vec::new(), broker })
    }
}

fn as_machine(folder: &std::path::Path) -> Machine {
    Machine::new(folder.to_string_lossy(), LOOPBACK.to_string())
}

fn why_stopped(folder: &std::path::Path, recorded: &Recorded) -> String {
    match &recorded.installed {
        None => "no broker was installed".to_owned(),
        Some(installed) => match installed.process {
            Some(process) if broker::lives_in(process, folder).unwrap_or(false) => {
                format!("process {} has lost its lock file", process.pid)
            }
            Some(process) => format!("process {} is gone", process.pid),
            None => "its process is gone".to_owned(),
        },
    }
}
