//! The page on the dashboard port: what runs here, for people (`GET /`) and for programs (`GET /status`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::limits;
use crate::listener::accept;
use crate::spec::{Ports, Spec};

/// The answer to `GET /status`. Fields are only ever added.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(rename = "status")]
    state: &'static str,
    name: &'a str,
    version: &'static str,
    pid: u32,
    connections: usize,
    uptime_seconds: u64,
    ports: Ports,
}

/// What the page shows.
pub(crate) struct StatusPage {
    name: String,
    ports: Ports,
    connections: Arc<AtomicUsize>,
    since: Instant,
}

impl StatusPage {
    pub(crate) fn new(spec: &Spec, connections: Arc<AtomicUsize>) -> Self {
        Self { name: spec.name.clone(), ports: spec.ports, connections, since: Instant::now() }
    }

    /// Answers requests for as long as it is polled.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let page = Arc::new(self);
        let at_once = Arc::new(Semaphore::new(limits::STATUS_REQUESTS));
        loop {
            let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
            let stream = accept(&listener).await;
            let page = Arc::clone(&page);
            tokio::spawn(async move {
                let answered = timeout(limits::STATUS_REQUEST, page.answer(stream)).await;
                tracing::debug!(?answered, "a request to the status page");
                drop(permit);
            });
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        let response = loop {
            let room = limits::STATUS_HEAD_BYTES - head.len();
            let read = (&mut stream).take(room as u64).read_buf(&mut head).await?;
            if head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                break self.respond(&head);
            }
            if read == 0 {
                break response("400 Bad Request", "text/plain", "a request that does not end\n", "");
            }
        };
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    }

    fn respond(&self, head: &[u8]) -> String {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let whole = match (method, path) {
            ("GET" | "HEAD", "/") => response("200 OK", "text/html; charset=utf-8", &self.html(), ""),
            ("GET" | "HEAD", "/status") => response("200 OK", "application/json", &self.json(), ""),
            ("GET" | "HEAD", _) => response("404 Not Found", "text/plain", "there is / and /status\n", ""),
            _ => response(
                "405 Method Not Allowed",
                "text/plain",
                "only GET and HEAD\n",
                "Allow: GET, HEAD\r\n",
            ),
        };
        match whole.split_once("\r\n\r\n") {
            Some((head, _)) if method == "HEAD" => format!("{head}\r\n\r\n"),
            _ => whole,
        }
    }

    fn status(&self) -> Status<'_> {
        Status {
            state: "running",
            name: &self.name,
            version: crate::VERSION,
            pid: std::process::id(),
            connections: self.connections.load(Ordering::Relaxed),
            uptime_seconds: self.since.elapsed().as_secs(),
            ports: self.ports,
        }
    }

    fn json(&self) -> String {
        // No map with keys that aren't strings, nothing that fails: serialization can't.
        serde_json::to_string(&self.status()).unwrap_or_default() + "\n"
    }

    fn html(&self) -> String {
        let Status { version, connections, uptime_seconds, .. } = self.status();
        let Ports { mqtt, ws, .. } = self.ports;
        let name = escape(&self.name);
        format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\n\
             <style>body {{ font: 16px/1.6 system-ui; margin: 3em auto; max-width: 32em }}</style>\n\
             <h1>{name}</h1>\n\
             <p>An embedded MQTT broker of bear {version}: running for {uptime_seconds} s, {connections} connected.\n\
             <p>MQTT 3.1.1 and 5 on port {mqtt}, over websockets on ws://127.0.0.1:{ws}/mqtt.\n\
             <p>For programs: <a href=\"/status\">/status</a>\n</html>\n"
        )
    }
}

fn response(status: &str, kind: &str, body: &str, more: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n{more}Connection: close\r\n\r\n{body}"
    )
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |escaped, char| match char {
        '<' => escaped + "&lt;",
        '>' => escaped + "&gt;",
        '&' => escaped + "&amp;",
        '"' => escaped + "&quot;",
        char => escaped + char.encode_utf8(&mut [0; 4]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str) -> String {
        let spec = Spec::new("<demo>", Ports { mqtt: 1, ws: 2, dashboard: 3 });
        let page = StatusPage::new(&spec, Arc::new(AtomicUsize::new(7)));
        page.respond(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).replace("\r\n", "\n")
    }

    #[test]
    fn there_is_a_page_for_people_and_one_for_programs() {
        let json = check("GET /status?now");
        let status = serde_json::from_str::<serde_json::Value>(json.lines().last().unwrap()).unwrap();
        assert_eq!((&status["status"], &status["connections"]), (&"running".into(), &7.into()));
        let html = check("GET /");
        assert!(html.starts_with("HTTP/1.1 200 OK\n") && html.contains("<h1>&lt;demo&gt;</h1>"), "{html}");
        insta::assert_snapshot!(check("HEAD /status").lines().next().unwrap(), @"HTTP/1.1 200 OK");
        assert!(check("HEAD /status").ends_with("Connection: close\n\n"));
    }

    #[test]
    fn anything_else_is_refused() {
        insta::assert_snapshot!(check("GET /etc/passwd").lines().next().unwrap(), @"HTTP/1.1 404 Not Found");
        insta::assert_snapshot!(check("POST /status").lines().next().unwrap(), @"HTTP/1.1 405 Method Not Allowed");
        insta::assert_snapshot!(check("").lines().next().unwrap(), @"HTTP/1.1 405 Method Not Allowed");
    }
}
