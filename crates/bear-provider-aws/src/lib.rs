//! Instances on Amazon EC2: the `aws` provider.
//!
//! # Layout
//!
//! [`Aws`] is the provider for one region. Everything it asks of EC2 goes through `call`, which tries again what is
//! worth it at the pace that `pace` knows; what can't be helped becomes a `failure`, and `explain` says it to people.
//! What bear finds by itself, `words` says.
//!
//! Making machines: `launch` decides what to ask for, `order` asks, `place` and `image` say where and from what, `marks`
//! marks them and `host_key` gives them their first host key. Looking at them: `seen`, `observe`, and for waiting
//! `poller`. Making them what they shall be: `ready`, `addresses`, `profile`. Taking them away: `destroy`. What they
//! share: `ground`, `rules`, `key_pair`, and `remove`.

mod addresses;
mod call;
mod client;
mod destroy;
mod explain;
mod failure;
mod ground;
mod host_key;
mod image;
mod import;
mod key_pair;
mod launch;
mod marks;
mod observe;
mod order;
mod pace;
mod permissions;
mod place;
mod poller;
mod profile;
mod ready;
mod remove;
mod rules;
mod seen;
mod settings;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use bear_core::event::StepError;
use bear_core::fleet::{Foundation, Spec};
use bear_core::name::InstanceName;
use bear_core::observed::Observed;
use bear_core::state::v1::Machine;
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use tokio::sync::Mutex;

use crate::call::Api;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::host_key::HostKey;
use crate::image::Catalogue;
use crate::poller::Poller;

pub use crate::permissions::Permission;
pub use crate::settings::{HostKeySecret, Notice, Notify, Settings};

/// How many machines are asked for together at most, unless their tags have no room to list so many. EC2 takes a thousand
/// in a request, and two requests in a second.
const BATCH_MAX: usize = 500;

/// How many machines are asked for together at most, with this foundation.
pub fn batch_max(foundation: &Foundation) -> usize {
    BATCH_MAX.min(marks::listed_max(foundation.tags.len()))
}

/// The machines of a fleet in one region. Its clones are the same.
#[derive(Clone, Debug)]
pub struct Aws(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    api: Api,
    /// What machines are launched into, once it was looked up.
    ground: Mutex<Option<Arc<Ground>>>,
    catalogue: Catalogue,
    poller: Poller,
}

impl Aws {
    /// With the credentials that the AWS tools use as well. Makes no request of EC2.
    pub async fn connect(settings: Settings) -> Self {
        let client = client::of(&settings.foundation).await;
        Self::with_client(settings, client)
    }

    /// With a client of the SDK. It should not try again by itself.
    pub fn with_client(settings: Settings, client: Client) -> Self {
        let api = Api::new(client, settings.notify.clone());
        let (ground, catalogue, poller) = (Mutex::default(), Catalogue::default(), Poller::default());
        Self(Arc::new(Inner { settings, api, ground, catalogue, poller }))
    }

    /// Waits until the machine of an instance runs, and makes it what it shall be: started, of its type, with its tags,
    /// its security groups, its elastic address and its IAM profile. It may have another address than before. All that
    /// wait share their questions.
    ///
    /// # Errors
    ///
    /// A machine that was terminated, by whomever, with EC2's reason.
    pub async fn ready(
        &self,
        instance: &InstanceName,
        token: &str,
        machine: &Machine,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        self.0.ready(instance, token, machine, spec).await
    }

    /// What a machine last showed on its console; nothing yet for one that has just begun to boot.
    pub async fn console(&self, machine_id: &str) -> Result<Option<String>, StepError> {
        self.0.console(machine_id).await
    }

    /// Marks a machine that bear did not make as that of an instance, and returns it.
    ///
    /// # Errors
    ///
    /// A machine that does not live, or that belongs to another fleet or instance.
    pub async fn import(
        &self,
        instance: &InstanceName,
        token: &str,
        machine_id: &str,
        spec: &Spec,
    ) -> Result<Machine, StepError> {
        self.0.import(instance, token, machine_id, spec).await
    }

    /// The ids of all that lives and is marked as the fleet's: none after it was destroyed.
    pub async fn remains(&self) -> Result<Vec<String>, StepError> {
        self.0.remains().await
    }

    /// Tries every action that bear needs, without doing any.
    pub async fn permissions(&self) -> Result<Vec<Permission>, StepError> {
        self.0.permissions().await
    }

    /// The host key that the machines of a launch first have, as `known_hosts` holds it: `ssh-ed25519 AAAA…`. It is to be
    /// replaced over the first connection; `host_key.rs` says why.
    pub fn host_key(&self, launch: &str) -> String {
        HostKey::of_launch(&self.0.settings.host_key_secret, launch).public_line()
    }
}

#[async_trait]
impl Provider for Aws {
    fn batch_max(&self) -> usize {
        batch_max(&self.0.settings.foundation)
    }

    async fn observe(&self, known: &[Known<'_>], foundations: &[&Foundation]) -> Result<Observed, StepError> {
        self.0.observe(known, foundations).await
    }

    /// Returns as soon as EC2 has answered, so that the machine is recorded at once and waits for no slower neighbour.
    /// EC2 tells of public addresses only a little later; until [`Aws::ready`] the address is then the private one.
    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        self.0.create(requests).await
    }

    /// Returns once the machines have ended.
    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        self.0.destroy(requests).await
    }

    async fn lay_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.0.lay_foundation(foundation).await
    }

    async fn remove_foundation(&self, foundation: &Foundation) -> Result<(), StepError> {
        self.0.remove_foundation(foundation).await
    }
}

impl Inner {
    fn region(&self) -> &str {
        &self.settings.foundation.region
    }

    fn explain(&self, failure: &Failure, doing: &str) -> StepError {
        failure.explain(doing, self.region())
    }
}
