//! The node: what the dashboard's answers and the commands of `emqx ctl` are made of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::faults::Faults;
use crate::listeners::Listener;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::users::Users;
use crate::version::Dialect;

/// One node, from the middle of its boot to its end.
pub(crate) struct Node {
    /// What it says its version is.
    pub(crate) version: String,
    pub(crate) dialect: Dialect,
    pub(crate) faults: Faults,
    pub(crate) settings: Settings,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) since: Instant,
    /// Told when it is to stop.
    pub(crate) stop: Notify,
    running: AtomicBool,
    users: Mutex<Users>,
    sessions: Mutex<Sessions>,
}

impl Node {
    pub(crate) fn new(
        version: String,
        dialect: Dialect,
        faults: Faults,
        settings: Settings,
        listeners: Vec<Listener>,
        users: Users,
    ) -> Self {
        Self {
            version,
            dialect,
            faults,
            settings,
            listeners,
            since: Instant::now(),
            stop: Notify::new(),
            running: AtomicBool::new(false),
            users: Mutex::new(users),
            sessions: Mutex::default(),
        }
    }

    /// Whether the broker says that it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
    }

    pub(crate) fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many clients are connected.
    pub(crate) fn connections(&self) -> usize {
        self.listeners.iter().map(Listener::connections).sum()
    }

    /// The edition, in the words of a login.
    pub(crate) fn edition(&self) -> &'static str {
        if self.dialect.unified { "ee" } else { "ce" }
    }
}
