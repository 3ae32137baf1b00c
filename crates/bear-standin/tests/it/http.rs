//! A client that sees of an answer what tells versions of EMQX apart.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By their names as sent.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// Asks, on a connection of its own.
pub(crate) fn ask(at: SocketAddr, method: &str, path: &str, headers: &[String], body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut lines = vec![format!("{method} {path} HTTP/1.1"), format!("host: {at}")];
    lines.extend_from_slice(headers);
    if !body.is_empty() {
        lines.push(format!("content-length: {}", body.len()));
    }
    stream.write_all(format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).unwrap();
    read(BufReader::new(stream), method == "HEAD")
}

fn read(mut stream: BufReader<TcpStream>, head_only: bool) -> Answer {
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let status = line();
    let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {status:?}")).parse().unwrap();
    let headers: BTreeMap<String, String> = std::iter::from_fn(|| {
        let line = line();
        line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()))
    })
    .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; if head_only { 0 } else { length }];
    stream.read_exact(&mut body).unwrap();
    Answer { status, headers, body: String::from_utf8(body).unwrap() }
}

/// The header of a user with a password.
pub(crate) fn basic(user_and_password: &str) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(user_and_password);
    format!("authorization: Basic {encoded}")
}
