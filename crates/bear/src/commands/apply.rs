//! `bear apply`: makes it so.

use bear_core::diff::{Action, Toll};
use bear_core::draft::Planned;
use bear_core::event::Operation;
use bear_core::fleet::model::ProviderKind;
use bear_core::observed::Observed;
use bear_core::plan::{Plan, RecordedPlan, StepKind};
use bear_core::state::v1::{FoundationPhase, Phase, State};
use bear_engine::store::Secrets;
use bear_engine::{Clock, Store, SystemClock};
use bear_hosts::FirstContactRule;
use clap::Args;

use crate::args::{FleetArgs, LockArgs, OnlyArgs, ReplaceArgs, RunArgs, TollArgs, YesArgs};
use crate::confirm::{confirm_toll, refuse_without_terminal};
use crate::context::Context;
use crate::credentials::Wallet;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::{self, Wanted};
use crate::runs::{self, Run};
use crate::strays;
use crate::world::{self, World};

/// The arguments of `bear apply`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    #[command(flatten)]
    pub(crate) only: OnlyArgs,
    #[command(flatten)]
    pub(crate) replace: ReplaceArgs,
    #[command(flatten)]
    pub(crate) toll: TollArgs,
    #[command(flatten)]
    pub(crate) yes: YesArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Trust the keys of hosts that were never met before; a key that has changed is refused nonetheless
    #[arg(long)]
    pub(crate) accept_new_host_keys: bool,
}

pub(crate) async fn run(args: ApplyArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    refuse_without_terminal(args.yes, context)?;
    world::refuse_not_built(wanted.read.parsed.fleet.provider.kind())?;
    wanted.check_ports(&context.environment)?;
    let mut store = runs::open(&wanted, &args.lock, context)?;
    strays::warn(&wanted, Some(store.state()), context)?;
    // One world for all of it: what looks at a host and what changes it share a connection.
    let world = world_of(&wanted, store.state(), &args, context)?;
    let observed = planning::observe(&world, store.state(), context).await?;
    let (planned, used) = if let Some(recorded) = recorded(&wanted, &args, store.state(), context)? {
        exactly(&recorded, &wanted, store.state(), &observed, context)?
    } else {
        let replace = wanted.named(&args.replace.replace)?;
        let goal = wanted.goal(&replace);
        (planning::make(&wanted, &goal, Some(store.state()), &observed, &args.only.only)?, None)
    };
    if !context.printer.json() {
        context.printer.plan(&planned.plan);
    }
    if planned.plan.is_empty() {
        runs::nothing_to_do(Operation::Apply, context);
        return Ok(ExitStatus::Done);
    }
    let toll = Toll::of(&planned.plan.changes, store.state());
    if !confirm_toll(wanted.name(), toll, &question(&planned.plan), (args.yes, args.toll), context)? {
        return Ok(ExitStatus::Interrupted);
    }
    if !args.accept_new_host_keys {
        world::greet(&world, &planned.plan, context).await?;
    }
    let secrets = Secrets::of(&wanted.folder);
    let wallet = Wallet::open(specs(&planned.plan), &world.source(), &secrets, true)?;
    check_files(&world, &planned.plan)?;
    let run = Run {
        operation: Operation::Apply,
        wanted: &wanted,
        plan: &planned.plan,
        opening: planned.opening(SystemClock.now(), wanted.file_name(), used),
        world: &world,
        wallet,
        args: &args.run,
    };
    let summary = runs::carry_out(run, &mut store, context).await?;
    runs::conclude(&wanted, Operation::Apply, &summary, store.state(), context);
    Ok(runs::status(&summary))
}

/// Refuses files that the plan needs and that can't be read, such as certificates, before anything is begun.
fn check_files(world: &World, plan: &Plan) -> Result<(), Fault> {
    for spec in specs(plan).filter(|spec| spec.provider != ProviderKind::Local) {
        if let Err(error) = world.hosts.refuse(None, spec) {
            let fault = Fault::input(error.code, error.message);
            return Err(error.help.into_iter().fold(fault, Fault::with_help));
        }
    }
    Ok(())
}

