//! Where an instance is, and the one connection to it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bear_core::event::StepError;
use bear_core::fleet::model::Connect;
use bear_core::fleet::{Host, Login, Spec};
use bear_core::name::InstanceName;
use bear_core::state::v1::Machine;
use bear_executor::host_keys::{FirstContact, HostKeys};
use bear_executor::ssh::{ConnectError, Ssh, Target};
use bear_recipes::host::Owner;
use futures_util::{StreamExt, stream};

use crate::Settings;
use crate::sighting::Sightings;

/// How many hosts are worked on at once: each costs an `ssh` process and a few open files.
pub(crate) const AT_ONCE: usize = 64;

/// How many connections are ended at once.
const ENDED_AT_ONCE: usize = 8;

/// The fleet file says too little, or nonsense, about how to reach an instance.
const TARGET: &str = "bear::hosts::target";

/// The hosts of one fleet. Cheap to clone; all clones share one connection to each host.
#[derive(Clone, Debug)]
pub struct Hosts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    host_keys: Arc<HostKeys>,
    connections: Mutex<HashMap<Target, Arc<Ssh>>>,
    sightings: Sightings,
}

/// Whoever ends a connection waits until its `ssh` has heard it, so they are ended side by side.
impl Drop for Inner {
    fn drop(&mut self) {
        let connections = std::mem::take(&mut self.connections).into_inner();
        let connections = connections.unwrap_or_else(PoisonError::into_inner).into_values();
        let mut shares: [Vec<Arc<Ssh>>; ENDED_AT_ONCE] = Default::default();
        for (number, connection) in connections.enumerate() {
            shares[number % ENDED_AT_ONCE].push(connection);
        }
        thread::scope(|scope| {
            for share in shares.into_iter().filter(|share| !share.is_empty()) {
                // Without a thread to be had they are dropped right here.
                let _ = thread::Builder::new().spawn_scoped(scope, || drop(share));
            }
        });
    }
}

/// One instance, to be reached.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its name.
    pub instance: &'a InstanceName,
    /// What it shall be.
    pub spec: &'a Spec,
    /// Its machine, where that is known.
    pub machine: Option<&'a Machine>,
}

impl<'a> Place<'a> {
    /// The machine that bear made for it.
    pub(crate) fn made(self) -> Result<&'a Machine, StepError> {
        let Self { instance, machine, .. } = self;
        machine.ok_or_else(|| {
            let unknown = format!("reaching the machine of `{instance}`: its address is not known");
            StepError::permanent(TARGET, unknown).with_help("`bear apply` looks it up, or makes the machine")
        })
    }
}

impl Hosts {
    /// Hosts that are connected to once they are needed.
    pub fn new(settings: Settings) -> Self {
        let host_keys = Arc::new(HostKeys::new(settings.known_hosts.clone(), settings.first_contact));
        Self {
            inner: Arc::new(Inner {
                settings,
                host_keys,
                connections: Mutex::default(),
                sightings: Sightings::default(),
            }),
        }
    }

