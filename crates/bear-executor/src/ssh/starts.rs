//! How many connections may be starting at once.
//!
//! A default sshd drops connections by chance once 10 of them are not yet logged in (`MaxStartups 10:30:100`,
//! `sshd_config(5)`). Others use it too, so bear takes no more than 8, on each sshd on the way: hosts behind one jump
//! host share its limit.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Below the 10 of a default sshd.
const STARTS_PER_SERVER: usize = 8;

/// Each is an `ssh` process in the midst of its cryptography; more of them would only slow each other down.
const STARTS_AT_ONCE: usize = 32;

/// Of this whole process: two fleets, or two parts of bear, may use the same jump host.
static STARTS: LazyLock<Starts> = LazyLock::new(|| Starts {
    everywhere: Arc::new(Semaphore::new(STARTS_AT_ONCE)),
    servers: Mutex::new(HashMap::new()),
});

struct Starts {
    everywhere: Arc<Semaphore>,
    servers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// The right to start one connection, until it is dropped.
pub(super) struct Start {
    _permits: Vec<OwnedSemaphorePermit>,
}

/// Waits until a connection may start that goes through all these servers.
pub(super) async fn start(servers: &[String]) -> Start {
    let mut permits = Vec::new();
    // In one order for everybody, so that no two wait for each other; and the general one last, so that whoever waits
    // for a crowded server keeps nobody else from starting.
    for server in servers.iter().collect::<BTreeSet<_>>() {
        permits.push(permit(STARTS.server(server)).await);
    }
    permits.push(permit(Arc::clone(&STARTS.everywhere)).await);
    Start { _permits: permits }
}

impl Starts {
    fn server(&self, name: &str) -> Arc<Semaphore> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(STARTS_PER_SERVER));
        Arc::clone(servers.entry(name.to_owned()).or_insert_with(new))
    }
}

async fn permit(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore.acquire_owned().await.expect("this semaphore is never closed")
}
