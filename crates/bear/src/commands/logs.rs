//! `bear logs`: the log of the broker of an instance.

use std::io;
use std::time::Duration;

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
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
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Fault::no_signals(&error))?;
    let nobody_reads = Notify::new();
    let mut on_line = |line: &str| {
        show(line, &name, context);
        if context.printer.is_closed() {
            nobody_reads.notify_one();
        }
    };
    let wanted = Wanted { lines: args.lines, follow: args.follow };
    tokio::select! {
        // A log that nobody reads any more is not read to its end.
        biased;
        () = nobody_reads.notified() => Ok(ExitStatus::Done),
        _ = interrupt.recv() => Ok(ExitStatus::Interrupted),
        ended = read(&wanted, &deployed, (&name, recorded), &mut on_line, context) => {
            ended.map(|()| ExitStatus::Done)
        }
    }
}

/// How much of a log is wanted.
pub(crate) struct Wanted {
    /// How many of its last lines to begin with.
    pub(crate) lines: u32,
    /// Whether to go on with what is written from now on, without an end.
    pub(crate) follow: bool,
}

/// Reads the log of the broker of an instance, line by line.
pub(crate) async fn read(
    wanted: &Wanted,
    deployed: &Deployed,
    (name, recorded): (&InstanceName, &Recorded),
    on_line: &mut (dyn FnMut(&str) + Send),
    context: &Context,
) -> Result<(), Fault> {
    if reach::is_here(recorded) {
        return of_file(wanted, deployed, name, on_line, context).await;
    }
    if recorded.installed.is_none() {
        return Err(no_log(name));
    }
    let hosts = reach::hosts(deployed, context)?;
    Ok(hosts.logs(reach::place(name, recorded), wanted.lines, wanted.follow, on_line).await?)
}

/// The log of a broker that runs on this machine.
async fn of_file(
    wanted: &Wanted,
    deployed: &Deployed,
    name: &InstanceName,
    on_line: &mut (dyn FnMut(&str) + Send),
    context: &Context,
) -> Result<(), Fault> {
    let path = world::local(&deployed.folder, &context.environment)?.log_path(name);
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => no_log(name),
        _ => Fault::io(ExitStatus::Failed, "read", &path, &error),
    };
    let lines = usize::try_from(wanted.lines).unwrap_or(usize::MAX);
    let mut log = Tail::open(&path, lines).map_err(fault)?;
    loop {
        while let Some(line) = log.line().map_err(fault)? {
            on_line(&line);
            // Whoever waits for something else meanwhile is given the chance to see it.
            tokio::task::yield_now().await;
        }
        if !wanted.follow {
            let rest = log.rest();
            if !rest.is_empty() {
                on_line(&rest);
            }
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
        log.catch_up().map_err(fault)?;
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