    pub(crate) fn host_keys(&self) -> &HostKeys {
        &self.inner.host_keys
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn sightings(&self) -> &Sightings {
        &self.inner.sightings
    }

    /// What the host of an instance is marked with.
    pub(crate) fn owner(&self, instance: &InstanceName, token: &str) -> Owner {
        Owner {
            fleet: self.settings().fleet.to_string(),
            lineage: self.settings().lineage.clone(),
            instance: instance.to_string(),
            token: token.to_owned(),
        }
    }

    /// The host of an instance; it need not be connected.
    ///
    /// # Errors
    ///
    /// The fleet file says too little, or nonsense, about how to reach it.
    pub fn ssh(&self, place: Place<'_>) -> Result<Arc<Ssh>, StepError> {
        let target = self.target(place)?;
        let mut connections = self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let new = |target: &Target| Arc::new(Ssh::new(target.clone(), Arc::clone(&self.inner.host_keys)));
        Ok(Arc::clone(connections.entry(target).or_insert_with_key(new)))
    }

    /// The folder that stands for `/` on the host of an instance; empty for `/` itself.
    pub(crate) fn root(&self, place: Place<'_>) -> String {
        let Some(roots) = &self.settings().roots else { return String::new() };
        let Place { spec, machine, .. } = place;
        let address = match (&spec.host, &spec.login, machine) {
            (Some(host), _, _) => &host.address,
            (None, Some(login), Some(machine)) => address(login, machine),
            _ => "",
        };
        roots.join(address).display().to_string()
    }

    fn target(&self, place: Place<'_>) -> Result<Target, StepError> {
        let Place { instance, spec, .. } = place;
        match (&spec.host, &spec.login) {
            (Some(host), _) => self.target_of_host(instance, host),
            (None, Some(login)) => self.target_of_machine(place, login),
            (None, None) => Err(StepError::permanent(
                TARGET,
                format!("reaching the machine of `{instance}`: how to log in is not known"),
            )
            .with_help("`bear apply` records it as the fleet file has it")),
        }
    }

    fn target_of_host(&self, instance: &InstanceName, host: &Host) -> Result<Target, StepError> {
        let pin = host.host_key.as_deref().map(str::parse).transpose().map_err(|error| {
            StepError::permanent(TARGET, format!("reading the `host_key` of `{instance}`: {error}"))
                .with_help("correct it in the fleet file, then run `bear apply`")
        })?;
        Ok(Target {
            address: host.address.clone(),
            port: host.port,
            user: host.user.clone(),
            identity: host.identity.as_ref().map(|text| self.settings().path(text)),
            pin,
            alias: None,
            jump: None,
            config: self.settings().ssh_config.clone(),
            withheld: self.settings().withheld.clone(),
        })
    }

    fn target_of_machine(&self, place: Place<'_>, login: &Login) -> Result<Target, StepError> {
        let machine = place.made()?;
        Ok(Target {
            address: address(login, machine).to_owned(),
            port: None,
            user: Some(login.user.clone()),
            identity: login.identity.as_ref().map(|text| self.settings().path(text)),
            pin: None,
            // Its address was another machine's before, and will be again.
            alias: Some(machine.id.clone()),
            jump: match &login.connect {
                Connect::Jump(jump) => Some(jump.clone()),
                Connect::Public | Connect::Private => None,
            },
            config: self.settings().ssh_config.clone(),
            withheld: self.settings().withheld.clone(),
        })
    }

    /// Ends the connection to a machine that bear made and that is gone, and forgets its host key.
    ///
    /// # Errors
    ///
    /// The file of host keys can't be written.
    pub async fn forget(&self, machine: &Machine) -> Result<(), StepError> {
        {
            let mut connections = self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner);
            connections.retain(|target, _| target.alias.as_ref() != Some(&machine.id));
        }
        self.host_keys().forget(&machine.id).await
    }

    /// Connects to all of them at once, and checks their host keys. The results stand in the order of the places.
    pub async fn greet(&self, places: &[Place<'_>]) -> Vec<Result<(), ConnectError>> {
        let greetings = places.iter().map(|&place| async move { self.ssh(place)?.connect().await });
        let greetings = greetings.collect::<Vec<_>>();
        stream::iter(greetings).buffered(AT_ONCE).collect().await
    }

    /// Trusts what a host presented on first contact.
    pub async fn accept(&self, contact: &FirstContact) -> Result<(), StepError> {
        self.inner.host_keys.accept(contact).await
    }

    /// The user's own `ssh` with the fleet's host keys, program first; a command may follow. Connects first, which
    /// checks the host key.
    pub async fn ssh_command(&self, place: Place<'_>) -> Result<Vec<OsString>, StepError> {
        self.ssh(place)?.command_by_hand().await
    }

    /// What `ssh_config(5)` says of a host, keyword and value, so that any `ssh` logs in as bear does.
    pub async fn ssh_options(&self, place: Place<'_>) -> Result<Vec<(&'static str, String)>, StepError> {
        self.ssh(place)?.settings_by_hand().await
    }
}

/// The address by which a machine is reached.
fn address<'m>(login: &Login, machine: &'m Machine) -> &'m str {
    match (&login.connect, &machine.private_address) {
        (Connect::Private | Connect::Jump(_), Some(private)) => private,
        _ => &machine.address,
    }
}
