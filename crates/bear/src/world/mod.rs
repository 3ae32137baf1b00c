//! Wiring: the world of one fleet, as the engine and the commands reach it.

#[cfg(feature = "aws")]
mod ec2;
#[cfg(not(feature = "aws"))]
#[path = "without_ec2.rs"]
mod ec2;
mod embedded;
mod everywhere;
mod greeting;
mod proof;
#[cfg(feature = "aws")]
mod regions;
#[cfg(any(test, feature = "aws"))]
mod unready;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::model::{Broker, Fleet, ProviderKind};
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::{FleetName, InstanceName};
use bear_core::state::v1::{Machine, State};
use bear_engine::Installer;
use bear_engine::adapter::{Adapters, Done, InstallRequest};
use bear_engine::store::{FleetFolder, Secrets as StoredSecrets};
use bear_hosts::{FirstContactRule, Hosts, Remote, Secrets};
use bear_provider::Provider;
use bear_provider::local::LocalProvider;
use tokio::sync::mpsc;

use self::ec2::Ec2;
use self::embedded::Embedding;
use self::everywhere::Everywhere;
use self::proof::Proving;
use crate::context::Environment;
use crate::credentials::{Source, Wallet, state_home};
use crate::fault::Fault;
use crate::random::random_id;
use crate::withheld::Withheld;

pub(crate) use self::greeting::greet;
pub(crate) use self::proof::target;

/// How much less time a script on a host gets than the step that it belongs to: the error of a script that is late
/// has its last lines, that of a step has none.
const FOR_THE_ERROR: Duration = Duration::from_secs(15);

/// The name under which is kept what the first host keys of machines are derived from, as `bear secret list` shows it.
const HOST_KEY_SECRET: &str = "ssh.first-host-keys";

/// How many notices wait to be told before more are lost.
const NOTICES_MAX: usize = 64;

/// What a world is made from.
#[derive(Clone, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) fleet: &'a FleetName,
    /// Where everything about the fleet is recorded.
    pub(crate) folder: &'a FleetFolder,
    /// The folder that relative paths in the fleet file start from.
    pub(crate) project: &'a Path,
    /// Who the fleet's state is; machines are marked with it.
    pub(crate) lineage: &'a str,
    /// What the machines share in each region that the fleet is in, or was in.
    pub(crate) foundations: BTreeMap<String, Foundation>,
    /// The private key to log in with to machines that are yet to be made.
    pub(crate) identity: Option<String>,
    /// The variables that no program is given.
    pub(crate) withheld: Withheld,
}

impl<'a> Ground<'a> {
    /// What is recorded about a fleet, whatever its file says now.
    pub(crate) fn recorded(
        fleet: &'a FleetName,
        folder: &'a FleetFolder,
        project: &'a Path,
        state: &'a State,
    ) -> Self {
        let foundations = state.foundations.iter();
        let foundations = foundations.map(|(region, recorded)| (region.clone(), recorded.foundation.clone()));
        Self {
            fleet,
            folder,
            project,
            lineage: &state.lineage,
            foundations: foundations.collect(),
            identity: None,
            withheld: Withheld::of(state.instances.values().map(|recorded| &recorded.spec)),
        }
    }
}

/// Whether a provider allows an action.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permission {
    /// Such as `ec2:RunInstances`.
    pub(crate) action: &'static str,
    /// None where the provider did not say.
    pub(crate) allowed: Option<bool>,
}

/// The world of one fleet.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) local: Arc<LocalProvider>,
    pub(crate) hosts: Hosts,
    ec2: Ec2,
    provider: Arc<dyn Provider>,
    /// What is being waited for, such as a provider that wants fewer calls.
    notices: Arc<Mutex<mpsc::Receiver<String>>>,
    project: PathBuf,
    withheld: Withheld,
}

impl World {
    /// The world of a fleet, in which hosts whose keys are not known are treated by `first_contact`, and scripts on
    /// hosts may take as long as a step that is given `deadline`.
    ///
    /// # Errors
    ///
    /// This machine lacks something that bear needs for its own brokers.
    pub(crate) fn new(
        ground: &Ground<'_>,
        first_contact: FirstContactRule,
        deadline: Option<Duration>,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let local = Arc::new(local(ground.folder, environment)?);
        let mut settings = bear_hosts::Settings::new(
            ground.fleet.clone(),
            ground.lineage.to_owned(),
            ground.folder.known_hosts(),
            ground.project.to_owned(),
        );
        settings.first_contact = first_contact;
        settings.withheld = ground.withheld.clone().into_names();
        if let Some(deadline) = deadline {
            settings.deadline = deadline.saturating_sub(FOR_THE_ERROR).max(deadline / 2);
        }
        let limit = bear_hosts::SSH_LIMIT.min(settings.deadline);
        let hosts = Hosts::new(settings);
        let (notices, told) = mpsc::channel(NOTICES_MAX);
        let ec2 = Ec2::new(ground, hosts.clone(), limit, notices);
        let provider =
            Arc::new(Everywhere { local: Arc::clone(&local), hosts: hosts.clone(), ec2: ec2.clone() });
        let notices = Arc::new(Mutex::new(told));
        let (project, withheld) = (ground.project.to_owned(), ground.withheld.clone());
        Ok(Self { local, hosts, ec2, provider, notices, project, withheld })
    }

