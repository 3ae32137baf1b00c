//! A second look, from the host itself, after a check from here failed: is the broker silent, or the way blocked?

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use bear_core::event::StepError;
use bear_core::fleet::model::{Broker, Ports};
use bear_executor::ssh::Forward;
use bear_recipes::HostFacts;
use bear_recipes::look::{Answer, look};

use crate::observe::LOOK_MAX;
use crate::script::{Job, Then, refused};
use crate::{Hosts, Place};

/// What a host says of its own broker.
#[derive(Clone, Debug)]
pub struct Look {
    mqtt: Option<u16>,
    seen: Result<Seen, StepError>,
}

#[derive(Clone, Debug)]
struct Seen {
    answers: BTreeMap<u16, Answer>,
    log: Vec<String>,
}

impl Look {
    /// What it means for the check of a port that failed from here.
    pub fn detail(&self, port: u16) -> String {
        let answer = match &self.seen {
            Ok(seen) => seen.answers.get(&port),
            Err(error) => return format!("the host itself could not be asked: {error}"),
        };
        match answer {
            Some(Answer::Broker) => {
                format!("the broker answers on the host but not from here: port {port} is blocked on the way")
            }
            Some(Answer::Open) if self.mqtt == Some(port) => format!(
                "the broker does not answer on the host either, though something listens on port {port} there"
            ),
            // Only the MQTT listener is asked for more than a connection.
            Some(Answer::Open) => format!(
                "the host itself can connect to it: port {port} is blocked on the way, or what listens there is stuck"
            ),
            Some(Answer::Closed) | None => "the broker does not answer on the host either".to_owned(),
        }
    }

    /// The last lines of the broker's log, where there are any.
    pub fn log(&self) -> Option<String> {
        let seen = self.seen.as_ref().ok()?;
        (!seen.log.is_empty()).then(|| seen.log.join("\n"))
    }
}

impl Hosts {
    /// Asks the broker from its host itself, on each port that it should listen on: one round trip.
    pub async fn look(&self, place: Place<'_>, listens: Ports) -> Look {
        Look { mqtt: listens.mqtt, seen: self.try_look(place, listens).await }
    }

    async fn try_look(&self, place: Place<'_>, listens: Ports) -> Result<Seen, StepError> {
        let doing = format!("looking at the broker of {}", place.instance);
        let recipe = look(listens).map_err(|refusal| refused(&doing, &refusal))?;
        let job = Job { place, doing: &doing, recipes: &[recipe], deadline: LOOK_MAX, then: Then::End };
        let facts = HostFacts::read(&self.run(&job, &mut |_| {}).await?);
        Ok(Seen { answers: facts.answers, log: facts.last_lines })
    }

    /// A port of this machine that leads to one on the host of an instance, until it is dropped. Every user of this
    /// machine can use it.
    pub async fn forward(&self, place: Place<'_>, port: u16) -> Result<Forward, StepError> {
        self.ssh(place)?.forward(SocketAddr::from((inside(place, port), port))).await
    }
}

/// Where a port is listened on, as the host itself sees it: a dashboard may have an address of its own.
fn inside(place: Place<'_>, port: u16) -> Ipv4Addr {
    const DASHBOARD: u16 = 18083;
    match &place.spec.broker {
        Broker::Emqx(emqx) if place.spec.ports.dashboard.unwrap_or(DASHBOARD) == port => {
            emqx.dashboard_bind.filter(|address| !address.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST)
        }
        _ => Ipv4Addr::LOCALHOST,
    }
}
