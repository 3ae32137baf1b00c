//! The provider: hosts become part of a fleet, and are given back as they were found.

use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::observed::Observed;
use bear_core::state::v1::{Machine, System};
use bear_executor::ssh::Ssh;
use bear_provider::{CreateRequest, DestroyRequest, Known, Provider};
use bear_recipes::host::Host;
use bear_recipes::removal::removal;
use bear_recipes::{Cause, HostFacts, Recipe};
use futures_util::{StreamExt, stream};

use crate::reach::AT_ONCE;
use crate::script::{CUT, Job, Then, now, refused};
use crate::{Hosts, Place};

/// Requests cost a connection each whatever the size of a batch, so this only bounds what one call holds in memory.
const BATCH_MAX: usize = 100;

/// The host presents no key that is known, though it was trusted a moment ago.
const NO_KEY: &str = "bear::hosts::no_key";

#[async_trait]
impl Provider for Hosts {
    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    async fn observe(&self, known: &[Known<'_>], _: &[&Foundation]) -> Result<Observed, StepError> {
        self.observe_all(known).await
    }

    async fn create(&self, requests: &[CreateRequest]) -> Vec<Result<Machine, StepError>> {
        let claims = requests.iter().map(|request| self.claim(request)).collect::<Vec<_>>();
        stream::iter(claims).buffered(AT_ONCE).collect().await
    }

    async fn destroy(&self, requests: &[DestroyRequest]) -> Vec<Result<(), StepError>> {
        let releases = requests.iter().map(|request| self.release(request)).collect::<Vec<_>>();
        stream::iter(releases).buffered(AT_ONCE).collect().await
    }
}

impl Hosts {
    /// Makes a host part of the fleet: it can be reached, is nobody else's, and can carry the broker.
    async fn claim(&self, request: &CreateRequest) -> Result<Machine, StepError> {
        let CreateRequest { instance, spec, .. } = request;
        let doing = format!("taking over the host of {instance}");
        let place = Place { instance, spec, machine: None };
        let (ssh, claim) =
            self.prepare_claim(request, place, &doing).await.map_err(StepError::with_nothing_changed)?;
        let deadline = self.settings().deadline;
        // The broker comes next.
        let job = Job { place, doing: &doing, recipes: &[claim], deadline, then: Then::Keep };
        let transcript = self.run(&job, &mut |_| {}).await.map_err(what_is_certain)?;
        let machine = machine(&ssh, &HostFacts::read(&transcript)).await?;
        self.sightings().note_claim(instance, &request.token);
        Ok(machine)
    }

    /// Reaches the host, without doing anything there.
    async fn prepare_claim(
        &self,
        request: &CreateRequest,
        place: Place<'_>,
        doing: &str,
    ) -> Result<(Arc<Ssh>, Recipe), StepError> {
        let ssh = self.ssh(place)?;
        // Only this can tell of a host that is met for the first time.
        ssh.connect().await?;
        let host = Host { owner: self.owner(&request.instance, &request.token), now: now() };
        let listens = self.listens(&request.spec, doing)?;
        Ok((ssh, host.claim(listens).map_err(|refusal| refused(doing, &refusal))?))
    }

