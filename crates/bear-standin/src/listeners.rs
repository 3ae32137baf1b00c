//! The MQTT listeners: each takes connections, TLS off them where it is on, and hands the bytes on to the broker.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::broker::Broker;
use crate::settings::ListenerSettings;
use crate::tls;

const HANDSHAKE: Duration = Duration::from_secs(15);
const CLOSE: Duration = Duration::from_secs(5);

/// A listener, open or not.
pub(crate) struct Listener {
    pub(crate) settings: ListenerSettings,
    door: Arc<Door>,
    /// The task that takes connections, and all that it took.
    open: Mutex<Option<JoinHandle<()>>>,
}

/// What happens to those who come in.
struct Door {
    tls: Option<TlsAcceptor>,
    /// None: everyone is turned away.
    broker: Option<SocketAddr>,
    connections: AtomicUsize,
}

impl Listener {
    /// Prepares a listener; without a broker it will turn everyone away.
    pub(crate) fn new(
        settings: ListenerSettings,
        broker: Option<&Broker>,
        own_certificates: &Path,
    ) -> io::Result<Self> {
        let tls = match (settings.kind.is_tls(), &settings.certificate) {
            (false, _) => None,
            (true, Some((certificate, key))) => Some(tls::acceptor(certificate, key)?),
            (true, None) => Some(tls::own(own_certificates)?),
        };
        let websocket = settings.kind.is_websocket();
        let broker = broker.map(|broker| if websocket { broker.websocket } else { broker.mqtt });
        let door = Arc::new(Door { tls, broker, connections: AtomicUsize::new(0) });
        Ok(Self { settings, door, open: Mutex::default() })
    }

    /// What EMQX calls it, such as `tcp:default`.
    pub(crate) fn id(&self) -> String {
        format!("{}:default", self.settings.kind.name())
    }

    /// Opens it, if it is not open.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(());
        }
        let listener = bind(self.settings.bind)?;
        *open = Some(tokio::spawn(take(listener, Arc::clone(&self.door))));
        Ok(())
    }

    /// Closes it, and every connection that it took. Waits until the port is free, so not for the runtime's threads.
    pub(crate) fn stop(&self) {
        let Some(task) = self.open.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        task.abort();
        let until = Instant::now() + CLOSE;
        while !task.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    pub(crate) fn connections(&self) -> usize {
        self.door.connections.load(Ordering::Relaxed)
    }
}

/// Binds at once, also where connections of the process before still linger.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn take(listener: TcpListener, door: Arc<Door>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while connections.try_join_next().is_some() {}
                connections.spawn(carry(stream, Arc::clone(&door)));
            }
            // The system is short of something, mostly of open files.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn carry(stream: TcpStream, door: Arc<Door>) {
    let Some(broker) = door.broker else { return };
    let _counted = Counted::new(&door.connections);
    // A connection that breaks is the client's to notice.
    let _ = match &door.tls {
        None => join(stream, broker).await,
        Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => join(stream, broker).await,
            _ => Ok(()),
        },
    };
}

async fn join(mut client: impl AsyncRead + AsyncWrite + Unpin, broker: SocketAddr) -> io::Result<()> {
    let mut broker = TcpStream::connect(broker).await?;
    broker.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut broker).await?;
    Ok(())
}

/// Counts a connection for as long as it lives, however it ends.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
