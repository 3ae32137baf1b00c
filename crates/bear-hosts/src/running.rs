//! Looking at the brokers of machines that a provider says are running: one session each, all at once.

use bear_core::event::StepError;
use bear_core::name::InstanceName;
use bear_core::observed::BrokerSeen;
use bear_core::state::v1::{Machine, Recorded};
use futures_util::{StreamExt, stream};

use crate::observe::{look_of, stopped};
use crate::reach::AT_ONCE;
use crate::{Hosts, Place};

/// An instance whose machine runs, as its provider says.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// Its name.
    pub instance: &'a InstanceName,
    /// What is recorded about it.
    pub recorded: &'a Recorded,
    /// Its machine as it is now: its address may be another one than the recorded.
    pub machine: &'a Machine,
}

impl Hosts {
    /// How the brokers of these machines are, in the order of the machines. A machine that can't be reached is an error
    /// of its own, and keeps nobody from looking at the others.
    pub async fn observe_brokers(&self, running: &[Running<'_>]) -> Vec<Result<BrokerSeen, StepError>> {
        let looks = running.iter().map(|&each| self.observe_broker(each)).collect::<Vec<_>>();
        stream::iter(looks).buffered(AT_ONCE).collect().await
    }

    async fn observe_broker(&self, running: Running<'_>) -> Result<BrokerSeen, StepError> {
        let Running { instance, recorded, machine } = running;
        // It may be in the midst of its first boot, and whatever it is at, a broker comes next.
        if recorded.installed.is_none() {
            return Ok(stopped("no broker was installed"));
        }
        let place = Place { instance, spec: &recorded.spec, machine: Some(machine) };
        let doing = format!("looking at the machine of {instance}");
        match self.facts(place, look_of(recorded), &doing).await? {
            Some(facts) => Ok(self.sight(instance, recorded, &facts)),
            None => Ok(stopped("the machine does not bear the mark of this instance")),
        }
    }
}
