//! Jobs: what takes its time, asks, and changes something. Each is a command, run for the screen.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bear_core::fleet::{Edit, EditError, edit};
use bear_core::unit::Seconds;
use bear_ui::Effect;

use crate::args::{FleetArgs, LockArgs, OnlyArgs, ReplaceArgs, RunArgs, TollArgs, YesArgs};
use crate::commands::{apply, destroy, on_runtime, plan, verify};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::screen::Screen;

/// How many percent of the machines may go without typing the name of the fleet: as on the command line.
const TOLL: TollArgs = TollArgs { max_destroy: 50 };

/// Runs a job to its end.
pub(super) fn run(effect: Effect, context: &Context, screen: &Screen) -> Result<(), Fault> {
    let status = match effect {
        Effect::Edit { file, edit } => return edited(&file, &edit, context, screen),
        Effect::Plan { file } => on_runtime(plan::run(plan_args(file), context)),
        Effect::Apply { file } => on_runtime(apply::run(apply_args(file), context)),
        Effect::Destroy { file } => on_runtime(destroy::run(destroy_args(file), context)),
        Effect::Verify { file, only } => {
            let args = verify::VerifyArgs { fleet: fleet(file), only: OnlyArgs { only }, run: run_args() };
            on_runtime(verify::run(args, context))
        }
        _ => Ok(ExitStatus::Done),
    };
    // How it ended is on the screen already.
    status.map(drop)
}

fn fleet(file: String) -> FleetArgs {
    FleetArgs { fleet: Some(PathBuf::from(file)) }
}

fn run_args() -> RunArgs {
    RunArgs { parallelism: None, timeout: None, report: None }
}

fn lock() -> LockArgs {
    LockArgs { lock_wait: Seconds::new(0) }
}

fn plan_args(file: String) -> plan::PlanArgs {
    plan::PlanArgs {
        fleet: fleet(file),
        only: OnlyArgs { only: Vec::new() },
        replace: ReplaceArgs { replace: Vec::new() },
        offline: false,
        detailed_exitcode: false,
        format: plan::Format::Text,
    }
}

fn apply_args(file: String) -> apply::ApplyArgs {
    apply::ApplyArgs {
        fleet: fleet(file),
        only: OnlyArgs { only: Vec::new() },
        replace: ReplaceArgs { replace: Vec::new() },
        toll: TOLL,
        yes: YesArgs { yes: false },
        lock: lock(),
        run: run_args(),
        accept_new_host_keys: false,
    }
}

fn destroy_args(file: String) -> destroy::DestroyArgs {
    destroy::DestroyArgs {
        fleet: fleet(file),
        only: OnlyArgs { only: Vec::new() },
        // Here nobody says `--yes`, and nobody takes a fleet down by one letter.
        toll: TollArgs { max_destroy: 0 },
        yes: YesArgs { yes: false },
        lock: lock(),
        run: run_args(),
    }
}

/// Edits the fleet file and applies it. Where no run began, the file gets its text back: who says no to a plan does
/// not want what it was made from.
fn edited(file: &str, wanted: &Edit, context: &Context, screen: &Screen) -> Result<(), Fault> {
    let place = FleetFile::at(&context.environment.folder, file.as_ref());
    let before = fs::read_to_string(&place.path)
        .map_err(|error| Fault::io(ExitStatus::Input, "read", &place.path, &error))?;
    let after = edit(&place.shown, &before, wanted).map_err(|error| refused(error, &place.shown))?;
    if after == before {
        context.printer.note("the file says so already");
        return Ok(());
    }
    replace(&place.path, &after)?;
    let applied = on_runtime(apply::run(apply_args(file.to_owned()), context));
    let has_done_nothing = !screen.has_run() && !matches!(applied, Ok(ExitStatus::Done));
    // Somebody else may have edited it meanwhile; that is not to be undone.
    if has_done_nothing && fs::read_to_string(&place.path).is_ok_and(|now| now == after) {
        replace(&place.path, &before)?;
        context.printer.note(format_args!("`{}` is as it was", place.shown));
    }
    applied.map(drop)
}

/// Writes a file so that it is the old one or the new one, whatever happens. It keeps its permissions; a link stays one.
fn replace(path: &Path, text: &str) -> Result<(), Fault> {
    let unwritten = |error: &std::io::Error| Fault::io(ExitStatus::Failed, "write", path, error);
    let path = fs::canonicalize(path).map_err(|error| unwritten(&error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let permissions = fs::metadata(&path).map_err(|error| unwritten(&error))?.permissions();
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| unwritten(&error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().set_permissions(permissions))
        .and_then(|()| file.as_file().sync_all())
        .map_err(|error| unwritten(&error))?;
    file.persist(&path).map(drop).map_err(|error| unwritten(&error.error))
}

pub(super) fn refused(error: EditError, file: &str) -> Fault {
    let fault = Fault::input("bear::ui::edit", format!("could not edit `{file}`")).caused_by(&error);
    match error {
        EditError::Unreadable(problems) | EditError::Refused(problems) => problems.into(),
        EditError::ByHand { .. } => fault.with_help("edit the file yourself, then press a"),
        EditError::Nothing { .. } => {
            fault.with_help("the file was changed meanwhile; look at it, then try again")
        }
    }
}
