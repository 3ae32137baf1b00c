//! Reaching the machines of a fleet through SSH, for the commands that look at one or at several of them.

use bear_core::fleet::model::ProviderKind;
use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use bear_hosts::{Hosts, Place};

use crate::context::Context;
use crate::deployed::Deployed;
use crate::fault::Fault;

/// The machines of a fleet. One whose key is not known is refused: that is for `bear apply` to settle.
pub(super) fn hosts(deployed: &Deployed, context: &Context) -> Result<Hosts, Fault> {
    let world = deployed.world(&context.environment)?.ok_or_else(|| nothing(deployed))?;
    Ok(world.hosts)
}

/// There is no instance to reach.
pub(super) fn nothing(deployed: &Deployed) -> Fault {
    Fault::input("bear::instance::none", format!("nothing of fleet `{}` is deployed", deployed.fleet))
        .with_help("`bear apply` deploys it")
}

/// Where an instance is.
pub(super) fn place<'a>(instance: &'a InstanceName, recorded: &'a Recorded) -> Place<'a> {
    Place { instance, spec: &recorded.spec, machine: recorded.machine.as_ref() }
}

/// Whether an instance is this machine itself, where there is nothing to log in to.
pub(super) fn is_here(recorded: &Recorded) -> bool {
    recorded.spec.provider == ProviderKind::Local
}
