//! `bear state history` and `bear state restore`: the states that are kept, and going back to one.

use bear_engine::store::{self, HistoryEntry};
use serde_json::{Value, json};

use super::{ListArgs, RestoreArgs};
use crate::confirm::confirm;
use crate::context::Context;
use crate::deployed::Place;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::lock;
use crate::render::table::Table;
use crate::render::words::count;

pub(super) fn list(args: &ListArgs, context: &Context) -> Result<ExitStatus, Fault> {
    // The present state is not looked at: it may be damaged, and this is where the way back begins.
    let place = Place::of_file(args.fleet.fleet.as_deref(), context)?;
    let kept = place.folder.snapshots()?;
    if context.printer.json() {
        context.printer.document(&json!({
            "version": 1,
            "fleet": place.fleet,
            "states": kept.iter().map(document).collect::<Vec<_>>(),
        }));
    } else if kept.is_empty() {
        context.printer.note(format_args!("no state of fleet `{}` is kept", place.fleet));
    } else {
        let mut table =
            Table::new(["serial", "made", "instances"]).with_numbers("serial").with_numbers("instances");
        for entry in kept {
            table.row([
                entry.serial.to_string().into(),
                entry.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string().into(),
                entry.instances.map_or_else(|| "unreadable".to_owned(), |number| number.to_string()).into(),
            ]);
        }
        context.printer.data(table.render(context.printer.stdout_look()));
    }
    Ok(ExitStatus::Done)
}

fn document(entry: &HistoryEntry) -> Value {
    json!({ "serial": entry.serial, "at": entry.at, "instances": entry.instances })
}

pub(super) fn restore(args: &RestoreArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let place = Place::of_file(args.fleet.fleet.as_deref(), context)?;
    let question = format!(
        "Do you want bear to believe again what state {} says of fleet `{}`?",
        args.serial, place.fleet
    );
    if !confirm(&question, args.yes, context)? {
        return Ok(ExitStatus::Interrupted);
    }
    let lock = lock::take(&place.folder, &args.lock, context)?;
    let state = store::restore(&lock, &place.fleet, args.serial)?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "fleet": place.fleet, "serial": state.serial }));
    }
    context.printer.note(format_args!(
        "restored state {} with {}; it is state {} now, and `bear plan` shows how the world differs from it",
        args.serial,
        count(state.instances.len(), "instance"),
        state.serial,
    ));
    Ok(ExitStatus::Done)
}
