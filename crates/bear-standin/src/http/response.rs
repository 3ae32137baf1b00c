//! Answers, in the shape that EMQX's web server gives them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// What is answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Sent in the order of the alphabet, as the web server does.
    headers: BTreeMap<&'static str, String>,
    body: Vec<u8>,
    /// Where a handler of EMQX's crashed, the answer lacks even the date.
    crashed: bool,
}

impl Response {
    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: Vec::new(), crashed: false }
    }

    pub(crate) fn text(status: u16, kind: &str, body: impl Into<String>) -> Self {
        let mut response = Self::empty(status).with("content-type", kind);
        response.body = body.into().into_bytes();
        response
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An answer with what EMQX says of every error: a code and a message.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"code": code, "message": message}))
    }

    /// What is left of an answer where the handler crashed.
    pub(crate) fn crashed(status: u16) -> Self {
        Self { crashed: true, ..Self::empty(status) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The bytes of the answer; with `head_only`, those before the body.
    pub(super) fn into_bytes(mut self, head_only: bool, close: bool) -> Vec<u8> {
        if self.status != 204 {
            self.headers.insert("content-length", self.body.len().to_string());
        }
        if close {
            self.headers.insert("connection", String::from("close"));
        }
        if !self.crashed {
            let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            self.headers.insert("date", date);
            self.headers.insert("server", String::from("Cowboy"));
        }
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.append(&mut self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Request Entity Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
