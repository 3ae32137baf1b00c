//! The endpoint: HTTP on a port of this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{FakeEc2, Lost};

/// A launch of 1,000 has some hundred parameters and 16 KiB of user data.
const BODY_BYTES: usize = 1024 * 1024;

/// A port at which a [`FakeEc2`] answers. It is closed when dropped, with every connection; what there is in EC2 stays.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    _listener: JoinSet<()>,
}

impl Endpoint {
    /// Its URL, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl FakeEc2 {
    /// Begins to answer at a free port of 127.0.0.1.
    pub async fn listen(&self) -> io::Result<Endpoint> {
        self.listen_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Begins to answer at an address, such as that of an endpoint that was closed.
    pub async fn listen_at(&self, address: SocketAddr) -> io::Result<Endpoint> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut task = JoinSet::new();
        task.spawn(accept(listener, self.clone()));
        Ok(Endpoint { address, _listener: task })
    }
}

async fn accept(listener: TcpListener, fake: FakeEc2) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, fake.clone()));
    }
}

async fn serve(mut stream: TcpStream, fake: FakeEc2) {
    let service = service_fn(|request| answer(request, fake.clone()));
    let io = TokioIo::new(&mut stream);
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service).await;
    if served.is_err() {
        // A fault ended it: let the other side see a reset, as from a balancer that lost its server.
        let _ = stream.set_zero_linger();
    }
}

/// The error with which a service asks hyper to drop its connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to be reset")]
struct Reset;

async fn answer(request: Request<Incoming>, fake: FakeEc2) -> Result<Response<Sent>, Reset> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await.map_err(|_| Reset)?.to_bytes();
    match fake.answer(Request::from_parts(head, body)).await {
        Ok(response) => Ok(response.map(|body| Sent { length: body.len(), rest: Some(body), torn: None })),
        Err(Lost::Reset) => Err(Reset),
        Err(Lost::Truncated(response)) => Ok(response.map(|body| Sent {
            length: body.len(),
            rest: Some(body.slice(..body.len() / 2)),
            torn: Some(Torn::Flushing),
        })),
    }
}

/// A body on its way, of which not all may come.
struct Sent {
    /// What is announced.
    length: usize,
    rest: Option<Bytes>,
    torn: Option<Torn>,
}

/// How a body ends too early.
enum Torn {
    /// What there is of it shall be on its way first.
    Flushing,
    Now,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        if let Some(bytes) = self.rest.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.torn {
            None => Poll::Ready(None),
            Some(Torn::Flushing) => {
                self.torn = Some(Torn::Now);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Torn::Now) => Poll::Ready(Some(Err(Reset))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.length).unwrap_or(u64::MAX))
    }
}
