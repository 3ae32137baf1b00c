//! A connection that is there: opening sessions on it, and finding out whether it is still there.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Error, ForwardType, Session, Stdio};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

/// How long a host may refuse sessions: those that just ended may still count.
const REFUSED_MAX: Duration = Duration::from_secs(15);
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
const REFUSED_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a session may take to be over after its script is.
const RELEASE_MAX: Duration = Duration::from_secs(1);

/// How long the master process may take to answer, or to notice that its connection is gone.
const CHECK_MAX: Duration = Duration::from_secs(2);
const CHECK_PAUSE: Duration = Duration::from_millis(200);

/// A session in which a script runs.
pub(super) type Child = openssh::Child<Arc<Session>>;

/// A connection to a host. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Connection {
    session: Arc<Session>,
    /// Shows other bears that the folder of the control socket is in use.
    _lock: File,
}

/// What came of opening a session.
pub(super) enum Opening {
    Open(Box<Child>),
    /// The host has too many, or allows none.
    Refused(String),
    /// The connection is gone.
    Lost,
}

impl Connection {
    /// `folder` holds the socket `master` of an ssh that is connected.
    pub(super) fn new(folder: TempDir, lock: File) -> Self {
        Self { session: Arc::new(Session::new_native_mux(folder)), _lock: lock }
    }

    pub(super) async fn open(&self, command: &str) -> Opening {
        let since = Instant::now();
        let mut pause = REFUSED_PAUSE;
        loop {
            let mut command = Arc::clone(&self.session).arc_raw_command(command);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            match command.spawn().await {
                Ok(child) => return Opening::Open(Box::new(child)),
                Err(error) if !matches!(error, Error::SshMux(_)) || !self.is_alive().await => {
                    return Opening::Lost;
                }
                Err(error) if since.elapsed() > REFUSED_MAX => return Opening::Refused(innermost(&error)),
                Err(_) => sleep(pause).await,
            }
            pause = (pause * 2).min(REFUSED_PAUSE_MAX);
        }
    }

    /// Whether the connection is still there after a session fell silent.
    pub(super) async fn survives_silence(&self, child: Child) -> bool {
        // An exit status that came through shows that the connection did not end the session.
        if let Ok(Ok(_) | Err(Error::Remote(_))) = timeout(CHECK_MAX, child.wait()).await {
            return true;
        }
        // ssh ends a moment after it tells its sessions that they are over.
        sleep(CHECK_PAUSE).await;
        self.is_alive().await
    }

    /// Lets ssh listen on `local` and carry what connects there to `remote`, as the host sees it.
    pub(super) async fn forward(&self, local: SocketAddr, remote: SocketAddr) -> Result<(), String> {
        let request = self.session.request_port_forward(ForwardType::Local, local, remote);
        match timeout(CHECK_MAX, request).await {
            Ok(result) => result.map_err(|error| innermost(&error)),
            Err(_) => Err(format!("no answer within {} s", CHECK_MAX.as_secs())),
        }
    }

    /// Ends what [`Connection::forward`] began.
    pub(super) async fn end_forward(&self, local: SocketAddr, remote: SocketAddr) {
        let request = self.session.close_port_forward(ForwardType::Local, local, remote);
        // It ends with the connection at the latest.
        let _ = timeout(CHECK_MAX, request).await;
    }

    pub(super) async fn is_alive(&self) -> bool {
        matches!(timeout(CHECK_MAX, self.session.check()).await, Ok(Ok(())))
    }
}

/// Waits until the host no longer counts the session of a script that is over.
pub(super) async fn release(child: Child) {
    // What was left running there may keep it; opening the next session then waits for its turn.
    let _ = timeout(RELEASE_MAX, child.wait()).await;
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
