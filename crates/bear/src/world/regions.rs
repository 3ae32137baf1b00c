//! The regions of a fleet on EC2: for each one a client, made when it is first needed.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::name::FleetName;
use bear_engine::store::Secrets;
use bear_provider_aws::{Aws, HostKeySecret, Notice, Notify, Settings};
use tokio::sync::mpsc::Sender;

use super::{Ground, HOST_KEY_SECRET, unready};
use crate::credentials::at_home;
use crate::fault::Fault;
use crate::random::random_id;

/// Where the public half of the key lies that `ssh` would log in with, if the fleet file names none.
const PUBLIC_KEYS: [&str; 3] = ["~/.ssh/id_ed25519.pub", "~/.ssh/id_ecdsa.pub", "~/.ssh/id_rsa.pub"];

/// The regions that the fleet is in, or was in.
pub(super) struct Regions {
    fleet: FleetName,
    lineage: String,
    project: PathBuf,
    secrets: Secrets,
    identity: Option<String>,
    foundations: BTreeMap<String, Foundation>,
    /// Is told what is being waited for, such as EC2 that wants fewer calls.
    notices: Sender<String>,
    made: Mutex<HashMap<String, Aws>>,
}

impl Regions {
    pub(super) fn new(ground: &Ground<'_>, notices: Sender<String>) -> Self {
        Self {
            fleet: ground.fleet.clone(),
            lineage: ground.lineage.to_owned(),
            project: ground.project.to_owned(),
            secrets: Secrets::of(ground.folder),
            identity: ground.identity.clone(),
            foundations: ground.foundations.clone(),
            notices,
            made: Mutex::default(),
        }
    }

    /// The regions that something is known about.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.foundations.keys().map(String::as_str)
    }

    /// How many machines are asked for together at most.
    pub(super) fn batch_max(&self) -> usize {
        self.foundations.values().map(bear_provider_aws::batch_max).min().unwrap_or(usize::MAX)
    }

    /// EC2 in a region. Makes no call.
    pub(super) async fn of(&self, region: &str) -> Result<Aws, StepError> {
        if let Some(aws) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(region) {
            return Ok(aws.clone());
        }
        let aws = Aws::connect(self.settings(region)?).await;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // All share one budget of calls, so whoever came first stays.
        Ok(made.entry(region.to_owned()).or_insert(aws).clone())
    }

    fn settings(&self, region: &str) -> Result<Settings, StepError> {
        let foundation = self.foundations.get(region).ok_or_else(|| unready::no_region(region))?;
        let notices = self.notices.clone();
        Ok(Settings {
            fleet: self.fleet.clone(),
            lineage: self.lineage.clone(),
            foundation: foundation.clone(),
            public_key: if foundation.key_pair.is_some() { None } else { self.public_key()? },
            host_key_secret: HostKeySecret::new(self.host_key_secret()?),
            // Where nobody takes them in time, nothing is lost but words.
            notify: Notify::new(move |notice: &Notice| drop(notices.try_send(notice.to_string()))),
        })
    }

    /// The public half of the key to log in with; none if there is no such file, which matters once a machine is made.
    fn public_key(&self) -> Result<Option<String>, StepError> {
        let candidates = match &self.identity {
            Some(identity) => vec![format!("{identity}.pub")],
            None => PUBLIC_KEYS.map(str::to_owned).to_vec(),
        };
        for candidate in candidates {
            let path = self.project.join(at_home(Path::new(&candidate)));
            match fs::read_to_string(&path) {
                Ok(text) => return Ok(Some(text.trim().to_owned())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(unready::public_key(&path, &error));
                }
            }
        }
        Ok(None)
    }

    /// Where it was never kept no machine was made, and to look at nothing any will do.
    fn host_key_secret(&self) -> Result<String, StepError> {
        let failed = |fault: Fault| unready::host_keys(HOST_KEY_SECRET, &fault);
        match self.secrets.get(HOST_KEY_SECRET) {
            Ok(Some(secret)) => Ok(secret.expose().to_owned()),
            Ok(None) => random_id().map_err(failed),
            Err(error) => Err(failed(error.into())),
        }
    }
}