    /// Takes bear's things off a host and gives it back. Its key stays known: the host is still there.
    async fn release(&self, request: &DestroyRequest) -> Result<(), StepError> {
        let DestroyRequest { instance, token, spec, machine, .. } = request;
        let doing = format!("giving back the host of {instance}");
        let place = Place { instance, spec, machine: machine.as_ref() };
        let connected = self.ssh(place)?.connect().await.map_err(StepError::from);
        connected.map_err(|error| never_reached(error, request).with_nothing_changed())?;
        let recipes = removal(&self.owner(instance, token), spec.keep_data)
            .map_err(|refusal| refused(&doing, &refusal))?;
        let deadline = self.settings().deadline;
        let job = Job { place, doing: &doing, recipes: &recipes, deadline, then: Then::End };
        match self.run(&job, &mut |_| {}).await {
            // The mark of the owner comes first and goes last. So if it is somebody else's, nothing of this one is left.
            Err(error) if is_somebody_elses(&error) => Ok(()),
            result => result.map(drop),
        }
    }
}

/// Claiming a host writes its owner as the last thing of all, so a block that failed left it as it was, but for a mark
/// that was written and did not stay. Where nobody heard the end of it, it may have been written.
fn what_is_certain(error: StepError) -> StepError {
    const NEVER_RUN: [&str; 4] = [
        "bear::ssh::sudo_missing",
        "bear::ssh::sudo_password",
        "bear::ssh::sudo_refused",
        "bear::ssh::no_shell",
    ];
    let told = error.code.starts_with("bear::recipe::") && ![CUT, Cause::NotSo.code()].contains(&error.code);
    if told || NEVER_RUN.contains(&error.code) { error.with_nothing_changed() } else { error }
}

fn is_somebody_elses(error: &StepError) -> bool {
    [Cause::OtherFleet, Cause::OtherInstance].iter().any(|cause| cause.code() == error.code)
}

/// A host that can't be reached may hold what bear put there, so it is never taken for gone.
fn never_reached(error: StepError, request: &DestroyRequest) -> StepError {
    let instance = &request.instance;
    let help = error.help.as_ref().map(|help| format!("{help}; ")).unwrap_or_default();
    error.with_help(format!(
        "{help}if the host is gone for good, `bear state rm {instance}` takes it out of the fleet"
    ))
}

/// The machine that a host is, from what it says of itself.
pub(crate) async fn machine(ssh: &Ssh, facts: &HostFacts) -> Result<Machine, StepError> {
    let keys = ssh.host_keys().await?;
    let place = ssh.place().await?;
    let key = keys.first().ok_or_else(|| no_key(place))?;
    let address = ssh.address().await?.to_owned();
    let private = private_address(&address, facts).filter(|private| private.to_string() != address);
    Ok(Machine {
        id: key.fingerprint(),
        private_address: private.map(|private| private.to_string()),
        system: facts.system.as_ref().map(|name| System {
            name: name.clone(),
            architecture: facts.architecture.clone().unwrap_or_default(),
            memory_mib: facts.memory_kib.unwrap_or_default() / 1024,
            disk_free_mib: facts.disk_free_kib.unwrap_or_default() / 1024,
        }),
        address,
        image: None,
    })
}

/// The error for a host whose key went out of the file while it was connected.
pub(crate) fn no_key(place: &str) -> StepError {
    StepError::transient(NO_KEY, format!("reading the host key of {place}: it is not known any more"))
        .with_help("somebody changed the fleet's known_hosts meanwhile; do the same again")
}

/// The address by which the machines of a fleet reach each other. A private address in the fleet file was chosen for
/// just that; else it is the one that the host itself sends from.
fn private_address(address: &str, facts: &HostFacts) -> Option<Ipv4Addr> {
    let given = address.parse::<Ipv4Addr>().ok().filter(Ipv4Addr::is_private);
    given.or(facts.private_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_address_in_the_fleet_file_is_the_one_that_was_meant() {
        let facts = HostFacts { private_address: Some(Ipv4Addr::new(10, 0, 0, 5)), ..HostFacts::default() };
        for (given, expected) in [
            ("192.168.7.1", "192.168.7.1"),
            ("192.0.2.10", "10.0.0.5"),
            ("broker.example", "10.0.0.5"),
            ("2001:db8::1", "10.0.0.5"),
        ] {
            assert_eq!(private_address(given, &facts), Some(expected.parse().unwrap()));
        }
        assert_eq!(private_address("192.0.2.10", &HostFacts::default()), None);
    }

    #[test]
    fn only_what_a_host_told_is_certain() {
        let check = |code| what_is_certain(StepError::permanent(code, "")).untouched;
        for code in [Cause::OtherFleet.code(), Cause::PortTaken.code(), "bear::ssh::sudo_password"] {
            assert!(check(code), "{code}");
        }
        for code in [CUT, Cause::NotSo.code(), "bear::ssh::lost", "bear::ssh::deadline", "bear::ssh::killed"]
        {
            assert!(!check(code), "{code}");
        }
    }
}
