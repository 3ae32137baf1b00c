//! The commands, one file each.

pub(crate) mod apply;
pub(crate) mod broker;
pub(crate) mod browser;
pub(crate) mod completions;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inventory;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod open;
pub(crate) mod plan;
mod reach;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod ssh;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod ui;
pub(crate) mod validate;
pub(crate) mod verify;

use crate::args::Command;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// Runs one command.
pub(crate) fn run(command: Command, context: &Context) -> Result<ExitStatus, Fault> {
    match command {
        Command::Init(args) => init::run(&args, context),
        Command::Validate(args) => validate::run(&args, context),
        Command::Plan(args) => on_runtime(plan::run(args, context)),
        Command::Apply(args) => on_runtime(apply::run(args, context)),
        Command::Destroy(args) => on_runtime(destroy::run(args, context)),
        Command::Import(args) => on_runtime(import::run(args, context)),
        Command::Ui(args) => ui::run(&args, context),
        Command::Status(args) => on_runtime(status::run(args, context)),
        Command::Verify(args) => on_runtime(verify::run(args, context)),
        Command::Ssh(args) => ssh::run(&args, context),
        Command::Open(args) => on_runtime(open::run(args, context)),
        Command::Logs(args) => on_runtime(logs::run(args, context)),
        Command::Inventory(args) => on_runtime(inventory::run(args, context)),
        Command::Graph(args) => graph::run(&args, context),
        Command::Report(args) => report::run(&args, context),
        Command::State(args) => state::run(&args, context),
        Command::Secret(args) => secret::run(&args, context),
        Command::Doctor(args) => on_runtime(doctor::run(args, context)),
        Command::Schema => Ok(schema::run(context)),
        Command::Completions(args) => Ok(completions::run(&args, context)),
        Command::Man(args) => man::run(&args, context),
    }
}

/// The most threads that carry out a command, beside the one that decides and records.
const WORKERS_MAX: usize = 4;

fn on_runtime<T>(command: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    // A worker mostly waits for hosts and brokers, and waking a second one for the next answer takes longer than hearing
    // it: with one for each of two processors, an apply to ten hosts took 0.70 s in the place of 0.66 s. Ten brokers on this
    // machine take about a tenth longer for it.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = (processors / 2).clamp(1, WORKERS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = runtime.map_err(|error| Fault::no_thread(&error))?;
    let outcome = runtime.block_on(command);
    // A thread that is stuck in a slow system call must not hold up the end.
    runtime.shutdown_background();
    outcome
}
