//! What the provider is told about a fleet, and how it tells what it waits for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bear_core::fleet::Foundation;
use bear_core::name::FleetName;

/// What holds for all that a fleet has in one region.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The fleet.
    pub fleet: FleetName,
    /// The lineage of its state: all that is made is marked with it, so that no two fleets take the same machine.
    pub lineage: String,
    /// What the machines share. To take a fleet down, that which is recorded.
    pub foundation: Foundation,
    /// What the operator's `.pub` file holds, such as `ssh-ed25519 AAAA… me@here`; none where a key pair is named.
    pub public_key: Option<String>,
    /// What the first host keys of the machines are made from.
    pub host_key_secret: HostKeySecret,
    /// Who is told what is being waited for.
    pub notify: Notify,
}

/// What the first host keys of a fleet's machines are made from: random, drawn once for a fleet, kept with its secrets.
#[derive(Clone)]
pub struct HostKeySecret(Box<str>);

impl HostKeySecret {
    /// Takes a random text; it should have at least 128 bits, such as 32 hexadecimal digits.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for HostKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKeySecret(..)")
    }
}

/// Who is told what is being waited for. Called from any task, so it must not block.
#[derive(Clone)]
pub struct Notify(Arc<dyn Fn(&Notice) + Send + Sync>);

impl Notify {
    /// Calls `told` with every notice.
    pub fn new(told: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.0)(notice);
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify(..)")
    }
}

/// Something that keeps the provider waiting, and that it does not give up for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// EC2 gets more requests than it takes from this account.
    Throttled {
        /// The action that it refused, such as `RunInstances`.
        action: &'static str,
        /// How long until the next try.
        wait: Duration,
    },
    /// A request had no answer, or one that makes no sense.
    NoAnswer {
        /// The action, such as `RunInstances`.
        action: &'static str,
        /// What came instead.
        why: String,
        /// How long until the next try.
        wait: Duration,
    },
    /// A zone has no room for the machines, and the next is tried.
    ZoneFull {
        /// The zone, such as `eu-west-3a`.
        zone: String,
        /// What it has no room for, such as `t3.small`.
        kind: String,
    },
    /// What was made is not found yet: EC2 tells of new things a little late.
    NotYetSeen {
        /// What, such as `the machines of an earlier launch`.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled { action, wait } => {
                write!(f, "EC2 asks to slow down ({action}): next request in {:.1} s", wait.as_secs_f64())
            }
            Self::NoAnswer { action, why, wait } => {
                write!(f, "no answer from EC2 to {action} ({why}): next try in {:.1} s", wait.as_secs_f64())
            }
            Self::ZoneFull { zone, kind } => write!(f, "{zone} has no room for {kind}: trying the next zone"),
            Self::NotYetSeen { what } => write!(f, "EC2 does not show {what} yet: looking again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_never_shown() {
        assert_eq!(format!("{:?}", HostKeySecret::new("s3cret")), "HostKeySecret(..)");
    }
}
