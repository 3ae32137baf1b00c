//! `bear inventory`: the instances that are installed, for other programs.

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::args::{FleetArgs, OnlyArgs};
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The arguments of `bear inventory`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InventoryArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    only: OnlyArgs,
    /// How to list them
    #[arg(long, value_enum, default_value_t = Format::Ips)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The address of each, one a line
    Ips,
    /// Everything that is recorded about how to reach each
    Json,
}

pub(crate) fn run(args: &InventoryArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let deployed = Deployed::of_file(args.fleet.fleet.as_deref(), context)?;
    let instances = deployed.only(&args.only.only)?;
    if args.format == Format::Json || context.printer.json() {
        context.printer.document(&json!({
            "version": 1,
            "fleet": deployed.fleet,
            "instances": instances.iter().filter_map(|&(name, recorded)| item(name, recorded)).collect::<Vec<_>>(),
        }));
        return Ok(ExitStatus::Done);
    }
    for (_, recorded) in instances {
        if let (Some(machine), Some(_)) = (&recorded.machine, &recorded.installed) {
            context.printer.data(&machine.address);
        }
    }
    Ok(ExitStatus::Done)
}

/// One instance as programs read it; none before its broker is installed.
fn item(name: &InstanceName, recorded: &Recorded) -> Option<Value> {
    let (machine, installed) = (recorded.machine.as_ref()?, recorded.installed.as_ref()?);
    Some(json!({
        "name": name,
        "group": recorded.group,
        "provider": recorded.spec.provider,
        "machine_id": machine.id,
        "address": machine.address,
        "ports": installed.ports,
        "broker": recorded.spec.broker.as_str(),
        "broker_version": installed.version,
    }))
}
