//! `bear logs`: the log of the broker of an instance.

use std::io;
use std::time::Duration;

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::reach;
use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::render::words::printable;
use crate::tail::Tail;
use crate::world;

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
    lines: u32,
    #[command(flatten)]
    fleet: FleetOption,
}

pub(crate) async fn run(args: LogsArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (deployed, name) = Deployed::of_instance(&args.instance, args.fleet.fleet.as_deref(), context)?;
    let recorded = deployed.instance(&name).ok_or_else(|| no_log(&name))?;
    // From here on a Ctrl-C waits to be seen, and ends the command in its own way.
    let interrupt = signal(SignalKind::interrupt())
        .map_err(|error| Fault::failed("bear::signals", "could not listen for signals").caused_by(&error))?;
    if reach::is_here(recorded) {
        of_file(&args, &deployed, &name, interrupt, context).await
    } else {
        of_host(&args, &deployed, (&name, recorded), interrupt, context).await
    }
}

/// The log of a broker that runs on this machine.
async fn of_file(
    args: &LogsArgs,
    deployed: &Deployed,
    name: &InstanceName,
    mut interrupt: Signal,
    context: &Context,
) -> Result<ExitStatus, Fault> {
    let path = world::local(&deployed.folder, &context.environment)?.log_path(name);
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => no_log(name),
        _ => Fault::io(ExitStatus::Failed, "read", &path, &error),
    };
    let lines = usize::try_from(args.lines).unwrap_or(usize::MAX);
    let mut log = Tail::open(&path, lines).map_err(fault)?;
    loop {
        while let Some(line) = log.line().map_err(fault)? {
            show(&line, name, context);
        }
        if !args.follow {
            let rest = log.rest();
            if !rest.is_empty() {
                show(&rest, name, context);
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

/// The log of a broker on a host.
async fn of_host(
    args: &LogsArgs,
    deployed: &Deployed,
    (name, recorded): (&InstanceName, &Recorded),
    mut interrupt: Signal,
    context: &Context,
) -> Result<ExitStatus, Fault> {
    if recorded.installed.is_none() {
        return Err(no_log(name));
    }
    let hosts = reach::hosts(deployed, context)?;
    let nobody_reads = Notify::new();
    let mut on_line = |line: &str| {
        show(line, name, context);
        if context.printer.is_closed() {
            nobody_reads.notify_one();
        }
    };
    let logs = hosts.logs(reach::place(name, recorded), args.lines, args.follow, &mut on_line);
    tokio::select! {
        ended = logs => ended.map(|()| ExitStatus::Done).map_err(Fault::from),
        () = nobody_reads.notified() => Ok(ExitStatus::Done),
        _ = interrupt.recv() => Ok(ExitStatus::Interrupted),
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
