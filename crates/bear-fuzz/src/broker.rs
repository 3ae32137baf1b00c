//! Bytes that clients send to the embedded broker, over several connections at once: it goes on, and what it kept can be
//! loaded again.

use arbitrary::Unstructured;
use bear_broker::fuzzing::{Chunk, converse};

/// As many connections as there are at once.
const CONNECTIONS: u8 = 3;
const CHUNKS_MAX: usize = 100;

pub(crate) fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let mut chunks = Vec::new();
    while let (true, Ok(head)) = (chunks.len() < CHUNKS_MAX, bytes.arbitrary::<u8>()) {
        let connection = usize::from(head % CONNECTIONS);
        let length = bytes.arbitrary::<u8>().unwrap_or_default();
        let length = usize::from(length).min(bytes.len());
        let body = bytes.bytes(length).unwrap_or_default();
        let sent = match head / CONNECTIONS % 4 {
            0 => connect(head),
            1 => body.to_vec(),
            _ => packet(body),
        };
        chunks.push(Chunk { connection, sent, last: head >= 240 });
    }
    let folder = tempfile::tempdir().unwrap();
    converse(folder.path(), chunks).unwrap();
}

/// A CONNECT that is let in. Some share a client id, some keep their session.
fn connect(dice: u8) -> Vec<u8> {
    let (version, clean, client) = (4 + (dice >> 4) % 2, (dice >> 5) % 2 * 2, b'a' + (dice >> 6) % 2);
    let mut body = b"\0\x04MQTT".to_vec();
    body.extend([version, clean, 0, 60]);
    if version == 5 {
        // A session that is kept for 256 s after its connection.
        body.extend([5, 0x11, 0, 0, 1, 0]);
    }
    body.extend([0, 1, client]);
    framed(0x10, &body)
}

/// A packet whose length is right, so that a guess gets as far as its fields.
fn packet(body: &[u8]) -> Vec<u8> {
    body.split_first().map_or_else(Vec::new, |(&head, body)| framed(head, body))
}

/// A packet with its length, which is below 256 (MQTT 5, section 1.5.5).
fn framed(head: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).unwrap_or(u8::MAX);
    let mut packet = vec![head];
    match length {
        0..=127 => packet.push(length),
        _ => packet.extend([length | 0x80, 1]),
    }
    packet.extend_from_slice(body);
    packet
}
