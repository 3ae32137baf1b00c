//! The broker without its sockets, for inputs that a fuzzer makes up.

use std::path::Path;

use crate::error::BrokerError;
use crate::native;

/// Some bytes that come in on one of several connections.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Which connection.
    pub connection: usize,
    /// The bytes.
    pub sent: Vec<u8>,
    /// Whether the connection ends after them. The next bytes of its number come in on another.
    pub last: bool,
}

/// Runs a broker in `folder`, where clients send these bytes in this order, and loads what it kept once more.
///
/// # Errors
///
/// The folder can't be written, or what the broker left there can't be read.
pub fn converse(folder: &Path, chunks: Vec<Chunk>) -> Result<(), BrokerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| BrokerError::Setup { what: "the runtime", source })?;
    runtime.block_on(native::converse(folder, chunks))
}
