//! Readiness: a broker is ready when it answers an MQTT CONNECT.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::state::v1::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::error::IO;
use super::{LOOPBACK, broker, process};

/// How long a broker may take until it answers; it loads what it has stored before it listens.
pub(super) const READY_MAX: Duration = Duration::from_secs(20);

/// How long one CONNECT may stay without an answer before another is sent.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// The shortest and the longest pause between two looks. A broker starts in well under 100 ms.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// Why a broker is not ready.
#[derive(Debug)]
pub(super) enum NotReady {
    /// Its process ended.
    Ended,
    /// It runs and does not answer.
    Silent,
    /// It can't be looked at.
    Unknown(StepError),
}

/// Waits until this process holds the folder and answers on its MQTT port, but no longer than `patience`.
pub(super) async fn wait(
    folder: &Path,
    process: Process,
    port: u16,
    patience: Duration,
) -> Result<(), NotReady> {
    let answered = async {
        let mut pause = PAUSES.0;
        loop {
            // Asked first: what listens on the port of a dead broker is somebody else.
            if !lives(process)? {
                return Err(NotReady::Ended);
            }
            if broker::running(folder).map_err(NotReady::Unknown)? == Some(process) && answers(port).await {
                return Ok(());
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    };
    timeout(patience, answered).await.unwrap_or(Err(NotReady::Silent))
}

fn lives(process: Process) -> Result<bool, NotReady> {
    process::is_alive(process).map_err(|error| {
        NotReady::Unknown(StepError::permanent(IO, format!("asking who process {} is: {error}", process.pid)))
    })
}

async fn answers(port: u16) -> bool {
    matches!(timeout(ANSWER_MAX, connect(port)).await, Ok(Ok(true)))
}

/// Whether a CONNECT is answered with a CONNACK. Its return code does not matter: a broker that refuses a stranger is
/// ready, too.
async fn connect(port: u16) -> io::Result<bool> {
    const CONNACK: u8 = 0x20;
    const DISCONNECT: [u8; 2] = [0xE0, 0];
    let mut stream = TcpStream::connect((LOOPBACK, port)).await?;
    stream.write_all(&connect_packet(&client_id())).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    // Whoever was refused is disconnected already, so that this may fail.
    let _ = stream.write_all(&DISCONNECT).await;
    Ok(answer[..2] == [CONNACK, 2])
}

/// A client id that nobody else has: at most 23 letters and digits, which every server takes (MQTT-3.1.3-5).
fn client_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bear{:x}x{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A CONNECT of MQTT 3.1.1 with a clean session and no user name.
fn connect_packet(client_id: &str) -> Vec<u8> {
    const CLEAN_SESSION: u8 = 0b10;
    const KEEP_ALIVE_SECONDS: u8 = 10;
    let id_len = u8::try_from(client_id.len()).expect("a client id has at most 23 characters");
    let mut packet =
        vec![0x10, 12 + id_len, 0, 4, b'M', b'Q', b'T', b'T', 4, CLEAN_SESSION, 0, KEEP_ALIVE_SECONDS];
    packet.extend([0, id_len]);
    packet.extend(client_id.as_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn a_connect_packet_is_what_the_standard_says() {
        assert_eq!(connect_packet("ab"), b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02ab");
    }

    #[test]
    fn client_ids_differ_and_are_short() {
        assert_ne!(client_id(), client_id());
        assert!(client_id().len() <= 23);
    }

    #[tokio::test]
    async fn only_a_connack_counts() {
        async fn check(answer: &'static [u8], expected: bool) {
            let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut packet = [0; 64];
                let _ = stream.read(&mut packet).await.unwrap();
                stream.write_all(answer).await.unwrap();
            });
            assert_eq!(answers(port).await, expected, "{answer:?}");
            server.await.unwrap();
        }
        check(b"\x20\x02\x00\x00", true).await;
        check(b"\x20\x02\x00\x05", true).await;
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
        check(b"\x20\x02", false).await;
        check(b"", false).await;
    }

    #[tokio::test]
    async fn a_process_that_has_ended_is_told_from_a_silent_one() {
        let folder = tempfile::tempdir().unwrap();
        let this = process::find(std::process::id()).unwrap().unwrap();
        let earlier = Process { started: this.started - 1, ..this };
        let patience = Duration::from_millis(20);
        assert!(matches!(wait(folder.path(), this, 1, patience).await, Err(NotReady::Silent)));
        assert!(matches!(wait(folder.path(), earlier, 1, READY_MAX).await, Err(NotReady::Ended)));
    }

    #[tokio::test]
    async fn nobody_there_is_no_answer() {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert!(!answers(port).await);
    }
}
