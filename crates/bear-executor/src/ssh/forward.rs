//! Ports of this machine that lead to ports of a host.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use bear_core::event::StepError;
use tokio::runtime::Handle;

use super::connection::Connection;
use super::{Ssh, failure};

/// How often another port is tried: one that is free a moment before may be taken when ssh listens on it.
const TRIES: u32 = 5;

/// A port of this machine that leads to one of a host, until it is dropped. Every user of this machine can use it.
#[derive(Debug)]
pub struct Forward {
    connection: Arc<Connection>,
    local: SocketAddr,
    remote: SocketAddr,
}

impl Forward {
    /// Its end on this machine.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
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
                Ok(()) => return Ok(Forward { connection, local, remote }),
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
