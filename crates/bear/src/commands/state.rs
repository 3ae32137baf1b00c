//! `bear state`: what bear has recorded, and mending it by hand.

mod history;
mod remove;
mod show;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::{FleetOption, LockArgs, YesArgs};
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The arguments of `bear state`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum StateCommand {
    /// List the instances
    List(ListArgs),
    /// Show what is recorded about one instance, or about the fleet
    Show(ShowArgs),
    /// Forget an instance; its machine is left alone
    Rm(RemoveArgs),
    /// List the states that are kept
    History(ListArgs),
    /// Believe again what a kept state says
    Restore(RestoreArgs),
}

#[derive(Clone, Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    fleet: FleetOption,
}

#[derive(Clone, Debug, Args)]
struct ShowArgs {
    /// The instance
    instance: Option<String>,
    #[command(flatten)]
    fleet: FleetOption,
}

#[derive(Clone, Debug, Args)]
struct RemoveArgs {
    /// The instance
    instance: String,
    #[command(flatten)]
    fleet: FleetOption,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Clone, Debug, Args)]
struct RestoreArgs {
    /// The serial of the kept state, as `bear state history` lists it
    serial: u64,
    #[command(flatten)]
    fleet: FleetOption,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    lock: LockArgs,
}

pub(crate) fn run(args: &StateArgs, context: &Context) -> Result<ExitStatus, Fault> {
    match &args.command {
        StateCommand::List(args) => list(args, context),
        StateCommand::Show(args) => show::run(args, context),
        StateCommand::Rm(args) => remove::run(args, context),
        StateCommand::History(args) => history::list(args, context),
        StateCommand::Restore(args) => history::restore(args, context),
    }
}

fn list(args: &ListArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let deployed = Deployed::of_file(args.fleet.fleet.as_deref(), context)?;
    if context.printer.json() {
        let instances = deployed.instances().map(|(name, recorded)| {
            json!({ "name": name, "group": recorded.group, "phase": recorded.phase, "since": recorded.since })
        });
        context.printer.document(&json!({
            "version": 1,
            "fleet": deployed.fleet,
            "instances": instances.collect::<Vec<_>>(),
        }));
        return Ok(ExitStatus::Done);
    }
    if deployed.instances().next().is_none() {
        context.printer.note(format_args!("nothing of fleet `{}` is recorded", deployed.fleet));
    }
    // Nothing but names, so that other programs can take them as they are.
    for (name, _) in deployed.instances() {
        context.printer.data(name);
    }
    Ok(ExitStatus::Done)
}
