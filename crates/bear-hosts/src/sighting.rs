//! What was just seen: instances that are as bear left them, so that a change in place runs only what it concerns.
//!
//! So are hosts that were just taken over: nothing need be asked of them again before the broker comes.
//!
//! A sighting counts once and for a short time. Whatever is in doubt has none: a machine that is new, a step that did not
//! come to its end, a broker that is stopped or was changed by hand, a host that did not answer. There every block runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bear_core::fleet::Spec;
use bear_core::name::InstanceName;
use bear_core::state::v1::{Installed, Phase, Recorded};
use bear_engine::adapter::InstallRequest;

/// How long a sighting counts: what a person needs to say yes to a plan, and not what is left over from before lunch.
const FRESH: Duration = Duration::from_mins(2);

/// The instances that were seen.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    installed: Mutex<HashMap<InstanceName, Sighting>>,
    /// When they became this fleet's, and under which token.
    claimed: Mutex<HashMap<InstanceName, (Instant, String)>>,
}

/// An instance whose host and broker are as recorded.
#[derive(Debug)]
struct Sighting {
    at: Instant,
    token: String,
    spec: Spec,
    installed: Installed,
}

impl Sightings {
    /// Notes that an instance was seen to be as recorded, if its record leaves nothing in doubt.
    pub(crate) fn note(&self, instance: &InstanceName, recorded: &Recorded) {
        let certain =
            matches!(recorded.phase, Phase::Installed | Phase::Verified) && recorded.unfinished.is_none();
        if let Some(installed) = recorded.installed.clone().filter(|_| certain) {
            let (token, spec) = (recorded.token.clone(), recorded.spec.clone());
            let sighting = Sighting { at: Instant::now(), token, spec, installed };
            self.installed.lock().unwrap_or_else(PoisonError::into_inner).insert(instance.clone(), sighting);
        }
    }

    /// What the instance was asked to be when it was seen to be just that. A second install, should the first one fail,
    /// finds nothing here.
    pub(crate) fn take(&self, request: &InstallRequest) -> Option<Spec> {
        let sighting =
            self.installed.lock().unwrap_or_else(PoisonError::into_inner).remove(&request.instance)?;
        let same = sighting.token == request.token && request.installed.as_ref() == Some(&sighting.installed);
        (same && sighting.at.elapsed() < FRESH).then_some(sighting.spec)
    }

    /// Notes that a host was just found fit and became this instance.
    pub(crate) fn note_claim(&self, instance: &InstanceName, token: &str) {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.insert(instance.clone(), (Instant::now(), token.to_owned()));
    }

    /// Whether the host of the instance was just found fit. A second install, should the first one fail, asks again.
    pub(crate) fn take_claim(&self, request: &InstallRequest) -> bool {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed
            .remove(&request.instance)
            .is_some_and(|(at, token)| token == request.token && at.elapsed() < FRESH)
    }
}
