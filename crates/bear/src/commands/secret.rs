//! `bear secret`: the secrets that bear has generated for a fleet.

use bear_engine::store::Secrets;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::similar::nearest;

/// The arguments of `bear secret`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    command: SecretCommand,
    #[command(flatten)]
    fleet: FleetOption,
}

#[derive(Clone, Debug, Subcommand)]
enum SecretCommand {
    /// List their names
    List,
    /// Print one of them
    Show {
        /// Its name, as `bear secret list` prints it
        name: String,
    },
}

pub(crate) fn run(args: &SecretArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let deployed = Deployed::of_file(args.fleet.fleet.as_deref(), context)?;
    let secrets = Secrets::of(&deployed.folder);
    match &args.command {
        SecretCommand::List => list(&secrets, &deployed, context)?,
        SecretCommand::Show { name } => show(name, &secrets, &deployed, context)?,
    }
    Ok(ExitStatus::Done)
}

fn list(secrets: &Secrets, deployed: &Deployed, context: &Context) -> Result<(), Fault> {
    let names = secrets.names()?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "fleet": deployed.fleet, "secrets": names }));
        return Ok(());
    }
    if names.is_empty() {
        context.printer.note(format_args!("no secret was generated for fleet `{}`", deployed.fleet));
    }
    for name in names {
        context.printer.data(name);
    }
    Ok(())
}

fn show(name: &str, secrets: &Secrets, deployed: &Deployed, context: &Context) -> Result<(), Fault> {
    let Some(secret) = secrets.get(name)? else {
        return Err(unknown(name, &secrets.names()?, deployed));
    };
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "name": name, "value": secret.expose() }));
    } else {
        context.printer.data(secret.expose());
    }
    Ok(())
}

fn unknown(name: &str, names: &[String], deployed: &Deployed) -> Fault {
    let message = format!("fleet `{}` has no generated secret `{name}`", deployed.fleet);
    let fault = Fault::input("bear::secret::unknown", message);
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => fault.with_help(format!("did you mean `{near}`?")),
        None => fault.with_help("`bear secret list` lists those there are"),
    }
}
