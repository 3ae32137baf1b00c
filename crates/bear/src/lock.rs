//! Taking the lock of a fleet, in the name of this process.

use std::fs;

use bear_engine::store::{FleetFolder, FleetLock, Holder};
use jiff::Timestamp;

use crate::args::LockArgs;
use crate::context::Context;
use crate::fault::Fault;

/// Takes the lock of a fleet, and says for whom it waits. Blocks its thread: call it while nothing else is going on.
pub(crate) fn take(folder: &FleetFolder, args: &LockArgs, context: &Context) -> Result<FleetLock, Fault> {
    let waiting = |holder: Option<&Holder>| match holder {
        Some(holder) => context.printer.note(format_args!("waiting for the lock, held by {holder}")),
        None => context.printer.note("waiting for the lock"),
    };
    Ok(FleetLock::take(folder, &this_process(context), args.lock_wait.duration(), waiting)?)
}

fn this_process(context: &Context) -> Holder {
    // The word that names the command says what it does; others may be long, or secret.
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    Holder {
        user: context.environment.user.clone().unwrap_or_else(|| "somebody".to_owned()),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        // Tells the processes of this boot from those before, whose numbers say nothing any more.
        boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
        command: word.map_or_else(|| "bear".to_owned(), |word| format!("bear {word}")),
        since: Timestamp::now(),
    }
}