    /// Keeps the ports that the fleet file gives to some instances, and those that instances had before, from being given
    /// to others by chance: one whose machine vanished gets its own again, whoever asks first.
    pub(crate) fn reserving(self, fleet: &Fleet, state: &State) -> Self {
        let had = state.instances.values().filter_map(|recorded| recorded.installed.as_ref());
        let had = had.flat_map(|installed| installed.ports.iter().map(|(_, port)| port));
        let local = Arc::new(LocalProvider::clone(&self.local).reserving(ports_of(fleet).chain(had)));
        let (hosts, ec2) = (self.hosts.clone(), self.ec2.clone());
        let provider = Arc::new(Everywhere { local: Arc::clone(&local), hosts, ec2 });
        Self { local, provider, ..self }
    }

    /// Where its secrets come from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source { project: &self.project, withheld: self.withheld.clone() }
    }

    /// Marks a machine that somebody else made as that of an instance.
    pub(crate) async fn import(
        &self,
        instance: &InstanceName,
        token: &str,
        machine_id: &str,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        self.ec2.import(instance, token, machine_id, spec).await
    }

    /// The last of what a machine wrote on its console, if it can be had.
    pub(crate) async fn console(&self, machine_id: &str, spec: &Spec) -> Result<Option<String>, StepError> {
        self.ec2.console(machine_id, spec).await
    }

    /// Which of the actions that bear needs its provider allows, in each region of the fleet.
    pub(crate) async fn permissions(&self) -> Vec<(String, Result<Vec<Permission>, StepError>)> {
        self.ec2.permissions().await
    }

    /// What is being waited for, for the one run of this world that tells it.
    pub(crate) fn notices(&self) -> mpsc::Receiver<String> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut notices, mpsc::channel(1).1)
    }

    /// The machines of the fleet.
    pub(crate) fn provider(&self) -> &dyn Provider {
        self.provider.as_ref()
    }

    /// The world as the engine reaches it, with the secrets that its brokers need.
    pub(crate) fn adapters(&self, wallet: Wallet) -> Adapters {
        let wallet = Arc::new(wallet);
        let embedded = Embedding { provider: Arc::clone(&self.local), wallet: Arc::clone(&wallet) };
        let secrets = Arc::clone(&wallet);
        let remote = Remote::new(self.hosts.clone(), move |spec| Ok(secrets_of(spec, &secrets)));
        Adapters {
            provider: Arc::clone(&self.provider),
            installer: Arc::new(Installing { embedded, remote, ec2: self.ec2.clone() }),
            verifier: Arc::new(Proving { wallet, hosts: self.hosts.clone(), project: self.project.clone() }),
        }
    }
}

/// The local provider of a fleet.
pub(crate) fn local(folder: &FleetFolder, environment: &Environment) -> Result<LocalProvider, Fault> {
    let program = std::env::current_exe().map_err(|error| {
        Fault::failed("bear::io", "could not find out where the program `bear` lies").caused_by(&error)
    })?;
    let home = state_home(environment.state_home.as_deref(), environment.home.as_deref())?;
    Ok(LocalProvider::new(folder.instances(), home.join("ports"), program))
}

/// The ports that a fleet file names.
pub(crate) fn ports_of(fleet: &Fleet) -> impl Iterator<Item = u16> {
    fleet.groups.values().flat_map(|group| {
        let members = group.members.iter().flatten().map(|(_, member)| member.ports);
        std::iter::once(group.ports).chain(members).flat_map(|ports| ports.iter().map(|(_, port)| port))
    })
}

/// Draws what the first host keys of machines are derived from, before the first one is made. Needs the fleet's lock.
pub(crate) fn draw_host_key_secret(secrets: &StoredSecrets) -> Result<(), Fault> {
    let random = format!("{}{}", random_id()?, random_id()?);
    secrets.get_or_create(HOST_KEY_SECRET, || random)?;
    Ok(())
}

/// Refuses a provider that this bear can plan for, but was built without.
pub(crate) fn refuse_not_built(kind: ProviderKind) -> Result<(), Fault> {
    if kind != ProviderKind::Aws || cfg!(feature = "aws") {
        return Ok(());
    }
    Err(Fault::input("bear::provider::not_built", "this bear was built without Amazon EC2; it can only plan")
        .with_help("build it with its default features"))
}

/// Installs each broker in the way that it needs.
struct Installing {
    embedded: Embedding,
    remote: Remote,
    ec2: Ec2,
}

#[async_trait]
impl Installer for Installing {
    async fn install(
        &self,
        request: InstallRequest,
        report: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        match (request.spec.provider, &request.spec.broker) {
            (_, Broker::Embedded(_)) => self.embedded.install(request, report).await,
            (ProviderKind::Aws, _) => self.ec2.install(&self.remote, request, report).await,
            (_, Broker::Emqx(_) | Broker::Mosquitto(_)) => self.remote.install(request, report).await,
        }
    }
}

/// The secrets that a broker on a host needs.
fn secrets_of(spec: &Spec, wallet: &Wallet) -> Secrets {
    let own = |secret: Option<&str>| secret.map(str::to_owned);
    Secrets {
        admin_password: wallet.for_dashboard(spec).map(|credentials| credentials.password),
        user_password: wallet.for_spec(spec).map(|credentials| credentials.password),
        cookie: own(wallet.cookie()),
        license: own(wallet.license(spec)),
        tls_key: own(wallet.tls_key(spec)),
    }
}
