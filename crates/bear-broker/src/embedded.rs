//! The one face that a broker library shows to the rest of this crate, so that it can be swapped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::net::TcpListener;

use crate::credentials::Credentials;
use crate::error::BrokerError;

/// A broker inside this process. Made in three steps, so that nothing is accepted before everything is loaded.
pub(crate) trait EmbeddedBroker: Sized {
    /// Loads what `data` holds and keeps it from then on. With credentials, nobody else is let in.
    fn open(data: &Path, credentials: Option<Credentials>) -> Result<Self, BrokerError>;

    /// Begins to serve MQTT 3.1.1 and 5 on one listener and the same over websockets on the other.
    fn serve(&mut self, mqtt: TcpListener, websocket: TcpListener);

    /// A gauge that shows at any time how many clients are connected.
    fn connections(&self) -> Arc<AtomicUsize>;

    /// Takes leave of every client and closes the files, within [`STOP`](crate::limits::STOP).
    async fn stop(self);
}
