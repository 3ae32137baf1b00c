//! Wiring: the world of one fleet, as the engine and the commands reach it.

mod embedded;
mod everywhere;
mod greeting;
mod proof;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::Spec;
use bear_core::fleet::model::{Broker, Fleet, ProviderKind};
use bear_core::name::FleetName;
use bear_core::state::v1::Installed;
use bear_engine::Installer;
use bear_engine::adapter::{Adapters, InstallRequest};
use bear_engine::store::FleetFolder;
use bear_hosts::{FirstContactRule, Hosts, Remote, Secrets};
use bear_provider::Provider;
use bear_provider::local::LocalProvider;

use self::embedded::Embedding;
use self::everywhere::Everywhere;
use self::proof::Proving;
use crate::context::Environment;
use crate::credentials::{Wallet, state_home};
use crate::exit::ExitStatus;
use crate::fault::Fault;

pub(crate) use self::greeting::greet;
pub(crate) use self::proof::target;

/// How much less time a script on a host gets than the step that it belongs to: the error of a script that is late
/// has its last lines, that of a step has none.
const FOR_THE_ERROR: Duration = Duration::from_secs(15);

/// What a world is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) fleet: &'a FleetName,
    /// Where everything about the fleet is recorded.
    pub(crate) folder: &'a FleetFolder,
    /// The folder that relative paths in the fleet file start from.
    pub(crate) project: &'a Path,
    /// Who the fleet's state is; hosts are marked with it.
    pub(crate) lineage: &'a str,
}

/// The world of one fleet.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) local: Arc<LocalProvider>,
    pub(crate) hosts: Hosts,
    provider: Arc<dyn Provider>,
    project: PathBuf,
}

impl World {
    /// The world of a fleet, in which hosts whose keys are not known are treated by `first_contact`, and scripts on
    /// hosts may take as long as a step that is given `deadline`.
    ///
    /// # Errors
    ///
    /// This machine lacks something that bear needs for its own brokers.
    pub(crate) fn new(
        ground: Ground<'_>,
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
        if let Some(deadline) = deadline {
            settings.deadline = deadline.saturating_sub(FOR_THE_ERROR).max(deadline / 2);
        }
        let hosts = Hosts::new(settings);
        let provider = Arc::new(Everywhere { local: Arc::clone(&local), hosts: hosts.clone() });
        Ok(Self { local, hosts, provider, project: ground.project.to_owned() })
    }

    /// Keeps the ports that the fleet file gives to some instances from being given to others by chance.
    pub(crate) fn reserving(self, fleet: &Fleet) -> Self {
        let local = Arc::new(LocalProvider::clone(&self.local).reserving(ports_of(fleet)));
        let provider = Arc::new(Everywhere { local: Arc::clone(&local), hosts: self.hosts.clone() });
        Self { local, provider, ..self }
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
            installer: Arc::new(Installing { embedded, remote }),
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

/// Refuses a provider that this bear can plan for, but not act on.
pub(crate) fn refuse_not_yet(kind: ProviderKind) -> Result<(), Fault> {
    if kind != ProviderKind::Aws {
        return Ok(());
    }
    let kind = kind.as_str();
    Err(Fault::new(
        ExitStatus::Input,
        "bear::provider::not_yet",
        format!("the provider `{kind}` can be planned with this version of bear, and comes with a later one"),
    )
    .with_help("with `provider: hosts` bear installs the same brokers on machines that exist already"))
}

/// Installs each broker in the way that it needs.
struct Installing {
    embedded: Embedding,
    remote: Remote,
}

#[async_trait]
impl Installer for Installing {
    async fn install(
        &self,
        request: InstallRequest,
        report: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Installed, StepError> {
        match request.spec.broker {
            Broker::Embedded(_) => self.embedded.install(request, report).await,
            Broker::Emqx(_) | Broker::Mosquitto(_) => self.remote.install(request, report).await,
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
