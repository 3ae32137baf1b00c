//! `bear __broker`: one embedded broker. The `local` provider starts it, people don't.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::ExitStatus;

/// The word that asks for a broker. It is no command: people neither need it nor see it.
pub(crate) const WORD: &str = "__broker";

/// Run one embedded broker
#[derive(Clone, Debug, Parser)]
#[command(name = "bear __broker")]
pub(crate) struct BrokerArgs {
    /// What to run
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
}

/// Runs the broker until it is told to stop. Its standard error is its log, so faults go there as a line of it.
pub(crate) fn run(args: &BrokerArgs) -> ExitStatus {
    log_to_stderr();
    match bear_broker::run(&args.spec) {
        Ok(()) => ExitStatus::Done,
        Err(error) => {
            tracing::error!("{}", reasons(&error).join(": "));
            ExitStatus::Failed
        }
    }
}

fn reasons(error: &dyn Error) -> Vec<String> {
    let behind = error.source().map(reasons).unwrap_or_default();
    std::iter::once(error.to_string()).chain(behind).collect()
}

fn log_to_stderr() {
    let asked_for = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = asked_for.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
