//! What a port says to a CONNECT, byte for byte: looked at only when a client got no CONNACK, to tell people what they
//! are talking to. The MQTT client can't say, since it sees packets and not bytes.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Target;
use crate::failure::Deadline;
use crate::wire::{Door, Version};

/// Enough of an answer to recognise it.
const SHOWN_BYTES: usize = 40;

/// What opens a websocket; the key is that of RFC 6455, 1.3.
const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: bear\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: mqtt\r\n\r\n";

/// In plain words, what answered in place of CONNACK; `None` if nothing did, or nothing that explains the failure.
pub(crate) async fn explain(target: &Target, version: Version, limit: Duration) -> Option<String> {
    match heard(&target.host, target.mqtt, connect_packet(version), limit).await?.as_slice() {
        // A server of 3.1.1 answers a client of 5 in its own format (3.1.1, 3.2.2.3): code 1.
        [0x20, 0x02, _, 0x01] => Some(format!("the broker refuses {version}")),
        [] | [0x20, ..] => None,
        other => Some(format!("the broker answered with bytes that are no MQTT: \"{}\"", excerpt(other))),
    }
}

/// In plain words, what speaks at a door where TLS was expected; `None` if nothing does without TLS either.
pub(crate) async fn explain_without_tls(host: &str, door: Door<'_>, limit: Duration) -> Option<String> {
    let Door { port, websocket, .. } = door;
    let words = if websocket { UPGRADE } else { connect_packet(Version::V311) };
    match heard(host, port, words, limit).await?.as_slice() {
        // TLS answers what it does not understand with an alert: record type 21, version 3.
        [] | [0x15, 0x03, ..] => None,
        [0x20, ..] if !websocket => Some(format!("port {port} speaks MQTT without TLS")),
        answer if websocket && answer.starts_with(b"HTTP/1.1 101 ") => {
            Some(format!("port {port} opens websockets without TLS"))
        }
        other => Some(format!("port {port} speaks no TLS: it answered with \"{}\"", excerpt(other))),
    }
}

async fn heard(host: &str, port: u16, words: &[u8], limit: Duration) -> Option<Vec<u8>> {
    Deadline::after(limit).bound(first_words(host, port, words)).await?.ok()
}

/// The first line, or as much of it as people need to recognise what speaks there.
pub(crate) fn excerpt(answer: &[u8]) -> String {
    let line = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(answer);
    line[..line.len().min(SHOWN_BYTES)].escape_ascii().to_string()
}

async fn first_words(host: &str, port: u16, words: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(words).await?;
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
