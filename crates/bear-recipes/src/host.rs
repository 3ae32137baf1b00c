//! What every host must be before anything is put on it, and whose it is.

use crate::recipe::Recipe;
use crate::shell::NulByte;

pub(crate) const CODE: &str = include_str!("sh/host.sh");

/// A host as a fleet claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Who claims it: the fleet's name and lineage, in one line. A host belongs to one fleet at a time.
    pub owner: String,
    /// The time right now, in seconds since 1970, to compare the host's clock with.
    pub now: u64,
}

impl Host {
    /// Claims the host: it is Debian or Ubuntu, has ended its first boot, knows the time, and is no other fleet's.
    ///
    /// # Errors
    ///
    /// The owner holds a NUL byte.
    pub fn claim(&self) -> Result<Recipe, NulByte> {
        Ok(Recipe::new("host", &[CODE])
            .set("host_owner", &self.owner)?
            .set("host_now", &self.now.to_string())?
            .block("host.system", "host_system")
            .block("host.first-boot", "host_first_boot")
            .block("host.clock", "host_clock")
            .block("host.owner", "host_owner"))
    }

    /// Gives the host back, after all else of bear's was removed.
    ///
    /// # Errors
    ///
    /// The owner holds a NUL byte.
    pub fn release(&self) -> Result<Recipe, NulByte> {
        Ok(Recipe::new("host", &[CODE])
            .set("host_owner", &self.owner)?
            .block("host.released", "host_released"))
    }
}
