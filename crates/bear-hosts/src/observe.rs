//! Looking at hosts: one round trip each, all at once, and what somebody changed there by hand.

use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::model;
use bear_core::name::InstanceName;
use bear_core::observed::{BrokerSeen, Drift, Observation, Observed};
use bear_core::state::v1::{Installed, Recorded};
use bear_provider::Known;
use bear_recipes::observe::{ContainerFacts, PackageFacts};
use bear_recipes::{HostFacts, Recipe, observe, observe_broker, observe_package};
use futures_util::{StreamExt, stream};

use crate::provider::machine;
use crate::reach::AT_ONCE;
use crate::script::{Job, Then};
use crate::{Hosts, Place};

/// How long looking at a host may take, with connecting and with waiting for another bear that works there. One that lets
/// somebody in and then says nothing keeps a plan waiting for this long.
pub(crate) const LOOK_MAX: Duration = Duration::from_mins(1);

impl Hosts {
    pub(crate) async fn observe_all(&self, known: &[Known<'_>]) -> Result<Observed, StepError> {
        let looks = known.iter().map(|&Known { instance, recorded }| async move {
            (instance, self.observe_one(instance, recorded).await)
        });
        let looks = looks.collect::<Vec<_>>();
        let seen: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let seen = seen.into_iter().map(|(instance, result)| {
            let observation = result.unwrap_or_else(|error| Observation::Unreachable { why: error.message });
            (instance.clone(), observation)
        });
        Ok(seen.collect())
    }

    async fn observe_one(
        &self,
        instance: &InstanceName,
        recorded: &Recorded,
    ) -> Result<Observation, StepError> {
        let doing = format!("looking at the host of {instance}");
        let place = Place { instance, spec: &recorded.spec, machine: recorded.machine.as_ref() };
        let ssh = self.ssh(place)?;
        ssh.connect().await?;
        let look = if recorded.machine.is_some() { look_of(recorded) } else { observe() };
        let Some(facts) = self.facts(place, look, &doing).await? else { return Ok(Observation::Absent) };
        let machine = match &recorded.machine {
            Some(machine) => machine.clone(),
            None => machine(&ssh, &facts).await?,
        };
        let broker = self.sight(instance, recorded, &facts);
        Ok(Observation::Present { machine, changed: Vec::new(), broker })
    }
}

impl Hosts {
    /// What is on the host of an instance; none if it is somebody else's, or nobody's.
    pub(crate) async fn facts(
        &self,
        place: Place<'_>,
        look: Recipe,
        doing: &str,
    ) -> Result<Option<HostFacts>, StepError> {
        let job = Job { place, doing, recipes: &[look], deadline: LOOK_MAX, then: Then::Keep };
        let facts = HostFacts::read(&self.run(&job, &mut |_| {}).await?);
        let ours = facts.owner.as_ref().is_some_and(|owner| {
            owner.lineage == self.settings().lineage && owner.instance == place.instance.as_str()
        });
        Ok(ours.then_some(facts))
    }

