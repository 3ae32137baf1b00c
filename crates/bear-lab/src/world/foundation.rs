//! What the machines of a region share in the simulated world: no machine is made without it, and it is not removed
//! below one.

use std::collections::BTreeMap;

use bear_core::event::StepError;
use bear_core::fleet::Foundation;
use bear_core::observed::{Drift, FoundationSeen};

use super::{Maker, Truth, World};

/// A foundation as it really is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedFoundation {
    /// What it was last made.
    pub foundation: Foundation,
    /// Whether somebody changed it by hand since.
    pub meddled: bool,
}

impl World {
    /// Lets somebody change the foundation of a region by hand.
    pub fn meddle(&self, region: &str) {
        if let Some(foundation) = self.truth().foundations.get_mut(region) {
            foundation.meddled = true;
        }
    }

    /// Lets the foundation of a region vanish.
    pub fn lose_foundation(&self, region: &str) {
        self.truth().foundations.remove(region);
    }

    /// The foundations that exist, by their regions.
    pub fn foundations(&self) -> BTreeMap<String, SimulatedFoundation> {
        self.truth().foundations.clone()
    }
}

impl Truth {
    pub(super) fn look_at_foundation(&self, recorded: &Foundation) -> FoundationSeen {
        match self.foundations.get(&recorded.region) {
            None => FoundationSeen::Absent,
            Some(there) if there.meddled || there.foundation != *recorded => FoundationSeen::Changed {
                what: vec![Drift { what: "rules".into(), is: "other".into(), was: "as laid".into() }],
            },
            Some(_) => FoundationSeen::AsRecorded,
        }
    }

    pub(super) fn lay(&mut self, foundation: &Foundation) -> bool {
        let laid = SimulatedFoundation { foundation: foundation.clone(), meddled: false };
        let before = self.foundations.insert(foundation.region.clone(), laid.clone());
        before != Some(laid)
    }

    pub(super) fn remove(&mut self, region: &str) -> Result<bool, StepError> {
        let mut machines = self.machines.values().filter(|it| it.maker == Maker::Bear);
        if let Some(machine) = machines.find(|it| it.spec.region.as_deref() == Some(region)) {
            let scandal = format!("{region} was to go below {}", machine.instance);
            self.scandals.push(scandal.clone());
            return Err(StepError::permanent("lab::in_use", scandal));
        }
        Ok(self.foundations.remove(region).is_some())
    }

    /// Whether a machine in this region has what it needs to stand on.
    pub(super) fn has_ground(&self, region: Option<&str>) -> bool {
        region.is_none_or(|region| self.foundations.contains_key(region))
    }
}
