//! `bear plan`: shows what would change and why, and records the plan.

use bear_core::draft::Planned;
use bear_core::plan::{Origin, RecordedPlan, document};
use bear_engine::{Clock, SystemClock};
use clap::{Args, ValueEnum};

use crate::args::{FleetArgs, OnlyArgs, ReplaceArgs};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{self, Wanted, observe_deployed};
use crate::random::random_id;
use crate::render::markdown::markdown;

/// The arguments of `bear plan`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    /// Do not look at what is deployed; go by what is recorded
    #[arg(long)]
    pub(crate) offline: bool,
    /// Exit with status 2 where changes are pending
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// How to show the plan
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    pub(crate) format: Format,
}

/// How a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Text,
    /// For a comment on a pull request
    Markdown,
}

pub(crate) async fn run(args: PlanArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    let planned = planned(&wanted, &args, context).await?;
    record(&wanted, &planned)?;
    if context.printer.json() {
        context.printer.document(&document(&planned.plan));
    } else if args.format == Format::Markdown {
        context.printer.data(markdown(&planned.plan));
    } else {
        context.printer.plan(&planned.plan);
    }
    let pending = args.detailed_exitcode && !planned.plan.is_empty();
    Ok(if pending { ExitStatus::Pending } else { ExitStatus::Done })
}

async fn planned(wanted: &Wanted, args: &PlanArgs, context: &Context) -> Result<Planned, Fault> {
    let loaded = wanted.load()?;
    let state = loaded.as_ref();
    let observed = observe_deployed(wanted, state, args.offline, context).await?;
    if !args.offline {
        wanted.check_ports(&context.environment)?;
    }
    let replace = wanted.named(&args.replace.replace)?;
    planning::make(wanted, &wanted.goal(&replace), state, &observed, &args.only.only)
}

/// Records the plan, for `bear apply` to run exactly this.
fn record(wanted: &Wanted, planned: &Planned) -> Result<(), Fault> {
    let origin = Origin {
        bear: env!("CARGO_PKG_VERSION").to_owned(),
        id: random_id()?,
        at: SystemClock.now(),
        file: wanted.file_name(),
        digest: wanted.read.digest.clone(),
    };
    wanted.folder.write_plan(&RecordedPlan::new(&planned.plan, planned.generation, origin))?;
    Ok(())
}
