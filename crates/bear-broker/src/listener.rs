//! Ports: binding them with an error that names them, and taking connections off them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::error::BrokerError;

/// The system is short of something, mostly of open files: it gets the time to come by some.
const SHORTAGE: Duration = Duration::from_millis(100);

/// Begins to listen. A port that the system still holds for connections of a broker that died is taken all the same.
pub(crate) async fn bind(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, BrokerError> {
    let taken = |source| BrokerError::Port { port: address.port(), purpose, source };
    TcpListener::bind(address).await.map_err(taken)
}

/// The next connection.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without this, small packets wait for an acknowledgement of the packet before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("a connection without TCP_NODELAY: {error}");
                }
                return stream;
            }
            Err(error) => {
                tracing::warn!("could not take a connection: {error}");
                tokio::time::sleep(SHORTAGE).await;
            }
        }
    }
}