/// The world that the fleet file speaks of.
fn world_of(wanted: &Wanted, state: &State, args: &ApplyArgs, context: &Context) -> Result<World, Fault> {
    if wanted.foundation.is_some() {
        world::draw_host_key_secret(&Secrets::of(&wanted.folder))?;
    }
    let first_contact =
        if args.accept_new_host_keys { FirstContactRule::Accept } else { FirstContactRule::Refuse };
    let deadline =
        runs::limits(&args.run, wanted.read.parsed.fleet.provider.kind()).of(StepKind::Install).deadline;
    let world = World::new(&wanted.ground(state), first_contact, Some(deadline), &context.environment)?;
    Ok(world.reserving(&wanted.read.parsed.fleet, state))
}

/// The plan that `bear plan` recorded, where it is what is to be run: neither a file nor a part of the fleet is named.
fn recorded(
    wanted: &Wanted,
    args: &ApplyArgs,
    state: &State,
    context: &Context,
) -> Result<Option<RecordedPlan>, Fault> {
    if args.fleet.fleet.is_some() || !args.only.only.is_empty() || !args.replace.replace.is_empty() {
        return Ok(None);
    }
    let recorded = wanted.folder.read_plan(env!("CARGO_PKG_VERSION"))?;
    // A plan without changes leaves nothing to run exactly, so what has changed since is planned.
    let Some(recorded) = recorded.filter(|recorded| !recorded.is_empty()) else { return Ok(None) };
    if state.used_plans.contains(&recorded.id) {
        if !came_true(&recorded.plan()?, state) {
            context
                .printer
                .note("the recorded plan was begun and did not come to its end, so this is a new plan");
            return Ok(None);
        }
        return Err(Fault::input(
            "bear::plan::used",
            "the recorded plan was applied already, and a plan is used once",
        )
        .with_help(format!("run `bear plan` again, or `bear apply {}`", wanted.file.shown)));
    }
    Ok(Some(recorded))
}

/// Whether what a plan was to do is recorded as done. After a crash or a failure it is not, and to go on from there
/// must take no more than the same command again.
fn came_true(plan: &Plan, state: &State) -> bool {
    let foundations = plan.foundations.iter().all(|change| match state.foundations.get(&change.region) {
        Some(recorded) => {
            recorded.phase == FoundationPhase::Laid
                && change.foundation.as_deref() == Some(&recorded.foundation)
        }
        None => change.action == Action::Destroy,
    });
    foundations
        && plan.changes.iter().all(|change| match state.instances.get(&change.instance) {
            Some(recorded) => change.action != Action::Destroy && recorded.phase == Phase::Verified,
            None => change.action == Action::Destroy,
        })
}

/// The recorded plan, if it would still be made the same; else the plan that is made now. With the former comes its
/// id, since it is used up.
fn exactly(
    recorded: &RecordedPlan,
    wanted: &Wanted,
    state: &State,
    observed: &Observed,
    context: &Context,
) -> Result<(Planned, Option<String>), Fault> {
    let Plan { changes, foundations, .. } = recorded.plan()?;
    if recorded.digest == wanted.read.digest {
        let only = changes.iter().map(|change| change.instance.to_string()).collect::<Vec<_>>();
        // An instance that is gone from file and state alike has no name here any more.
        let asked_for = changes.iter().filter(|change| change.is_asked_for());
        let replace = asked_for.map(|change| change.instance.clone()).collect::<Vec<_>>();
        if let Ok(planned) = planning::make(wanted, &wanted.goal(&replace), Some(state), observed, &only)
            && planned.plan.changes == changes
            && planned.plan.foundations == foundations
        {
            return Ok((planned, Some(recorded.id.clone())));
        }
        context.printer.warn("the instances have changed since the plan was recorded, so this is a new plan");
    } else {
        context.printer.warn("the fleet file has changed since the plan was recorded, so this is a new plan");
    }
    Ok((planning::make(wanted, &wanted.goal(&[]), Some(state), observed, &[])?, None))
}

fn question(plan: &Plan) -> String {
    let summary = plan.summary();
    let destroyed = summary.destroy + summary.replace;
    match destroyed {
        0 => "Do you want to apply this plan?".to_owned(),
        1 => "Do you want to apply this plan, and destroy 1 machine?".to_owned(),
        several => format!("Do you want to apply this plan, and destroy {several} machines?"),
    }
}

/// What the brokers shall be that the plan installs or proves.
fn specs(plan: &Plan) -> impl Iterator<Item = &bear_core::fleet::Spec> {
    let steps = plan.steps.node_weights().filter(|step| step.kind == StepKind::Verify);
    steps.filter_map(|step| step.spec.as_deref())
}
