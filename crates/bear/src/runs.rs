//! Runs: what `apply`, `destroy` and `verify` do once they have a plan. The lock, the signals, the report, the end.

use std::sync::Arc;

use bear_core::event::{Event, Operation, Summary, VERSION, What};
use bear_core::fleet::model::ProviderKind;
use bear_core::plan::Plan;
use bear_core::progress::Progress;
use bear_core::state::v1::{Record, State};
use bear_engine::store::FileStore;
use bear_engine::{Clock, Limits, Stop, Store, SystemClock};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::{LockArgs, RunArgs};
use crate::commands;
use crate::context::Context;
use crate::credentials::Wallet;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::lock;
use crate::planning::Wanted;
use crate::random::random_id;
use crate::records::{self, Recorder};
use crate::render::report::{self, Manner, Reporter};
use crate::render::{next, results};
use crate::world::World;

/// A plan to carry out.
pub(crate) struct Run<'a> {
    pub(crate) operation: Operation,
    pub(crate) wanted: &'a Wanted,
    pub(crate) plan: &'a Plan,
    pub(crate) opening: Vec<Record>,
    pub(crate) world: &'a World,
    pub(crate) wallet: Wallet,
    pub(crate) args: &'a RunArgs,
}

/// Takes the fleet's lock and opens its store; says what a crash left behind.
pub(crate) fn open(wanted: &Wanted, args: &LockArgs, context: &Context) -> Result<FileStore, Fault> {
    let lock = lock::take(&wanted.folder, args, context)?;
    let lineage = random_id()?;
    let mut store = FileStore::open(lock, wanted.name(), || lineage)?;
    wanted.file.refuse_second(store.state())?;
    if let Some(recovery) = store.recovered() {
        let torn = match recovery.torn_bytes {
            0 => String::new(),
            bytes => format!(", and {bytes} bytes of one that was never finished were cut off"),
        };
        context.printer.note(format_args!(
            "the last run did not come to its end: {} of its records were recovered{torn}",
            recovery.entries
        ));
        // Where there turns out to be nothing to do, no run does this, and the next bear would say all of it again.
        store.fold()?;
    }
    Ok(store)
}

/// Carries out a plan, and reports it as it goes.
pub(crate) async fn carry_out(
    run: Run<'_>,
    store: &mut dyn Store,
    context: &Context,
) -> Result<Summary, Fault> {
    // Before its own record begins: what is wanted is the pace of the run before.
    let mut reporter = reporter(&run, context);
    let mut recorder = recorder(&run, context)?;
    let adapters = run.world.adapters(run.wallet);
    let limits = limits(run.args, run.wanted.read.parsed.fleet.provider.kind());
    let engine = bear_engine::Run {
        plan: run.plan,
        operation: run.operation,
        opening: run.opening,
        adapters: &adapters,
        limits: &limits,
        clock: &SystemClock,
        stop: stop_when_asked(context)?,
        notices: run.world.notices(),
    };
    let mut tell = |event: &Event| {
        reporter.event(event);
        if let Some(recorder) = &mut recorder {
            recorder.event(event);
        }
    };
    let summary = bear_engine::run(engine, store, &mut tell).await;
    let told = reporter.finish();
    let page = recorder.map_or(Ok(()), |recorder| report_on(recorder, run.args, context));
    let summary = summary?;
    told.map_err(|error| {
        Fault::failed("bear::output", "could not write all of the output")
            .caused_by(&error)
            .with_help("what was done is recorded: `bear status` shows it")
    })?;
    page?;
    Ok(summary)
}

/// Keeps a record of the run, for `bear report`. A run does not depend on it, unless a page was asked for.
fn recorder(run: &Run<'_>, context: &Context) -> Result<Option<Recorder>, Fault> {
    if let Some(file) = &run.args.report {
        commands::report::check(file, context)?;
    }
    let began = (run.operation, SystemClock.now());
    match Recorder::begin(&run.wanted.folder, began, run.plan, &run.wanted.file.shown) {
        Ok(recorder) => Ok(Some(recorder)),
        Err(error) if run.args.report.is_none() => {
            context.printer.detail(format_args!("no record of this run is kept: {error}"));
            Ok(None)
        }
        Err(error) => Err(no_record().caused_by(&error)),
    }
}

