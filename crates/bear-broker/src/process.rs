//! One broker, from taking its folder to its last log line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::credentials::Credentials;
use crate::embedded::EmbeddedBroker;
use crate::error::BrokerError;
use crate::limits;
use crate::listener::bind;
use crate::lock::FolderLock;
use crate::native::NativeBroker;
use crate::spec::Spec;
use crate::status::StatusPage;

/// Runs the broker that a spec file describes, until SIGTERM or SIGINT asks it to stop. It outlives its terminal
/// (SIGHUP is ignored), and nothing is printed: what there is to say goes through `tracing`.
///
/// Blocks, and builds a runtime of its own: not to be called from within one.
pub fn run(spec_file: &Path) -> Result<(), BrokerError> {
    let spec = Spec::load(spec_file)?;
    // One thread: a broker on loopback waits for sockets most of the time, and there are many brokers on a machine.
    let mut runtime = runtime::Builder::new_current_thread();
    // The allocator keeps what a check of a password took, for each thread that ever made one. So there are few, for ever.
    runtime.max_blocking_threads(limits::BLOCKING_THREADS).thread_keep_alive(Duration::MAX);
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|source| BrokerError::Setup { what: "the runtime", source })?;
    let outcome = runtime.block_on(serve::<NativeBroker>(&spec));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve<B: EmbeddedBroker>(spec: &Spec) -> Result<(), BrokerError> {
    let mut signals = Signals::handle()?;
    let folder = spec.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    let _lock = FolderLock::take(&folder)?;
    let credentials = spec.credentials.as_deref().map(Credentials::load).transpose()?;
    let mut broker = B::open(&folder.join("data"), credentials)?;

    let mqtt = bind(spec.address(spec.ports.mqtt), "MQTT").await?;
    let websocket = bind(spec.address(spec.ports.ws), "MQTT over websockets").await?;
    let dashboard = bind(spec.address(spec.ports.dashboard), "the status page").await?;
    broker.serve(mqtt, websocket);
    let page = StatusPage::new(spec, broker.connections());
    let page = tokio::spawn(page.serve(dashboard));
    tracing::info!(name = spec.name, mqtt = spec.ports.mqtt, ws = spec.ports.ws, "started");

    signals.stop().await;
    tracing::info!("stopping");
    page.abort();
    if timeout(limits::STOP, broker.stop()).await.is_err() {
        tracing::warn!("some clients did not take their leave in time");
    }
    tracing::info!("stopped");
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn handle() -> Result<Self, BrokerError> {
        let handle =
            |kind| signal(kind).map_err(|source| BrokerError::Setup { what: "a signal handler", source });
        Ok(Self {
            terminate: handle(SignalKind::terminate())?,
            interrupt: handle(SignalKind::interrupt())?,
            hangup: handle(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal to stop.
    async fn stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => tracing::debug!("the terminal is gone; going on"),
            }
        }
    }
}
