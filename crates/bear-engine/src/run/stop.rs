//! The user's wish to stop.

use tokio::sync::watch;

/// Whether and how a run is to stop before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Go on.
    #[default]
    No,
    /// Begin nothing more; let what runs come to its end.
    Drain,
    /// Stop at once. What runs is cut off, and looked up by the next run.
    Now,
}

/// Ends when the user asks to stop, or to stop at once; never, if nobody can ask any more.
pub(super) async fn asked_to_stop(stop: &mut watch::Receiver<Stop>) -> Stop {
    match stop.changed().await {
        Ok(()) => *stop.borrow_and_update(),
        Err(_) => std::future::pending().await,
    }
}
