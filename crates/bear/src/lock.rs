//! Taking the lock of a fleet, in the name of this process.

use std::fs;
use std::time::Duration;

use bear_engine::store::{FleetFolder, FleetLock, Holder, StoreError};
use jiff::Timestamp;

use crate::args::LockArgs;
use crate::context::Context;
use crate::fault::Fault;

/// How long the lock of a dead bear may stay taken: by what it was about to start, until that runs its own program.
const DEAD_MAX: Duration = Duration::from_secs(10);

/// Takes the lock of a fleet, and says for whom it waits. Blocks its thread: call it while nothing else is going on.
pub(crate) fn take(folder: &FleetFolder, args: &LockArgs, context: &Context) -> Result<FleetLock, Fault> {
    let waiting = |holder: Option<&Holder>| match holder {
        Some(holder) => context.printer.note(format_args!("waiting for the lock, held by {holder}")),
        None => context.printer.note("waiting for the lock"),
    };
    let this = this_process(context);
    match FleetLock::take(folder, &this, args.lock_wait.duration(), waiting) {
        Err(StoreError::Locked { holder: Some(holder), .. }) if is_dead(&holder, &this) => {
            Ok(FleetLock::take(folder, &this, DEAD_MAX, waiting)?)
        }
        taken => Ok(taken?),
    }
}

/// Whether a holder was a process of this machine, and is no more.
fn is_dead(holder: &Holder, this: &Holder) -> bool {
    let stat = || fs::read_to_string(format!("/proc/{}/stat", holder.pid)).unwrap_or_default();
    // A process that ended and that nobody asked about yet is listed nonetheless, in this state: proc_pid_stat(5).
    (&holder.host, &holder.boot_id) == (&this.host, &this.boot_id)
        && stat().rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
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
