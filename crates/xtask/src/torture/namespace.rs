//! A network of its own, where nobody else takes a port by chance and none is leaked unseen, and mounts of its own, which
//! go with this process however it ends.

use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Leaves the network and the mounts of the machine, with all that is started from here on. Needs root; whether it was
/// done. To be called before there is a second thread, since each has its own.
pub(crate) fn leave_that_of_the_machine() -> bool {
    let up = || Command::new("ip").args(["link", "set", "lo", "up"]).status();
    // What brings up the new network must be there before the old one is left.
    let can_bring_up = Command::new("ip").arg("-V").output().is_ok();
    let private = || {
        let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
    };
    can_bring_up
        && unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).is_ok()
        && private().is_ok()
        && up().is_ok_and(|status| status.success())
}

/// What that means, for whoever reads the figures.
pub(crate) fn described(own: bool) -> &'static str {
    if own { "in a network of its own" } else { "in the network of this machine" }
}
