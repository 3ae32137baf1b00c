//! `bear destroy`: takes it all down.

use bear_core::event::Operation;
use bear_core::plan::StepKind;
use bear_engine::Store;
use bear_hosts::FirstContactRule;
use clap::Args;

use crate::args::{FleetArgs, LockArgs, OnlyArgs, RunArgs, YesArgs};
use crate::confirm::{confirm, refuse_without_terminal};
use crate::context::Context;
use crate::credentials::Wallet;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{self, Wanted};
use crate::runs::{self, Run};
use crate::world::World;

/// The arguments of `bear destroy`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
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
    if wanted.load()?.is_none_or(|state| state.instances.is_empty()) {
        return Ok(nothing_is_deployed(&wanted, context));
    }
    let mut store = runs::open(&wanted, &args.lock, context)?;
    if store.state().instances.is_empty() {
        return Ok(nothing_is_deployed(&wanted, context));
    }
    let deadline = runs::limits(&args.run).of(StepKind::Destroy).deadline;
    let ground = wanted.ground(&store.state().lineage);
    let world = World::new(ground, FirstContactRule::Refuse, Some(deadline), &context.environment)?;
    let observed = planning::observe(&world, store.state()).await?;
    let only = &args.only.only;
    let planned = planning::make(&wanted, &[], Some(store.state()), &observed, only, &context.environment)?;
    if !context.printer.json() {
        context.printer.data(context.printer.plan(&planned.plan));
    }
    let question = match planned.plan.changes.len() {
        1 => "Do you want to destroy this instance?".to_owned(),
        several => format!("Do you want to destroy these {several} instances?"),
    };
    if !confirm(&question, args.yes, context)? {
        return Ok(ExitStatus::Interrupted);
    }
    let run = Run {
        operation: Operation::Destroy,
        wanted: &wanted,
        plan: &planned.plan,
        opening: planned.opening(&wanted, None),
        adapters: world.adapters(Wallet::default()),
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
