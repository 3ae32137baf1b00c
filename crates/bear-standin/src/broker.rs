//! The broker behind the listeners: bear's own, on ports of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bear_broker::{Ports, Spec};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

const START: Duration = Duration::from_secs(10);
/// Ports that were free a moment ago may be taken now.
const TRIES: usize = 5;

/// A running broker. It hears the signals of this process itself, so it takes its leave with it.
pub(crate) struct Broker {
    pub(crate) mqtt: SocketAddr,
    pub(crate) websocket: SocketAddr,
    thread: JoinHandle<()>,
}

impl Broker {
    /// Starts one that remembers nothing: EMQX keeps sessions and retained messages in memory, unless it is told not to.
    pub(crate) async fn start(folder: &Path) -> io::Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_start(folder).await {
                Ok(broker) => return Ok(broker),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    async fn try_start(folder: &Path) -> io::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let [mqtt, websocket, page] = free_ports().await?;
        let spec = folder.join("spec.json");
        let ports = Ports { mqtt: mqtt.port(), ws: websocket.port(), dashboard: page.port() };
        Spec::new("emqx", ports).save(&spec).map_err(io::Error::other)?;
        let (ended, outcome) = std::sync::mpsc::sync_channel(1);
        let thread = thread::spawn(move || {
            // Nobody asks any more once it has started.
            let _ = ended.try_send(bear_broker::run(&spec));
        });
        let until = Instant::now() + START;
        while TcpStream::connect(mqtt).await.is_err() {
            if let Ok(Err(error)) = outcome.try_recv() {
                return Err(io::Error::other(error));
            }
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { mqtt, websocket, thread })
    }

    /// Waits for it to end, for a while, after a signal that told it to.
    pub(crate) async fn ended(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Three ports that were free at the same time.
async fn free_ports() -> io::Result<[SocketAddr; 3]> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let held = [TcpListener::bind(any).await?, TcpListener::bind(any).await?, TcpListener::bind(any).await?];
    let [mqtt, websocket, page] = &held;
    Ok([mqtt.local_addr()?, websocket.local_addr()?, page.local_addr()?])
}
