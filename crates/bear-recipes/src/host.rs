//! What every host must be before anything is put on it, and whose it is.

use bear_core::fleet::model::Ports;

use crate::recipe::Recipe;
use crate::refusal::{Refusal, one_word};
use crate::{apt, image, ports};

pub(crate) const CODE: &str = include_str!("sh/host.sh");
const FIRST_BOOT: &str = include_str!("sh/first-boot.sh");
const ALL: &[&str] = &[apt::CODE, image::CODE, ports::CODE, FIRST_BOOT, CODE];

/// Whose a host is: one instance of one fleet. Each is one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name of the fleet.
    pub fleet: String,
    /// The lineage of the fleet, which tells it from others of the same name.
    pub lineage: String,
    /// The name of the instance.
    pub instance: String,
    /// The token under which this generation of the instance was asked for.
    pub token: String,
}

/// A host as a fleet claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Who claims it.
    pub owner: Owner,
    /// The time right now, in seconds since 1970, to compare the host's clock with.
    pub now: u64,
}

impl Host {
    /// Claims the host for a broker on these ports: it is Debian or Ubuntu, has ended its first boot, knows the time,
    /// has no broker of somebody else's, and is no other instance's. It says what the host is, too.
    ///
    /// # Errors
    ///
    /// A word of the owner's that is none.
    pub fn claim(&self, ports: Ports) -> Result<Recipe, Refusal> {
        let wanted: String = ports.iter().map(|(_, port)| format!("{port} ")).collect();
        Ok(self
            .owner
            .describe(Recipe::new("host", ALL))?
            .set("host_now", &self.now.to_string())?
            .set("host_ports", &wanted)?
            .block("host.system", "host_system")
            .block("host.first-boot", "host_first_boot")
            .block("host.clock", "host_clock")
            .block("host.foreign", "host_foreign")
            .block("host.owner", "host_owner"))
    }
}

impl Owner {
    /// The variables that the shell code reads.
    fn describe(&self, recipe: Recipe) -> Result<Recipe, Refusal> {
        let Self { fleet, lineage, instance, token } = self;
        for (what, word) in [
            ("the name of the fleet", fleet),
            ("the lineage", lineage),
            ("the name of the instance", instance),
            ("the token", token),
        ] {
            one_word(what, word)?;
        }
        let text = format!(
            "# Written by bear: this host is an instance of a fleet.\n\
             fleet {fleet}\nlineage {lineage}\ninstance {instance}\ntoken {token}\n"
        );
        Ok(recipe.set("owner_text", &text)?.set("owner_lineage", lineage)?.set("owner_instance", instance)?)
    }

    /// Refuses to go on on a host of another instance.
    ///
    /// # Errors
    ///
    /// A word of the owner's that is none.
    pub fn ours(&self) -> Result<Recipe, Refusal> {
        Ok(self.describe(Recipe::new("ours", ALL))?.block("host.ours", "host_ours"))
    }
}

/// Waits for the end of the machine's first boot, at most five minutes, and says whether it had errors.
pub fn first_boot() -> Recipe {
    Recipe::new("first-boot", &[FIRST_BOOT]).block("host.first-boot", "host_first_boot")
}

/// Gives the host back, after all else of bear's was removed.
pub(crate) fn release() -> Recipe {
    Recipe::new("host", ALL).block("host.released", "host_released")
}
