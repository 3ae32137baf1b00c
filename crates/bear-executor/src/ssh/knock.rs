//! Whether an sshd answers at all, found out for the price of a socket: a thousand machines that boot can be asked again
//! and again, where an `ssh` for each would keep those waiting that can be worked on.

use std::io;
use std::time::Duration;

use bear_core::event::StepError;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Ssh, connect, failure};
use crate::host_keys::HostKey;

/// How long an answer may take. The kernel repeats what got lost after 1 s and after 3 s, tcp(7).
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How every SSH server that has room for one more begins, RFC 4253 section 4.2.
const GREETING: &[u8] = b"SSH-";

impl Ssh {
    /// Whether something that speaks SSH answers. It may be anybody: only connecting checks the host key.
    ///
    /// A host behind another one is taken to answer: asking it takes an `ssh`.
    ///
    /// # Errors
    ///
    /// Why nothing answers; all but an address that makes no sense may pass.
    pub async fn answers(&self) -> Result<(), StepError> {
        let route = self.route().await?;
        if !route.direct {
            return Ok(());
        }
        let greeting = timeout(ANSWER_MAX, greeting(&route.address, route.port)).await;
        match greeting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(()) => Ok(()),
            Err(error) => Err(failure::unanswered(&route.place, &error)),
        }
    }

    /// The host key that is presented right now, of the same type as this one. It is only looked at: what is trusted
    /// stays as it is.
    pub async fn presented(&self, like: &HostKey) -> Result<HostKey, StepError> {
        connect::presented(&self.target, self.route().await?, like).await
    }
}

async fn greeting(address: &str, port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((address, port)).await?;
    let mut bytes = [0; GREETING.len()];
    stream.read_exact(&mut bytes).await?;
    if bytes == GREETING {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "what answers there is full, or does not speak SSH"))
}
