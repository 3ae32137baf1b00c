//! The last thing before a machine goes: its broker ends its sessions in good order, where that can be had.

use std::time::Duration;

use bear_core::fleet::model::Broker;
use bear_executor::{Executor, Privilege, Redactor, Script};
use tokio::time::timeout;

use crate::{Hosts, Place};

/// How long a machine that is to go is waited for.
const DRAIN_MAX: Duration = Duration::from_secs(30);

impl Hosts {
    /// Stops the broker of a machine that is about to be destroyed, so that it can take leave of its clients and write
    /// what it owes. Returns whether it stopped: nothing here keeps the machine from going.
    pub async fn drain(&self, place: Place<'_>) -> bool {
        matches!(timeout(DRAIN_MAX, self.stop(place)).await, Ok(Some(true)))
    }

    async fn stop(&self, place: Place<'_>) -> Option<bool> {
        let redactor = Redactor::default();
        let script = Script {
            text: command(&place.spec.broker)?,
            privilege: Privilege::Root,
            deadline: DRAIN_MAX,
            redactor: &redactor,
            keep: None,
        };
        let outcome = self.ssh(place).ok()?.run(&script, &mut |_| {}).await.ok()?;
        Some(outcome.exit.ok())
    }
}

/// A little less than [`DRAIN_MAX`], to be heard of in time.
fn command(broker: &Broker) -> Option<&'static str> {
    match broker {
        Broker::Emqx(_) => Some("exec docker stop -t 20 bear-emqx"),
        Broker::Mosquitto(mosquitto) if mosquitto.container => Some("exec docker stop -t 20 bear-mosquitto"),
        Broker::Mosquitto(_) => Some("exec timeout 20 systemctl stop mosquitto"),
        Broker::Embedded(_) => None,
    }
}
