//! What a port says to a CONNECT, byte for byte: looked at only when a client got no CONNACK, to tell people what they
//! are talking to. The MQTT client can't say, since it sees packets and not bytes.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Target;
use crate::failure::Deadline;
use crate::wire::Version;

/// Enough of an answer to recognise it.
const SHOWN_BYTES: usize = 40;

/// In plain words, what answered in place of CONNACK; `None` if nothing did, or nothing that explains the failure.
pub(crate) async fn explain(target: &Target, version: Version, limit: Duration) -> Option<String> {
    let exchange = first_words(target, version);
    let heard = Deadline::after(limit).bound(exchange).await?.ok()?;
    match heard.as_slice() {
        // A server of 3.1.1 answers a client of 5 in its own format (3.1.1, 3.2.2.3): code 1.
        [0x20, 0x02, _, 0x01] => Some(format!("the broker refuses {version}")),
        [] | [0x20, ..] => None,
        other => Some(format!("the broker answered with bytes that are no MQTT: \"{}\"", excerpt(other))),
    }
}

/// The first line, or as much of it as people need to recognise what speaks there.
fn excerpt(answer: &[u8]) -> String {
    let line = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(answer);
    line[..line.len().min(SHOWN_BYTES)].escape_ascii().to_string()
}

async fn first_words(target: &Target, version: Version) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((target.host.as_str(), target.mqtt)).await?;
    stream.write_all(connect_packet(version)).await?;
    let mut heard = Vec::new();
    stream.read_buf(&mut heard).await?;
    Ok(heard)
}

/// CONNECT of a clean session, keep alive 10 s, client id `bearask`.
fn connect_packet(version: Version) -> &'static [u8] {
    match version {
        Version::V311 => b"\x10\x13\x00\x04MQTT\x04\x02\x00\x0a\x00\x07bearask",
        Version::V5 => b"\x10\x14\x00\x04MQTT\x05\x02\x00\x0a\x00\x00\x07bearask",
    }
}
