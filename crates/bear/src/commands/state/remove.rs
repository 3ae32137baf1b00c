//! `bear state rm`: forgets an instance, and leaves its machine alone.

use bear_core::name::InstanceName;
use bear_core::state::v1::{Record, Recorded};
use bear_engine::store::{FileStore, Store};
use jiff::Timestamp;
use serde_json::json;

use super::RemoveArgs;
use crate::confirm::confirm;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::lock;
use crate::random::random_id;

pub(super) fn run(args: &RemoveArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (deployed, name) = Deployed::of_instance(&args.instance, args.fleet.fleet.as_deref(), context)?;
    let left = deployed.instance(&name).map(|recorded| left_alone(&name, recorded)).unwrap_or_default();
    let question = format!("{left}. Do you want to forget `{name}`?");
    if !confirm(&question, args.yes, context)? {
        return Ok(ExitStatus::Interrupted);
    }
    let lock = lock::take(&deployed.folder, &args.lock, context)?;
    let lineage = random_id()?;
    let mut store = FileStore::open(lock, &deployed.fleet, || lineage)?;
    store.record(&[Record::Forgotten { at: Timestamp::now(), instance: name.clone() }])?;
    store.fold()?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "fleet": deployed.fleet, "forgotten": name }));
    }
    context.printer.note(format_args!("forgot `{name}`; {left}"));
    Ok(ExitStatus::Done)
}

/// What stays behind, and that nobody looks after it any more.
fn left_alone(name: &InstanceName, recorded: &Recorded) -> String {
    let process = recorded.installed.as_ref().and_then(|installed| installed.process);
    match (&recorded.machine, process) {
        (Some(machine), Some(process)) => {
            format!(
                "its machine {} is left alone, and its broker goes on as process {}",
                machine.id, process.pid
            )
        }
        (Some(machine), None) => {
            format!("its machine {} is left alone, with all that runs on it", machine.id)
        }
        (None, _) => format!("a machine that was made for `{name}` is left alone, if there is one"),
    }
}
