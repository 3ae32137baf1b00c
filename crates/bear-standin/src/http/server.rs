//! Connections: requests in, answers out, each within its limits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Request, Response};

const CONNECTIONS: usize = 512;
const HEAD_BYTES: usize = 32 * 1024;
const BODY_BYTES: usize = 1024 * 1024;
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_mins(1);

/// Answers requests for as long as it is polled; what is open then is closed with it.
pub(crate) async fn serve<F>(listener: TcpListener, answer: F)
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let answer = Arc::new(answer);
    let at_once = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The system is short of something, mostly of open files.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let answer = Arc::clone(&answer);
        connections.spawn(async move {
            let mut connection = Connection { stream, read: Vec::new() };
            // Whatever ended it, the other side knows as much.
            let _ = connection.serve(answer.as_ref()).await;
            drop(permit);
        });
    }
}

struct Connection {
    stream: TcpStream,
    /// What was read and not yet used.
    read: Vec<u8>,
}

impl Connection {
    async fn serve(&mut self, answer: &(impl Fn(&Request) -> Response + Sync)) -> io::Result<()> {
        loop {
            let Some(head) = self.head().await? else { return Ok(()) };
            let Some(mut request) = Request::head(&head) else {
                return self.send(Response::crashed(400), false, true).await;
            };
            if request.header("transfer-encoding").is_some() {
                return self.send(Response::empty(411), false, true).await;
            }
            let length = request.header("content-length").map_or(Ok(0), str::parse);
            let Some(length) = length.ok().filter(|length| *length <= BODY_BYTES) else {
                return self.send(Response::empty(413), false, true).await;
            };
            request.body = self.body(length, &request).await?;
            let close = request.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
            // Handlers write files and wait for ports.
            let answered = tokio::task::block_in_place(|| answer(&request));
            self.send(answered, request.method == "HEAD", close).await?;
            if close {
                return Ok(());
            }
        }
    }

    /// The next head; none if the other side has no more to ask.
    async fn head(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
                self.read.drain(..end + 4);
                return Ok(Some(head));
            }
            if self.read.len() > HEAD_BYTES || !self.more().await? {
                return Ok(None);
            }
        }
    }

    async fn body(&mut self, length: usize, request: &Request) -> io::Result<Vec<u8>> {
        if self.read.len() < length && request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.read.len() < length {
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.read.drain(..length).collect())
    }

    /// Reads some; `false` at the end.
    async fn more(&mut self) -> io::Result<bool> {
        let read = timeout(IDLE, self.stream.read_buf(&mut self.read)).await??;
        Ok(read > 0)
    }

    async fn send(&mut self, response: Response, head_only: bool, close: bool) -> io::Result<()> {
        let bytes = response.into_bytes(head_only, close);
        timeout(IDLE, self.stream.write_all(&bytes)).await?
    }
}
