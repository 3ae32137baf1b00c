//! Wiring: the world that a fleet's provider stands for, as the engine reaches it.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::check::CheckResult;
use bear_core::event::StepError;
use bear_core::fleet::Fleet;
use bear_core::fleet::model::{Ports, ProviderKind};
use bear_core::name::InstanceName;
use bear_core::state::v1::Installed;
use bear_engine::adapter::{Adapters, InstallRequest, Installer, Verifier, VerifyRequest};
use bear_engine::store::FleetFolder;
use bear_provider::Provider;
use bear_provider::local::{InstallArgs, InstanceFile, LocalProvider, SPEC_FILE};
use bear_verify::{Credentials, Limits, Target};

use crate::context::Environment;
use crate::credentials::{Wallet, random_id, state_home};
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The file in an instance's folder that holds whom its broker lets in.
const CREDENTIALS_FILE: &str = "credentials.json";

/// The world of one fleet.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) local: Arc<LocalProvider>,
}

impl World {
    /// The world of the fleet whose provider is `kind`.
    ///
    /// # Errors
    ///
    /// A provider that this bear can plan for, but not act on.
    pub(crate) fn new(
        kind: ProviderKind,
        folder: &FleetFolder,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        if kind != ProviderKind::Local {
            return Err(not_yet(kind));
        }
        let program = std::env::current_exe().map_err(|error| {
            Fault::failed("bear::io", "could not find out where the program `bear` lies").caused_by(&error)
        })?;
        let home = state_home(environment.state_home.as_deref(), environment.home.as_deref())?;
        let provider = LocalProvider::new(folder.instances(), home.join("ports"), program);
        Ok(Self { local: Arc::new(provider) })
    }

    /// Keeps the ports that the fleet file gives to some instances from being given to others by chance.
    pub(crate) fn reserving(self, fleet: &Fleet) -> Self {
        let groups = fleet.groups.values();
        let ports = groups.flat_map(|group| {
            let members = group.members.iter().flatten().map(|(_, member)| member.ports);
            std::iter::once(group.ports).chain(members).flat_map(|ports| ports.iter().map(|(_, port)| port))
        });
        let provider = LocalProvider::clone(&self.local).reserving(ports);
        Self { local: Arc::new(provider) }
    }

    /// The machines of the fleet.
    pub(crate) fn provider(&self) -> &dyn Provider {
        self.local.as_ref()
    }

    /// The world as the engine reaches it, with the credentials that its brokers ask for.
    pub(crate) fn adapters(&self, wallet: Wallet) -> Adapters {
        let wallet = Arc::new(wallet);
        Adapters {
            provider: Arc::clone(&self.local) as Arc<dyn Provider>,
            installer: Arc::new(Embedding { provider: Arc::clone(&self.local), wallet: Arc::clone(&wallet) }),
            verifier: Arc::new(Proving { wallet }),
        }
    }
}

fn not_yet(kind: ProviderKind) -> Fault {
    let kind = kind.as_str();
    Fault::new(
        ExitStatus::Input,
        "bear::provider::not_yet",
        format!("the provider `{kind}` can be planned with this version of bear, and comes with a later one"),
    )
    .with_help("with `provider: local` the same brokers run on this machine, see `bear init --help`")
}

/// Installs embedded brokers.
struct Embedding {
    provider: Arc<LocalProvider>,
    wallet: Arc<Wallet>,
}

#[async_trait]
impl Installer for Embedding {
    async fn install(&self, request: InstallRequest) -> Result<Installed, StepError> {
        let credentials = self.wallet.for_spec(&request.spec).cloned();
        let name = request.instance.clone();
        let args = InstallArgs {
            instance: request.instance,
            ports: request.spec.ports,
            previous: request.installed,
            version: bear_broker::VERSION.to_owned(),
        };
        self.provider
            .install(args, move |folder, ports| files(&name, folder, ports, credentials.as_ref()))
            .await
    }
}

/// The files that an embedded broker starts from.
fn files(
    name: &InstanceName,
    folder: &Path,
    ports: &Ports,
    credentials: Option<&Credentials>,
) -> Result<Vec<InstanceFile>, StepError> {
    let fault = |what: &str| {
        StepError::permanent("bear::local::configuration", format!("could not make the {what} of `{name}`"))
    };
    let (Some(mqtt), Some(ws), Some(dashboard)) = (ports.mqtt, ports.ws, ports.dashboard) else {
        return Err(fault("ports"));
    };
    let mut spec = bear_broker::Spec::new(name.as_str(), bear_broker::Ports { mqtt, ws, dashboard });
    spec.credentials = credentials.map(|_| CREDENTIALS_FILE.into());
    let bytes = serde_json::to_vec_pretty(&spec).map_err(|_| fault("configuration"))?;
    let mut files = vec![InstanceFile { name: SPEC_FILE, bytes, mode: 0o600 }];
    if let Some(credentials) = credentials {
        let bytes = hashed(&folder.join(CREDENTIALS_FILE), credentials).map_err(|_| fault("credentials"))?;
        files.push(InstanceFile { name: CREDENTIALS_FILE, bytes, mode: 0o600 });
    }
    Ok(files)
}

/// The credentials as the broker reads them: hashed. Every hash of a password has another salt, so a file that
/// accepts the password already stays as it is; otherwise the broker would be restarted for nothing.
fn hashed(file: &Path, credentials: &Credentials) -> Result<Vec<u8>, bear_broker::BrokerError> {
    let present = bear_broker::Credentials::load(file).ok();
    let hashed = match present {
        Some(present) if present.is_only(&credentials.username, &credentials.password) => present,
        _ => bear_broker::Credentials::default().with_user(&credentials.username, &credentials.password)?,
    };
    hashed.to_bytes()
}

/// Proves brokers.
struct Proving {
    wallet: Arc<Wallet>,
}

#[async_trait]
impl Verifier for Proving {
    async fn verify(&self, request: VerifyRequest, report: &(dyn Fn(CheckResult) + Send + Sync)) {
        let target =
            target(&request.machine.address, &request.installed.ports, self.wallet.for_spec(&request.spec));
        let (Some(target), Ok(run)) = (target, random_id()) else { return };
        bear_verify::verify(&target, &Limits::default(), &run[..10], |check| report(check.clone())).await;
    }
}

/// Where a broker is, and how to be let in; none for a broker without an MQTT port.
pub(crate) fn target(address: &str, ports: &Ports, credentials: Option<&Credentials>) -> Option<Target> {
    Some(Target {
        host: address.to_owned(),
        mqtt: ports.mqtt?,
        ws: ports.ws,
        credentials: credentials.cloned(),
    })
}
