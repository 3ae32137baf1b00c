//! `bear validate`: checks a fleet file, and touches nothing else.

use bear_core::fleet::Parsed;
use clap::Args;
use serde_json::json;

use crate::args::FleetArgs;
use crate::context::Context;
use crate::diagnostic;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::render::words::count;

/// The arguments of `bear validate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    fleet: FleetArgs,
}

pub(crate) fn run(args: &ValidateArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let file = FleetFile::find(args.fleet.fleet.as_deref(), context)?;
    let Parsed { fleet, warnings, .. } = file.read()?.parsed;
    let instances =
        fleet.instances().map_err(|error| Fault::input("bear::fleet::name", error.to_string()))?.len();
    if context.printer.json() {
        context.printer.document(&json!({
            "version": 1,
            "valid": true,
            "file": file.shown,
            "fleet": fleet.name,
            "instances": instances,
            "groups": fleet.groups.len(),
            "warnings": warnings.iter().map(diagnostic::document).collect::<Vec<_>>(),
        }));
        return Ok(ExitStatus::Done);
    }
    for warning in &warnings {
        context.printer.problem(warning);
    }
    context.printer.data(format_args!(
        "{} is valid: fleet `{}`, {} in {}",
        file.shown,
        fleet.name,
        count(instances, "instance"),
        count(fleet.groups.len(), "group"),
    ));
    Ok(ExitStatus::Done)
}
