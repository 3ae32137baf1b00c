//! Brokers of this machine that run for a fleet and that nothing is recorded about.

use bear_core::fleet::model::ProviderKind;
use bear_core::state::v1::State;

use crate::context::Context;
use crate::fault::Fault;
use crate::planning::Wanted;
use crate::world;

/// Warns of brokers that run on although what was recorded about them is gone, and that this fleet file has no use for:
/// nobody else would ever speak of them. One that it wants is replaced when its instance is made.
pub(crate) fn warn(wanted: &Wanted, state: Option<&State>, context: &Context) -> Result<(), Fault> {
    if wanted.read.parsed.fleet.provider.kind() != ProviderKind::Local {
        return Ok(());
    }
    let is_wanted = |name: &str| wanted.instances.iter().any(|instance| instance.name.as_str() == name);
    let is_known = |name: &str| {
        state.is_some_and(|state| {
            is_wanted(name) || state.instances.keys().any(|instance| instance.as_str() == name)
        })
    };
    for (name, process) in world::local(&wanted.folder, &context.environment)?.strays(is_known)? {
        let pid = process.pid;
        context.printer.warn(format_args!(
            "process {pid} is a stray: it is the broker of {name}, and nothing is recorded about that; end it with \
             `kill {pid}`"
        ));
    }
    Ok(())
}
