//! One connection: bytes in, what they ask for, bytes out, until either side ends it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqtt5_protocol::{Packet, ReasonCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::Client;
use super::core::link::End;
use super::handshake::{Accepted, shake_hands};
use super::server::Shared;
use super::wire;
use crate::limits;

/// Bytes read at once.
const READ_BYTES: usize = 4 * 1024;

/// Both directions of a connection, whatever carries it, and what was read and not understood yet.
pub(super) struct Socket {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) inbox: BytesMut,
}

impl Socket {
    pub(super) fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), inbox: BytesMut::new() }
    }

    /// Reads some bytes into the inbox; 0 at the end.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        read(&mut self.reader, &mut self.inbox).await
    }

    /// Writes what there is to say and closes, with some time for the client to read it: closing at once, with
    /// anything of the client's unread, would throw it away on its side.
    async fn farewell(mut self, mut last_words: BytesMut) {
        let goodbye = async {
            self.writer.write_all_buf(&mut last_words).await?;
            self.writer.flush().await?;
            self.writer.shutdown().await?;
            while self.read().await? > 0 {
                self.inbox.clear();
            }
            io::Result::Ok(())
        };
        let said = timeout(limits::FAREWELL, goodbye).await;
        tracing::trace!(?said, "closed");
    }
}

async fn read(reader: &mut (impl AsyncRead + Unpin), inbox: &mut BytesMut) -> io::Result<usize> {
    inbox.reserve(READ_BYTES);
    reader.read_buf(inbox).await
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Close {
    /// The client took its leave.
    Left(End),
    /// The client is gone without a word.
    Gone,
    /// The broker ends it, for this reason.
    Ended(ReasonCode),
}

/// Serves one client from its first byte to its last.
pub(super) async fn serve(mut socket: Socket, shared: &Shared) {
    let handshake = timeout(limits::HANDSHAKE, shake_hands(&mut socket, shared));
    let Some(Ok(greeted)) = shared.stop.run_until_cancelled(handshake).await else { return };
    let accepted = match greeted {
        Ok(accepted) => accepted,
        Err(None) => return,
        Err(Some(refusal)) => {
            let mut answer = BytesMut::new();
            if let Err(error) = wire::encode(&Packet::ConnAck(refusal), &mut answer) {
                tracing::error!("could not encode a refusal: {error}");
            }
            return socket.farewell(answer).await;
        }
    };
    let counted = shared.count();
    let Accepted { wake, silence, client } = accepted;
    let mut connection = Connection { client: Client::new(client, shared), socket, wake, silence };
    let close = connection.run(shared).await;
    drop(counted);
    let Connection { client, socket, .. } = connection;
    socket.farewell(client.end(close)).await;
}

struct Connection<'a> {
    client: Client<'a>,
    socket: Socket,
    wake: Arc<Notify>,
    silence: Option<Duration>,
}

impl Connection<'_> {
    /// Reads, writes and waits for more to write, all at once, so that neither side can block the other. Nothing is
    /// read while too much waits to be written: a client that does not take its answers can't ask for more.
    async fn run(&mut self, shared: &Shared) -> Close {
        let Self { client, socket: Socket { reader, writer, inbox }, wake, silence } = self;
        let mut unflushed = false;
        let (mut heard, mut wrote) = (Instant::now(), Instant::now());
        // What came in one piece with CONNECT.
        if let Err(close) = client.take_all(inbox) {
            return close;
        }
        loop {
            if let Err(close) = client.fill_outbox() {
                return close;
            }
            let outbox = &mut client.outbox;
            let (can_read, must_write) = (outbox.has_room(), unflushed || !outbox.buffer.is_empty());
            if !must_write {
                outbox.shrink();
                wrote = Instant::now();
            }
            tokio::select! {
                read = read(reader, inbox), if can_read => {
                    if read.unwrap_or(0) == 0 {
                        return Close::Gone;
                    }
                    heard = Instant::now();
                    if let Err(close) = client.take_all(inbox) {
                        return close;
                    }
                }
                written = write(writer, &mut outbox.buffer, &mut unflushed), if must_write => {
                    if written.is_err() {
                        return Close::Gone;
                    }
                    wrote = Instant::now();
                }
                () = wake.notified() => {}
                () = sleep_until(wrote + limits::WRITE_STALL), if must_write => return Close::Gone,
                () = sleep_until(heard + silence.unwrap_or_default()), if silence.is_some() => {
                    return Close::Ended(ReasonCode::KeepAliveTimeout);
                }
                () = shared.stop.cancelled() => return Close::Ended(ReasonCode::ServerShuttingDown),
            }
        }
    }
}

/// Writes some bytes. Dropped half-way, it is taken up again where `unflushed` is set.
async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    *unflushed = true;
    if !bytes.is_empty() {
        writer.write_buf(bytes).await?;
    }
    writer.flush().await?;
    *unflushed = false;
    Ok(())
}
