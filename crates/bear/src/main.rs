//! `bear`: a fleet of proven MQTT brokers from one file.
//!
//! This crate turns arguments into core types, wires the adapters to the engine, renders what comes of it, and turns
//! every outcome into an exit status. What is to be done is decided elsewhere.

mod args;
mod commands;
mod confirm;
mod context;
mod credentials;
mod deployed;
mod diagnostic;
mod exit;
mod fault;
mod fleet_file;
mod health;
mod in_place;
mod lock;
mod planning;
mod printer;
mod project;
mod random;
mod records;
mod render;
mod runs;
mod screen;
mod similar;
mod strays;
mod tail;
#[cfg(test)]
mod told;
mod withheld;
mod world;

use std::env;
use std::ffi::OsString;
use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::commands::broker::{self, BrokerArgs};
use crate::commands::browser::{self, BrowserArgs};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::printer::Printer;

fn main() -> ExitCode {
    panic::set_hook(Box::new(|panic| printer::bug(&describe(panic))));
    let arguments = env::args_os().collect::<Vec<_>>();
    let status = match arguments.get(1) {
        Some(word) if word == broker::WORD => {
            BrokerArgs::try_parse_from(&arguments[1..]).map(|args| broker::run(&args))
        }
        Some(word) if word == browser::WORD => {
            BrowserArgs::try_parse_from(&arguments[1..]).map(|args| browser::run(&args))
        }
        _ => Cli::try_parse_from(&arguments).map(run),
    };
    status.unwrap_or_else(|error| usage(&error, &arguments)).into()
}

fn run(cli: Cli) -> ExitStatus {
    let context = Context::new(cli.global);
    let outcome = commands::run(cli.command, &context);
    finish(outcome, &context.printer)
}

/// The one place where an outcome becomes an exit status.
fn finish(outcome: Result<ExitStatus, Fault>, printer: &Printer) -> ExitStatus {
    let outcome = outcome.and_then(|status| match printer.unwritten() {
        Some(error) => Err(Fault::failed("bear::output", "could not write all of the output")
            .caused_by(error)
            .with_help("what was done is recorded: `bear status` shows it")),
        None => Ok(status),
    });
    outcome.unwrap_or_else(|fault| {
        printer.fault(&fault);
        fault.status()
    })
}

/// Help and version were asked for; everything else about the arguments is a mistake.
fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitStatus {
    let mistake = error.use_stderr();
    if mistake && arguments.iter().any(|argument| argument == "--json") {
        printer::mistake(error);
    } else {
        // Whoever asked for help and does not read it is not told so.
        let _ = error.print();
    }
    if mistake { ExitStatus::Input } else { ExitStatus::Done }
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let what = panic.payload_as_str().unwrap_or("it panicked");
    match panic.location() {
        Some(location) => format!("{what} ({}:{})", location.file(), location.line()),
        None => what.to_owned(),
    }
}
