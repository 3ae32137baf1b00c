//! Ports of this machine that lead to ports of a host.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bear_core::event::StepError;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connection::Connection;
use super::{Ssh, failure};

/// How often another port is tried: one that is free a moment before may be taken when ssh listens on it.
const TRIES: u32 = 5;

/// How often ssh is asked whether it lives. It ends a minute after the last session or question (`ControlPersist`), and
/// a port that nobody uses at the moment is neither.
const KEEP_EVERY: Duration = Duration::from_secs(20);

/// A port of this machine that leads to one of a host, until it is dropped. Every user of this machine can use it.
#[derive(Debug)]
pub struct Forward {
    connection: Arc<Connection>,
    local: SocketAddr,
    remote: SocketAddr,
    keeping: JoinHandle<()>,
}

impl Forward {
    fn new(connection: Arc<Connection>, local: SocketAddr, remote: SocketAddr) -> Self {
        let kept = Arc::clone(&connection);
        let keeping = tokio::spawn(async move {
            loop {
                kept.is_alive().await;
                sleep(KEEP_EVERY).await;
            }
        });
        Self { connection, local, remote, keeping }
    }

    /// Its end on this machine.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.keeping.abort();
        let (connection, local, remote) = (Arc::clone(&self.connection), self.local, self.remote);
        // Without a runtime the process is about to end, and the connection with it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { connection.end_forward(local, remote).await });
        }
    }
}

impl Ssh {
    /// Lets a port of this machine lead to `remote` as the host sees it; `127.0.0.1` is the host itself.
    ///
    /// That nothing listens there, or that the sshd forbids it (`AllowTcpForwarding`), shows only when somebody
    /// connects: the connection is closed at once.
    pub async fn forward(&self, remote: SocketAddr) -> Result<Forward, StepError> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let connection = self.connection().await?;
            let local = free_port().map_err(|error| self.not_forwarded(remote, &error.to_string()))?;
            match connection.forward(local, remote).await {
                Ok(()) => return Ok(Forward::new(connection, local, remote)),
                Err(error) => why = error,
            }
            if !connection.is_alive().await {
                self.forget(&connection).await;
            }
        }
        Err(self.not_forwarded(remote, &why))
    }

    fn not_forwarded(&self, remote: SocketAddr, why: &str) -> StepError {
        let place = self.route.get().map_or(self.target.address.as_str(), |route| &route.place);
        failure::not_forwarded(place, remote, why)
    }
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