    /// How the broker is. One that is as bear left it is remembered, so that a change need not look again.
    pub(crate) fn sight(
        &self,
        instance: &InstanceName,
        recorded: &Recorded,
        facts: &HostFacts,
    ) -> BrokerSeen {
        let broker = broker(recorded, facts);
        let own = facts.owner.as_ref().is_some_and(|owner| owner.token == recorded.token);
        if own && broker == BrokerSeen::Running {
            self.sightings().note(instance, recorded);
        }
        broker
    }
}

/// What looks at the broker of a machine that is recorded.
pub(crate) fn look_of(recorded: &Recorded) -> Recipe {
    let from_package =
        matches!(&recorded.spec.broker, model::Broker::Mosquitto(mosquitto) if !mosquitto.container);
    let docker = recorded.installed.as_ref().is_some_and(|installed| installed.docker.is_some());
    if from_package && recorded.spec.install.is_none() && !docker {
        observe_package()
    } else {
        observe_broker()
    }
}

/// As much of a digest as people compare.
fn short(text: &str) -> &str {
    const DIGEST: usize = 64;
    const SHOWN: usize = 12;
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digest = digits.len() == DIGEST && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { &digits[..SHOWN] } else { text }
}

/// How the broker is, compared with how bear left it.
fn broker(recorded: &Recorded, facts: &HostFacts) -> BrokerSeen {
    let Some(installed) = &recorded.installed else {
        return stopped("no broker was installed");
    };
    let mut seen = Seen { drifts: Vec::new() };
    for file in &facts.changed_files {
        seen.add("file", format!("{file} was changed"), "as bear wrote it");
    }
    let state = match &recorded.spec.broker {
        model::Broker::Emqx(_) => match &facts.emqx {
            Some(container) => seen.container("bear-emqx", container, installed),
            None => Err(no_container("bear-emqx", facts)),
        },
        model::Broker::Mosquitto(mosquitto) if mosquitto.container => match &facts.mosquitto {
            Some(container) => seen.container("bear-mosquitto", container, installed),
            None => Err(no_container("bear-mosquitto", facts)),
        },
        model::Broker::Mosquitto(_) => match &facts.mosquitto_package {
            Some(package) => seen.package(package, installed),
            None => Err("the package mosquitto is gone".to_owned()),
        },
        model::Broker::Embedded(_) => return BrokerSeen::Unknown,
    };
    if let Err(why) = state {
        return BrokerSeen::Stopped { why };
    }
    seen.docker(facts, recorded, installed);
    if facts.emqx.is_some() {
        seen.dashboard(facts);
    }
    if seen.drifts.is_empty() { BrokerSeen::Running } else { BrokerSeen::Changed { what: seen.drifts } }
}

pub(crate) fn stopped(why: &str) -> BrokerSeen {
    BrokerSeen::Stopped { why: why.to_owned() }
}

fn no_container(name: &str, facts: &HostFacts) -> String {
    match facts.docker {
        Some(_) => format!("the container {name} is gone"),
        None => "Docker does not answer".to_owned(),
    }
}

/// What is found that is not as bear left it.
struct Seen {
    drifts: Vec<Drift>,
}

impl Seen {
    fn add(&mut self, what: &str, is: impl Into<String>, was: impl Into<String>) {
        self.drifts.push(Drift { what: what.to_owned(), is: is.into(), was: was.into() });
    }

    /// What bear did not record can't have changed.
    fn compare(&mut self, what: &str, is: Option<&str>, was: Option<&str>) {
        if let Some(was) = was
            && is != Some(was)
        {
            self.add(what, short(is.unwrap_or("gone")), short(was));
        }
    }

    /// A file that was changed was named already; this is for settings that another bear wrote.
    fn settings(&mut self, configuration: Option<&str>, installed: &Installed) {
        if self.drifts.is_empty() {
            self.compare("configuration", configuration, installed.configuration.as_deref());
        }
    }

    /// # Errors
    ///
    /// Why it does not run.
    fn container(
        &mut self,
        name: &str,
        container: &ContainerFacts,
        installed: &Installed,
    ) -> Result<(), String> {
        if container.status != "running" {
            return Err(format!("the container {name} does not run: it is {}", container.status));
        }
        self.compare("image", Some(&container.image_id), installed.image.as_deref());
        self.settings(container.configuration.as_deref(), installed);
        if self.drifts.is_empty() {
            let made_with = Some(container.made_with.as_str()).filter(|digest| !digest.is_empty());
            let made_with = made_with.unwrap_or("made by somebody else");
            self.compare("container", Some(made_with), installed.configuration.as_deref());
        }
        if container.restart_policy != "unless-stopped" {
            self.add("restart", container.restart_policy.as_str(), "unless-stopped");
        }
        Ok(())
    }

    /// # Errors
    ///
    /// Why it does not run.
    fn package(&mut self, package: &PackageFacts, installed: &Installed) -> Result<(), String> {
        if !package.running {
            return Err("the service mosquitto does not run".to_owned());
        }
        self.compare("version", Some(&package.version), Some(&installed.version));
        self.settings(package.configuration.as_deref(), installed);
        if !package.enabled {
            self.add("start", "only by hand", "with the host");
        }
        if !package.held {
            self.add("package", "may be upgraded", "held");
        }
        Ok(())
    }

    fn docker(&mut self, facts: &HostFacts, recorded: &Recorded, installed: &Installed) {
        self.compare("docker", facts.docker.as_deref(), installed.docker.as_deref());
        let pinned = recorded.spec.install.as_ref().is_some_and(|install| install.docker.is_some());
        if pinned && facts.docker_package.is_some() && !facts.docker_held {
            self.add("docker_package", "may be upgraded", "held");
        }
    }

    fn dashboard(&mut self, facts: &HostFacts) {
        match facts.default_password_refused {
            Some(true) => {}
            Some(false) => self.add("default_password", "accepted", "refused"),
            None => self.add("dashboard", "does not answer", "answers"),
        }
        if facts.password_works == Some(false) {
            self.add("admin_password", "refused", "accepted");
        }
    }
}
