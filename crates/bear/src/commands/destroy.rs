//! `bear destroy`: takes it all down.

use bear_core::diff::{Goal, Toll};
use bear_core::event::Operation;
use bear_core::plan::StepKind;
use bear_engine::{Clock, Store, SystemClock};
use bear_hosts::FirstContactRule;
use clap::Args;

use crate::args::{FleetArgs, LockArgs, OnlyArgs, RunArgs, TollArgs, YesArgs};
use crate::confirm::{confirm_toll, refuse_without_terminal};
use crate::context::Context;
use crate::credentials::Wallet;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{self, Wanted};
use crate::runs::{self, Run};
use crate::strays;
use crate::world::World;

/// The arguments of `bear destroy`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) toll: TollArgs,
    #[command(flatten)]
    pub(crate) yes: YesArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

pub(crate) async fn run(args: DestroyArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    refuse_without_terminal(args.yes, context)?;
    if wanted.load()?.is_none() {
        strays::warn(&wanted, None, context)?;
        return Ok(nothing_is_deployed(&wanted, context));
    }
    // Even where nothing is deployed: a run that was killed over its last record may have left something to tidy up.
    let mut store = runs::open(&wanted, &args.lock, context)?;
    if store.state().is_empty() {
        return Ok(nothing_is_deployed(&wanted, context));
    }
    let deadline =
        runs::limits(&args.run, wanted.read.parsed.fleet.provider.kind()).of(StepKind::Destroy).deadline;
    let world = World::new(
        &wanted.ground(store.state()),
        FirstContactRule::Refuse,
        Some(deadline),
        &context.environment,
    )?;
    let observed = planning::observe(&world, store.state(), context).await?;
    let only = &args.only.only;
    let planned = planning::make(&wanted, &Goal::default(), Some(store.state()), &observed, only)?;
    if !context.printer.json() {
        context.printer.plan(&planned.plan);
    }
    let question = match planned.plan.changes.len() {
        0 => "Do you want to destroy what the instances shared?".to_owned(),
        1 => "Do you want to destroy this instance?".to_owned(),
        several => format!("Do you want to destroy these {several} instances?"),
    };
    let toll = Toll::of(&planned.plan.changes, store.state());
    // Whoever writes `destroy --yes` means all of it.
    let limit = if args.yes.yes { TollArgs { max_destroy: 100 } } else { args.toll };
    if !confirm_toll(wanted.name(), toll, &question, (args.yes, limit), context)? {
        return Ok(ExitStatus::Interrupted);
    }
    let run = Run {
        operation: Operation::Destroy,
        wanted: &wanted,
        plan: &planned.plan,
        opening: planned.opening(SystemClock.now(), wanted.file_name(), None),
        world: &world,
        wallet: Wallet::default(),
        args: &args.run,
    };
    let summary = runs::carry_out(run, &mut store, context).await?;
    runs::conclude(&wanted, Operation::Destroy, &summary, store.state(), context);
    Ok(runs::status(&summary))
}

fn nothing_is_deployed(wanted: &Wanted, context: &Context) -> ExitStatus {
    runs::nothing_to_do(Operation::Destroy, context);
    context.printer.note(format_args!("nothing of the fleet `{}` is deployed", wanted.name()));
    ExitStatus::Done
}
