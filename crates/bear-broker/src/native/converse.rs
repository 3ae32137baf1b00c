//! Connections without sockets.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio::io::sink;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::yield_now;
use tokio_util::io::StreamReader;
use tokio_util::task::TaskTracker;

use super::connection::{Socket, serve};
use super::server::NativeBroker;
use crate::embedded::EmbeddedBroker;
use crate::error::BrokerError;
use crate::fuzzing::Chunk;

/// How often the tasks of the connections get their turn after each chunk: enough for an answer to be routed.
const TURNS: usize = 4;

pub(crate) async fn converse(folder: &Path, chunks: Vec<Chunk>) -> Result<(), BrokerError> {
    let broker = NativeBroker::open(folder, None)?;
    let tasks = TaskTracker::new();
    let mut open: HashMap<usize, UnboundedSender<std::io::Result<Bytes>>> = HashMap::new();
    for Chunk { connection, sent, last } in chunks {
        let sender = open.entry(connection).or_insert_with(|| {
            let (sender, mut receiver) = unbounded_channel();
            let bytes = stream::poll_fn(move |context| receiver.poll_recv(context));
            let (socket, shared) =
                (Socket::new(StreamReader::new(bytes), sink()), Arc::clone(broker.shared()));
            tasks.spawn(async move { serve(socket, &shared).await });
            sender
        });
        // A connection that the broker ended takes nothing more.
        let _ = sender.send(Ok(sent.into()));
        if last {
            open.remove(&connection);
        }
        for _ in 0..TURNS {
            yield_now().await;
        }
    }
    open.clear();
    tasks.close();
    tasks.wait().await;
    broker.stop().await;
    NativeBroker::open(folder, None)?.stop().await;
    Ok(())
}
