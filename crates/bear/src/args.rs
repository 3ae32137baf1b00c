//! The command line: every command, every flag. The help texts are the doc comments.

use std::path::PathBuf;

use bear_core::unit::Seconds;
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    apply, completions, destroy, doctor, graph, import, init, inventory, logs, man, open, plan, report,
    secret, ssh, state, status, ui, validate, verify,
};

/// A fleet of proven MQTT brokers from one file
#[derive(Debug, Parser)]
#[command(name = "bear", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct GlobalArgs {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only results, warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more of what happens
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Print without colours; so does a `NO_COLOR` in the environment
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a new fleet file
    Init(init::InitArgs),
    /// Check a fleet file, and touch nothing else
    Validate(validate::ValidateArgs),
    /// Show what would change and why, and record the plan
    Plan(plan::PlanArgs),
    /// Make it so
    Apply(apply::ApplyArgs),
    /// Take it all down
    Destroy(destroy::DestroyArgs),
    /// Make a machine part of a fleet that somebody else made
    Import(import::ImportArgs),
    /// Manage it all on the whole screen, with live status
    Ui(ui::UiArgs),
    /// Show what is deployed, and how it is doing
    Status(status::StatusArgs),
    /// Prove every broker again, now
    Verify(verify::VerifyArgs),
    /// Open a shell on an instance, or run a command on one or several
    Ssh(ssh::SshArgs),
    /// Open the dashboard of an instance in the browser
    Open(open::OpenArgs),
    /// Show the log of the broker of an instance
    Logs(logs::LogsArgs),
    /// List the instances for other programs
    Inventory(inventory::InventoryArgs),
    /// Draw the plan as a graph
    Graph(graph::GraphArgs),
    /// Make a page about a run that is over
    Report(report::ReportArgs),
    /// Look at what bear has recorded, and mend it
    State(state::StateArgs),
    /// Show the secrets that bear has generated
    Secret(secret::SecretArgs),
    /// Check that everything is there that bear needs
    Doctor(doctor::DoctorArgs),
    /// Print the JSON Schema of fleet files, for editors
    Schema,
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(man::ManArgs),
}

/// Which fleet a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct FleetArgs {
    /// The fleet file [default: `BEAR_FLEET`, else the fleet planned last, else the only file in `fleets/`]
    #[arg(value_name = "FLEET")]
    pub(crate) fleet: Option<PathBuf>,
}

/// Which fleet a command is about, where its positional arguments are about something else.
#[derive(Clone, Debug, Args)]
pub(crate) struct FleetOption {
    /// The fleet file [default: `BEAR_FLEET`, else the fleet planned last, else the only file in `fleets/`]
    #[arg(long, value_name = "FLEET")]
    pub(crate) fleet: Option<PathBuf>,
}

/// Which part of a fleet a command is about.
#[derive(Clone, Debug, Args)]
pub(crate) struct OnlyArgs {
    /// Only this instance or group; may be given several times
    #[arg(long, value_name = "INSTANCE|GROUP")]
    pub(crate) only: Vec<String>,
}

/// Which machines are to be other ones.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReplaceArgs {
    /// Replace the machine of this instance, or those of this group, though nothing else asks for it; may be given
    /// several times
    #[arg(long, value_name = "INSTANCE|GROUP")]
    pub(crate) replace: Vec<String>,
}

/// How a run goes about its steps.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// How many steps of one kind run at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) parallelism: Option<u16>,
    /// How long one try of a step may take, such as `90s` or `5m`
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<Seconds>,
    /// Write a page about the run to this file
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
}

/// How much of a fleet may go without another question.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct TollArgs {
    /// How many percent of the fleet's machines may be destroyed or replaced without typing the name of the fleet
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = percent)]
    pub(crate) max_destroy: u8,
}

/// A share such as `50` or `50%`.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.parse() {
        Ok(percent @ 0..=100) => Ok(percent),
        _ => Err("a share is a number from 0 to 100, such as `50%`".to_owned()),
    }
}

/// How long to wait while another bear works on the same fleet.
#[derive(Clone, Debug, Args)]
pub(crate) struct LockArgs {
    /// How long to wait for the lock of the fleet, such as `30s`
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) lock_wait: Seconds,
}

/// Whether to ask.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct YesArgs {
    /// Go ahead without asking
    #[arg(short, long, visible_alias = "auto-approve")]
    pub(crate) yes: bool,
}