fn report_on(recorder: Recorder, args: &RunArgs, context: &Context) -> Result<(), Fault> {
    match (recorder.finish(), &args.report) {
        (Ok(record), Some(file)) => {
            let page = records::page(&record).map_err(|error| no_record().caused_by(&error))?;
            commands::report::write(file, &page, context)
        }
        (Err(error), Some(_)) => Err(no_record().caused_by(&error)),
        (Err(error), None) => {
            context.printer.detail(format_args!("not all of this run is recorded: {error}"));
            Ok(())
        }
        (Ok(_), None) => Ok(()),
    }
}

fn no_record() -> Fault {
    Fault::failed("bear::report::record", "could not keep the record of the run that its report is made from")
        .with_help(
            "bear must be able to write to `.bear` in the project; without `--report` a run needs no record",
        )
}

fn reporter(run: &Run<'_>, context: &Context) -> Box<dyn Reporter> {
    let printer = &context.printer;
    if printer.json() {
        return report::for_programs();
    }
    let pace = records::pace(&run.wanted.folder, run.operation);
    if let Some(screen) = printer.screen() {
        screen.begins(Progress::of(run.plan, pace));
        return Box::new(Arc::clone(screen));
    }
    let manner = Manner {
        look: printer.stderr_look(),
        detail: printer.run_detail(),
        fleet: run.wanted.file.shown.clone(),
    };
    report::for_people(manner, Progress::of(run.plan, pace))
}

/// The limits of a run with these flags on the machines of a provider.
pub(crate) fn limits(args: &RunArgs, provider: ProviderKind) -> Limits {
    let mut limits = Limits::for_provider(provider);
    if let Some(at_once) = args.parallelism {
        limits = limits.with_parallelism(at_once.into());
    }
    if let Some(deadline) = args.timeout {
        limits = limits.with_deadline(deadline.duration());
    }
    limits
}

/// The first Ctrl-C, or a polite request to end, lets what runs come to its end; the second stops at once.
fn stop_when_asked(context: &Context) -> Result<watch::Receiver<Stop>, Fault> {
    // There Ctrl-C is a key like others.
    if let Some(screen) = context.printer.screen() {
        return Ok(screen.stop());
    }
    let listen = |kind| signal(kind).map_err(|error| Fault::no_signals(&error));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for stop in [Stop::Drain, Stop::Now] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if sender.send(stop).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// How a run ended, as an exit status.
pub(crate) fn status(summary: &Summary) -> ExitStatus {
    match summary {
        Summary { interrupted: true, .. } => ExitStatus::Interrupted,
        Summary { ok: false, .. } => ExitStatus::Failed,
        Summary { .. } => ExitStatus::Done,
    }
}

/// Shows people what came of a run, and what to type next.
pub(crate) fn conclude(
    wanted: &Wanted,
    operation: Operation,
    summary: &Summary,
    state: &State,
    context: &Context,
) {
    let printer = &context.printer;
    if printer.json() || printer.screen().is_some() {
        return;
    }
    let look = printer.stdout_look();
    match operation {
        Operation::Apply => printer.data(results::applied(summary, state, look)),
        Operation::Verify => printer.data(results::verified(summary, look)),
        Operation::Destroy => {}
    }
    let commands = next::after(operation, summary, state, &wanted.file.shown);
    if !commands.is_empty() {
        printer.note(format_args!("\n{}", next::next(&commands, printer.stderr_look())));
    }
}

/// The events of a run that had nothing to do, for programs that wait for its summary.
pub(crate) fn nothing_to_do(operation: Operation, context: &Context) {
    if !context.printer.json() {
        return;
    }
    let summary = Summary {
        ok: true,
        succeeded: 0,
        failed: 0,
        skipped: 0,
        interrupted: false,
        seconds: 0.0,
        instances: Vec::new(),
    };
    for (seq, what) in (1..).zip([What::RunStarted { operation, steps: 0 }, What::Summary(summary)]) {
        context.printer.document(&Event { version: VERSION, seq, at: SystemClock.now(), what });
    }
}
