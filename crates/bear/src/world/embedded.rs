//! Installing embedded brokers: the files that each starts from.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::{BlockReport, StepError};
use bear_core::fleet::model::Ports;
use bear_core::name::InstanceName;
use bear_engine::Installer;
use bear_engine::adapter::{Done, InstallRequest};
use bear_provider::local::{InstallArgs, InstanceFile, LocalProvider, SPEC_FILE};
use bear_verify::Credentials;

use crate::credentials::Wallet;

/// The file in an instance's folder that holds whom its broker lets in.
const CREDENTIALS_FILE: &str = "credentials.json";

/// Installs embedded brokers.
pub(super) struct Embedding {
    pub(super) provider: Arc<LocalProvider>,
    pub(super) wallet: Arc<Wallet>,
}

#[async_trait]
impl Installer for Embedding {
    async fn install(
        &self,
        request: InstallRequest,
        _: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        let credentials = self.wallet.for_spec(&request.spec);
        let name = request.instance.clone();
        let args = InstallArgs {
            instance: request.instance,
            ports: request.spec.ports,
            previous: request.installed,
            version: bear_broker::VERSION.to_owned(),
        };
        let installed = self
            .provider
            .install(args, move |folder, ports| files(&name, folder, ports, credentials.as_ref()))
            .await;
        installed.map(Done::from)
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
            .with_help("this is a bug in bear; please report it with your fleet file")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_without_ports_is_a_fault_of_bear() {
        let name = InstanceName::new("demo-broker-1").unwrap();
        let error = files(&name, Path::new("/nowhere"), &Ports::default(), None).unwrap_err();
        insta::assert_snapshot!(error.told(), @"
        bear::local::configuration: could not make the ports of `demo-broker-1`
          help: this is a bug in bear; please report it with your fleet file
        ");
    }
}
