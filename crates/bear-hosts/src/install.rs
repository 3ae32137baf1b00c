//! The installer: brokers put on any machine that is reached over SSH.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::{BlockReport, BlockState, StepError};
use bear_core::fleet::{Spec, model};
use bear_core::state::v1::Installed;
use bear_engine::adapter::{Done, InstallRequest, Installer};
use bear_recipes::host::Host;
use bear_recipes::{BlockEnd, HostFacts, Recipe, Report, Transcript};

use crate::broker::{Broker, Order, node_address};
use crate::script::{Job, Then, now, refused};
use crate::{Hosts, Place};

/// What a broker needs and no file of the fleet holds. Whatever its spec asks for must be there.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The password of `admin` in EMQX's dashboard.
    pub admin_password: Option<String>,
    /// What keeps strange EMQX nodes away: letters and digits, the first a letter.
    pub cookie: Option<String>,
    /// The licence key of EMQX.
    pub license: Option<String>,
    /// The password of Mosquitto's clients.
    pub user_password: Option<String>,
    /// The private key of the certificate, in PEM.
    pub tls_key: Option<String>,
}

/// Shows none of them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

type Ask = dyn Fn(&Spec) -> Result<Secrets, StepError> + Send + Sync;

/// Installs brokers on machines that are reached over SSH.
#[derive(Clone)]
pub struct Remote {
    hosts: Hosts,
    secrets: Arc<Ask>,
}

impl Remote {
    /// An installer that asks `secrets` for what a broker needs.
    pub fn new(
        hosts: Hosts,
        secrets: impl Fn(&Spec) -> Result<Secrets, StepError> + Send + Sync + 'static,
    ) -> Self {
        Self { hosts, secrets: Arc::new(secrets) }
    }
}

#[async_trait]
impl Installer for Remote {
    async fn install(
        &self,
        request: InstallRequest,
        report: &(dyn Fn(BlockReport) + Send + Sync),
    ) -> Result<Done, StepError> {
        let InstallRequest { instance, machine, spec, .. } = &request;
        let hosts = &self.hosts;
        let doing = format!("installing {} on {instance}", spec.broker.as_str());
        let address = match &spec.broker {
            model::Broker::Emqx(_) => node_address(machine, &doing)?,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let secrets = (self.secrets)(spec)?;
        let place = Place { instance, spec, machine: Some(machine) };
        let image_file = hosts.image_path(place);
        let order = Order { spec, address, secrets: &secrets, image_file: &image_file, doing: &doing };
        let broker = Broker::of(&order, hosts.settings())?;
        let seen = hosts.sightings().take(&request);
        let recipes =
            hosts.stack(&request, &broker, seen.as_ref()).map_err(|refusal| refused(&doing, &refusal))?;

        let sent = hosts.send_image(place, broker.image(), &doing).await?;
        let deadline = hosts.settings().deadline;
        let job = Job { place, doing: &doing, recipes: &recipes, deadline, then: Then::End };
        let transcript = hosts.run(&job, &mut |each| report_block(each, report)).await?;
        if sent {
            hosts.remove_image(place, &doing).await?;
        }
        let now =
            installed(&broker, &recipes, &transcript, spec).map_err(|refusal| refused(&doing, &refusal))?;
        // A block that was not concerned tells nothing.
        let before = request.installed.as_ref().filter(|_| seen.is_some());
        let docker = before.and_then(|before| before.docker.clone());
        Ok(Installed { docker: now.docker.clone().or(docker), ..now }.into())
    }
}

impl Hosts {
    /// Everything that is put on a machine, in order. The claim comes first, for a machine changes hands unseen, unless it
    /// was only just made. One that was just `seen` to be as it was left gets only what is new since then.
    fn stack(
        &self,
        request: &InstallRequest,
        broker: &Broker,
        seen: Option<&Spec>,
    ) -> Result<Vec<Recipe>, bear_recipes::Refusal> {
        let owner = self.owner(&request.instance, &request.token);
        let recipes = broker.recipes(&request.spec)?;
        if let Some(before) = seen.and_then(|spec| self.imagine_recipes(spec)) {
            let concerned = recipes.into_iter().map(|recipe| recipe.since(&before));
            return Ok([owner.ours()?].into_iter().chain(concerned).collect());
        }
        if self.sightings().take_claim(request) {
            return Ok([owner.ours()?].into_iter().chain(recipes).collect());
        }
        let claim = Host { owner, now: now() }.claim(broker.listens()?)?;
        Ok([claim].into_iter().chain(recipes).collect())
    }
}

pub(crate) fn report_block(it: &Report, report: &(dyn Fn(BlockReport) + Send + Sync)) {
    let (name, state, seconds) = match it {
        Report::Started { block } => (block, BlockState::Started, 0.0),
        Report::Ended { block, end, took } => {
            let state = match end {
                BlockEnd::Ok => BlockState::Ok,
                BlockEnd::Changed => BlockState::Changed,
                BlockEnd::Failed { .. } => BlockState::Failed,
            };
            (block, state, took.as_secs_f64())
        }
        _ => return,
    };
    report(BlockReport { name: name.clone(), state, seconds });
}

/// The broker as it is now, by its own words where it has some.
fn installed(
    broker: &Broker,
    recipes: &[Recipe],
    transcript: &Transcript,
    spec: &Spec,
) -> Result<Installed, bear_recipes::Refusal> {
    let facts = HostFacts::read(transcript);
    let package = facts.mosquitto_package.as_ref().map(|package| package.version.clone());
    let (version, container) = match &spec.broker {
        model::Broker::Emqx(emqx) => {
            (facts.emqx_version.unwrap_or_else(|| emqx.version.0.clone()), facts.emqx)
        }
        model::Broker::Mosquitto(mosquitto) if mosquitto.container => {
            (mosquitto.version.0.clone(), facts.mosquitto)
        }
        model::Broker::Mosquitto(mosquitto) => (package.unwrap_or_else(|| mosquitto.version.0.clone()), None),
        model::Broker::Embedded(_) => (String::new(), None),
    };
    let configuration = recipes.iter().find_map(Recipe::configuration);
    Ok(Installed {
        configuration: configuration.map(bear_recipes::Configuration::digest),
        image: container.map(|container| container.image_id),
        docker: facts.docker,
        ..Installed::new(broker.listens()?, version)
    })
}
