//! What all connections share, and the tasks that take connections and do what only time makes due.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Socket, serve};
use super::core::broker::Broker;
use super::{clock, websocket};
use crate::credentials::Credentials;
use crate::doorkeeper::Doorkeeper;
use crate::embedded::EmbeddedBroker;
use crate::error::BrokerError;
use crate::limits;
use crate::listener::accept;

/// Our own broker.
#[derive(Debug)]
pub(crate) struct NativeBroker {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

#[derive(Debug)]
pub(super) struct Shared {
    broker: Mutex<Broker>,
    /// None where everybody is let in.
    pub(super) doorkeeper: Option<Doorkeeper>,
    pub(super) stop: CancellationToken,
    connected: Arc<AtomicUsize>,
}

impl Shared {
    /// The broker, for a moment: never across an await.
    pub(super) fn broker(&self) -> MutexGuard<'_, Broker> {
        // A task that panicked with the broker in its hands left it between two records, which are whole each.
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a client as connected for as long as this is kept.
    pub(super) fn count(&self) -> Counted {
        self.connected.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.connected))
    }
}

pub(super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug)]
enum Transport {
    Tcp,
    Websocket,
}

#[cfg(feature = "fuzzing")]
impl NativeBroker {
    /// What its connections share.
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl EmbeddedBroker for NativeBroker {
    fn open(data: &Path, credentials: Option<Credentials>) -> Result<Self, BrokerError> {
        let shared = Shared {
            broker: Mutex::new(Broker::open(data, clock::now())?),
            doorkeeper: credentials.map(Doorkeeper::new).transpose()?,
            stop: CancellationToken::new(),
            connected: Arc::default(),
        };
        Ok(Self { shared: Arc::new(shared), tasks: TaskTracker::new() })
    }

    fn serve(&mut self, mqtt: TcpListener, websocket: TcpListener) {
        let open = Arc::new(Semaphore::new(limits::CONNECTIONS));
        for (listener, transport) in [(mqtt, Transport::Tcp), (websocket, Transport::Websocket)] {
            let (shared, tasks, open) = (Arc::clone(&self.shared), self.tasks.clone(), Arc::clone(&open));
            self.tasks.spawn(async move {
                let stop = shared.stop.clone();
                stop.run_until_cancelled(take_connections(&listener, transport, &shared, &tasks, &open))
                    .await;
            });
        }
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move { shared.stop.run_until_cancelled(keep_house(&shared)).await });
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move { shared.stop.run_until_cancelled(keep_flushing(&shared)).await });
    }

    fn connections(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.shared.connected)
    }

    async fn stop(self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        flush(&self.shared).await;
    }
}

async fn take_connections(
    listener: &TcpListener,
    transport: Transport,
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    open: &Arc<Semaphore>,
) {
    loop {
        let stream = accept(listener).await;
        let Ok(permit) = Arc::clone(open).try_acquire_owned() else {
            tracing::warn!("too many connections: one is turned away");
            continue;
        };
        let shared = Arc::clone(shared);
        tasks.spawn(async move {
            if let Some(socket) = socket(stream, transport, &shared).await {
                serve(socket, &shared).await;
            }
            drop(permit);
        });
    }
}

async fn socket(stream: TcpStream, transport: Transport, shared: &Shared) -> Option<Socket> {
    match transport {
        Transport::Tcp => {
            let (reader, writer) = stream.into_split();
            Some(Socket::new(reader, writer))
        }
        Transport::Websocket => {
            let handshake = timeout(limits::HANDSHAKE, websocket::accept(stream));
            let socket = shared.stop.run_until_cancelled(handshake).await?.ok()?;
            socket.inspect_err(|error| tracing::debug!("no websocket: {error}")).ok()
        }
    }
}

async fn keep_house(shared: &Shared) {
    let mut ticks = interval(limits::HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = shared.broker().tick(clock::now()) {
            tracing::error!("could not do what is due: {error}");
        }
    }
}

async fn keep_flushing(shared: &Shared) {
    let mut ticks = interval(limits::FLUSH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        flush(shared).await;
    }
}

async fn flush(shared: &Shared) {
    let unflushed = shared.broker().unflushed();
    let Some(file) = unflushed else { return };
    match tokio::task::spawn_blocking(move || file.sync_data()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("could not flush the journal: {error}"),
        Err(error) => tracing::error!("could not flush the journal: {error}"),
    }
}
