//! A shell that stays for a moment after its script, so that the next one needs no session of its own.
//!
//! Becoming root in a new session costs a host as much as a dozen programs. The shell that is kept waits for one line
//! that announces the next script, and runs nothing before that script has arrived whole. It holds no lock of the host.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::Shell;

/// How long a shell is kept: what comes after looking at a host comes soon, or has to be agreed to by somebody first.
pub(super) const KEPT_MAX: Duration = Duration::from_mins(1);

/// The shell that is kept, if one is.
#[derive(Default)]
pub(super) struct Kept {
    shell: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    shell: Option<Shell>,
    /// How many shells were put here.
    count: u64,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    /// Takes the shell away, whoever wants it.
    pub(super) fn take(&self) -> Option<Shell> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner).shell.take()
    }

    /// Keeps a shell for [`KEPT_MAX`] at most, in the place of another one.
    pub(super) fn put(&self, shell: Shell) {
        let mut slot = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        slot.shell = Some(shell);
        slot.count += 1;
        let (count, slot) = (slot.count, Arc::downgrade(&self.shell));
        tokio::spawn(async move {
            sleep(KEPT_MAX).await;
            let Some(slot) = slot.upgrade() else { return };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.count == count {
                slot.shell = None;
            }
        });
    }
}
