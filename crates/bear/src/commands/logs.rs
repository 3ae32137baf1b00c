//! `bear logs`: the log of the broker of an instance.

use std::io;
use std::time::Duration;

use bear_core::name::InstanceName;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::adapters::World;
use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::render::words::printable;
use crate::tail::Tail;

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(200);

/// The arguments of `bear logs`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogsArgs {
    /// The instance
    instance: String,
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// How many of its last lines to begin with
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: usize,
    #[command(flatten)]
    fleet: FleetOption,
}

pub(crate) async fn run(args: LogsArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (deployed, name) = Deployed::of_instance(&args.instance, args.fleet.fleet.as_deref(), context)?;
    let Some(recorded) = deployed.instance(&name) else { return Err(no_log(&name)) };
    let world = World::new(recorded.spec.provider, &deployed.folder, &context.environment)?;
    let path = world.local.log_path(&name);
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => no_log(&name),
        _ => Fault::io(ExitStatus::Failed, "read", &path, &error),
    };
    // From here on a Ctrl-C waits to be seen, and ends the command in its own way.
    let mut interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Fault::failed("bear::signals", "could not listen for signals").caused_by(&error))?;
    let mut log = Tail::open(&path, args.lines).map_err(fault)?;
    loop {
        while let Some(line) = log.line().map_err(fault)? {
            show(&line, &name, context);
        }
        if !args.follow {
            let rest = log.rest();
            if !rest.is_empty() {
                show(&rest, &name, context);
            }
        }
        if !args.follow || context.printer.is_closed() {
            return Ok(ExitStatus::Done);
        }
        tokio::select! {
            _ = interrupt.recv() => return Ok(ExitStatus::Interrupted),
            () = tokio::time::sleep(POLL) => log.catch_up().map_err(fault)?,
        }
    }
}

fn show(line: &str, instance: &InstanceName, context: &Context) {
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "instance": instance, "line": line }));
    } else {
        context.printer.data(printable(line));
    }
}

fn no_log(name: &InstanceName) -> Fault {
    Fault::failed("bear::logs::none", format!("the broker of `{name}` has written no log yet"))
        .with_help("`bear apply` finishes what is not installed")
}
