//! The book of the registry: which port is whose, and which ports an instance gets.
//!
//! A claim counts for as long as the machine it was made for is there, so that nothing needs cleaning up after a crash
//! or after `rm -rf`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use bear_core::event::StepError;
use bear_core::fleet::model::Ports;
use serde::{Deserialize, Serialize};

use crate::local::error;
use crate::local::machine::{self, Found};
use crate::local::{broker, listener};

/// The ports that are given to brokers: below those that Linux takes for outgoing connections, 32768 to 60999 by
/// default (`net.ipv4.ip_local_port_range`), so that no passing connection sits on a broker's port while it is down.
const RANGE: RangeInclusive<u16> = 20_000..=29_999;

/// The version of the book's format.
const VERSION: u32 = 1;

/// Whose a port is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::local) struct Owner {
    folder: String,
    token: String,
}

/// What ports an instance wants.
#[derive(Clone, Debug, Default)]
pub(in crate::local) struct Wish {
    /// Those that the fleet file asks for.
    pub(in crate::local) explicit: Ports,
    /// Those that its broker was installed with; kept, because clients know them.
    pub(in crate::local) installed: Ports,
    /// Ports that are given to nobody who does not ask for them.
    pub(in crate::local) reserved: Arc<HashSet<u16>>,
}

/// All claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::local) struct Book {
    version: u32,
    ports: BTreeMap<u16, Claim>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    listener: String,
    owner: Owner,
}

impl Owner {
    pub(in crate::local) fn new(folder: &Path, token: &str) -> Result<Self, StepError> {
        let text = folder.to_str().ok_or_else(|| error::failed("using", folder, "its path is not UTF-8"))?;
        Ok(Self { folder: text.to_owned(), token: token.to_owned() })
    }

    pub(in crate::local) fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }

    /// A claim on behalf of a machine that is gone counts for nothing. One that can't be looked at is not gone.
    fn is_there(&self) -> bool {
        match machine::look(self.folder()) {
            Ok(Found::Marked(marker)) => marker.token == self.token,
            Ok(Found::Nothing | Found::Foreign(_)) => false,
            Err(_) => true,
        }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self { version: VERSION, ports: BTreeMap::new() }
    }
}

impl Book {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let book = serde_json::from_slice::<Self>(bytes).map_err(|error| error.to_string())?;
        match book.version {
            VERSION => Ok(book),
            other => {
                Err(format!("it was written by another bear: version {other}, this bear reads {VERSION}"))
            }
        }
    }

    /// Whose a port is; none if it is nobody's.
    pub(in crate::local) fn owner_of(&self, port: u16) -> Option<&Owner> {
        let owner = &self.ports.get(&port)?.owner;
        owner.is_there().then_some(owner)
    }

    /// Gives an instance the ports that it asks for, those that it has had, and for the rest of `mqtt`, `ws` and
    /// `dashboard` the lowest free ones; and no others.
    pub(super) fn claim(
        &mut self,
        owner: &Owner,
        wish: &Wish,
        is_free: fn(u16) -> bool,
    ) -> Result<Ports, StepError> {
        self.forget_the_gone();
        let ports = self.choose(owner, wish, is_free)?;
        self.release(owner);
        for (listener, port) in ports.iter() {
            self.ports.insert(port, Claim { listener: listener.to_owned(), owner: owner.clone() });
        }
        Ok(ports)
    }

    pub(super) fn release(&mut self, owner: &Owner) {
        self.ports.retain(|_, claim| claim.owner != *owner);
    }

    fn forget_the_gone(&mut self) {
        // An instance has several ports and is asked after once.
        let mut there = HashMap::<Owner, bool>::new();
        let mut is_there = |owner: &Owner| *there.entry(owner.clone()).or_insert_with(|| owner.is_there());
        self.ports.retain(|_, claim| is_there(&claim.owner));
    }

    fn choose(&self, owner: &Owner, wish: &Wish, is_free: fn(u16) -> bool) -> Result<Ports, StepError> {
        let theirs = |port: u16| self.ports.get(&port).filter(|claim| claim.owner != *owner);
        for (listener, port) in wish.explicit.iter() {
            if let Some(claim) = theirs(port) {
                return Err(listener::taken(listener, port, &belongs_to(&claim.owner)));
            }
        }
        // A machine that takes the place of one that was deleted is to have its ports, but they may be somebody else's by now.
        let certain = completed(wish.explicit, only(wish.installed, |port| theirs(port).is_none()));
        // Asked in this order: a broker says that it runs before it listens.
        let is_ours = |port| is_free(port) || !matches!(broker::running(owner.folder()), Ok(None));
        let mut ports = completed(certain, self.claimed_by(owner, is_ours));
        let mut used = ports.iter().map(|(_, port)| port).collect::<HashSet<_>>();
        for port in [&mut ports.mqtt, &mut ports.ws, &mut ports.dashboard] {
            if port.is_none() {
                let suits = |port| !used.contains(&port) && !wish.reserved.contains(&port) && is_free(port);
                let chosen = self.lowest(suits)?;
                used.insert(chosen);
                *port = Some(chosen);
            }
        }
        Ok(ports)
    }

    /// What an instance has claimed, although its broker was never seen to run with it: kept, unless another program
    /// has come to sit there.
    fn claimed_by(&self, owner: &Owner, suits: impl Fn(u16) -> bool) -> Ports {
        let mut ports = Ports::default();
        for (&port, claim) in self.ports.iter().filter(|(_, claim)| claim.owner == *owner) {
            let place = match claim.listener.as_str() {
                "mqtt" => &mut ports.mqtt,
                "ws" => &mut ports.ws,
                "dashboard" => &mut ports.dashboard,
                _ => continue,
            };
            *place = suits(port).then_some(port);
        }
        ports
    }

    fn lowest(&self, suits: impl Fn(u16) -> bool) -> Result<u16, StepError> {
        RANGE
            .into_iter()
            .find(|port| !self.ports.contains_key(port) && suits(*port))
            .ok_or_else(|| error::no_port_left(*RANGE.start(), *RANGE.end()))
    }
}

/// These ports, and those of `more` for the listeners that have none; a port that is in use here is passed over.
fn completed(ports: Ports, more: Ports) -> Ports {
    ports.or(only(more, |port| ports.iter().all(|(_, used)| used != port)))
}

/// Those of the ports that suit.
fn only(ports: Ports, suits: impl Fn(u16) -> bool) -> Ports {
    let suiting = |port: Option<u16>| port.filter(|&port| suits(port));
    Ports {
        mqtt: suiting(ports.mqtt),
        mqtts: suiting(ports.mqtts),
        ws: suiting(ports.ws),
        wss: suiting(ports.wss),
        dashboard: suiting(ports.dashboard),
    }
}

/// Whose a port is, for people.
pub(in crate::local) fn belongs_to(owner: &Owner) -> String {
    format!("it belongs to the instance in {}", owner.folder)
}
