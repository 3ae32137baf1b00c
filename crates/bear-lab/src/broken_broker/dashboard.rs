//! The dashboard of an EMQX as verify sees it, which can be broken in one way at a time. It has no broker behind it.
//!
//! It says what was recorded from EMQX 5.0.9 and 5.8.9, and for 6.2.2 what the source says. Its HTTP is written by hand
//! and not with the library of the client under test: two ends that share a library share its mistakes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::connection;

/// The one user of a [`BrokenDashboard`].
pub const DASHBOARD_USERNAME: &str = "admin";
/// The password of [`DASHBOARD_USERNAME`].
pub const DASHBOARD_PASSWORD: &str = "Bear_first1";
/// The token that a [`BrokenDashboard`] gives.
pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.dG9rZW4.c2VjcmV0";

/// Larger than any body that verify sends.
const MAX_BODY_BYTES: usize = 4096;

/// A version of EMQX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 5.0.9
    V509,
    /// 5.8.9
    V589,
    /// 6.2.2
    V622,
}

impl Release {
    /// Every version that is imitated.
    pub const ALL: [Self; 3] = [Self::V509, Self::V589, Self::V622];

    /// As EMQX writes it.
    pub fn version(self) -> &'static str {
        match self {
            Self::V509 => "5.0.9",
            Self::V589 => "5.8.9",
            Self::V622 => "6.2.2",
        }
    }

    fn refusal(self) -> &'static str {
        match self {
            Self::V509 => "WRONG_USERNAME_OR_PWD",
            Self::V589 | Self::V622 => "BAD_USERNAME_OR_PWD",
        }
    }
}

/// One way in which a dashboard can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardFault {
    /// Accepts connections and says nothing.
    Silent,
    /// Accepts connections and closes them.
    ClosesAtOnce,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Answers all with a page for people.
    Html,
    /// Sends everybody elsewhere.
    Redirects,
    /// Begins every answer and never ends it.
    EndlessBody,
    /// Closes the connection in the middle of every answer.
    CutsAnswers,
    /// The broker behind it is stopped: said with 200, as 5.0.9 does, and with 503 since.
    Stopped,
    /// Not ready: 503 and nothing else.
    NotReady,
    /// Answers all with 401, as if every password were wrong.
    RefusesEverybody,
    /// Lets the default password in, beside the right one.
    AcceptsDefaultPassword,
    /// Refuses every password for a while.
    LocksLogins,
    /// Fails inside when somebody logs in, and answers with the whole request.
    EchoesLogins,
    /// Fails inside at all else, and answers with the whole request.
    EchoesRequests,
    /// Lets in without a token.
    GivesNoToken,
    /// Has another version than it should.
    OtherVersion,
    /// Has a second node of another version.
    MixedVersions,
    /// Has nodes that tell no version.
    TellsNoVersion,
}

impl DashboardFault {
    /// Every way to be broken.
    pub const ALL: [Self; 18] = [
        Self::Silent,
        Self::ClosesAtOnce,
        Self::Garbage,
        Self::Html,
        Self::Redirects,
        Self::EndlessBody,
        Self::CutsAnswers,
        Self::Stopped,
        Self::NotReady,
        Self::RefusesEverybody,
        Self::AcceptsDefaultPassword,
        Self::LocksLogins,
        Self::EchoesLogins,
        Self::EchoesRequests,
        Self::GivesNoToken,
        Self::OtherVersion,
        Self::MixedVersions,
        Self::TellsNoVersion,
    ];
}

/// A running dashboard on 127.0.0.1. It ends when dropped.
#[derive(Debug)]
pub struct BrokenDashboard {
    port: u16,
    wrong_logins: Arc<AtomicUsize>,
    /// Aborted when dropped, and with it every connection.
    _listener: JoinSet<()>,
}

impl BrokenDashboard {
    /// Starts a dashboard on a free port; one without any fault for `None`.
    pub async fn start(release: Release, fault: Option<DashboardFault>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let wrong_logins = Arc::new(AtomicUsize::new(0));
        let manner = Manner { release, fault, wrong_logins: wrong_logins.clone() };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(manner.clone().serve(stream));
            }
        });
        Ok(Self { port, wrong_logins, _listener: task })
    }

    /// The port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many logins were tried with a password that is not the right one.
    pub fn wrong_logins(&self) -> usize {
        self.wrong_logins.load(Ordering::Relaxed)
    }
}

struct Request {
    /// Method and path.
    line: String,
    headers: String,
    body: String,
}

#[derive(Clone)]
struct Manner {
    release: Release,
    fault: Option<DashboardFault>,
    wrong_logins: Arc<AtomicUsize>,
}

impl Manner {
    async fn serve(self, mut stream: TcpStream) -> io::Result<()> {
        if self.fault == Some(DashboardFault::Silent) {
            return connection::say_nothing(stream).await;
        }
        let request = read(&mut stream).await?;
        match self.fault {
            Some(DashboardFault::ClosesAtOnce) => Ok(()),
            Some(DashboardFault::Garbage) => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await,
            Some(DashboardFault::EndlessBody) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b' '; 4096]).await?;
                }
            }
            Some(DashboardFault::CutsAnswers) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 46\r\n\r\nNode emqx@").await
            }
            _ => {
                let (status, body) = self.answer(&request);
                let length = body.len();
                let location = if status.starts_with("302") { "location: /login\r\n" } else { "" };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nserver: Cowboy\r\n{location}\r\n"
                );
                stream.write_all((head + &body).as_bytes()).await
            }
        }
    }

    fn answer(&self, request: &Request) -> (&'static str, String) {
        let login = request.line.starts_with("POST /api/v5/login ");
        match self.fault {
            Some(DashboardFault::Html) => {
                ("200 OK", "<html>\n<body>Welcome to nginx!</body>\n</html>".to_owned())
            }
            Some(DashboardFault::Redirects) => ("302 Found", String::new()),
            Some(DashboardFault::NotReady) => ("503 Service Unavailable", String::new()),
            Some(DashboardFault::RefusesEverybody) => refused(self.release.refusal()),
            Some(DashboardFault::EchoesLogins) if login => failed_inside(request),
            Some(DashboardFault::EchoesRequests) if !login => failed_inside(request),
            _ if login => self.log_in(request),
            _ if request.line.starts_with("GET /status ") => self.status(),
            _ if request.line.starts_with("GET /api/v5/nodes ") => self.nodes(request),
            _ => {
                ("404 Not Found", r#"{"code": "API_NOT_EXIST", "message": "Request Path Not Found"}"#.into())
            }
        }
    }

    fn status(&self) -> (&'static str, String) {
        if self.fault != Some(DashboardFault::Stopped) {
            return ("200 OK", "Node emqx@127.0.0.1 is started\nemqx is running".to_owned());
        }
        let status = if self.release == Release::V509 { "200 OK" } else { "503 Service Unavailable" };
        (status, "Node emqx@127.0.0.1 is stopped\nemqx is not_running".to_owned())
    }

    fn log_in(&self, request: &Request) -> (&'static str, String) {
        if !request.headers.contains("content-type: application/json") {
            return ("500 Internal Server Error", String::new());
        }
        let has = |password: &str| {
            [DASHBOARD_USERNAME, password].iter().all(|text| request.body.contains(&format!("\"{text}\"")))
        };
        let right = has(DASHBOARD_PASSWORD);
        if !right {
            self.wrong_logins.fetch_add(1, Ordering::Relaxed);
        }
        if self.fault == Some(DashboardFault::LocksLogins) {
            return refused("LOGIN_LOCKED");
        }
        let default = self.fault == Some(DashboardFault::AcceptsDefaultPassword) && has("public");
        if !right && !default {
            return refused(self.release.refusal());
        }
        let token = match self.fault {
            Some(DashboardFault::GivesNoToken) => String::new(),
            _ => format!(r#""token":"{TOKEN}","#),
        };
        ("200 OK", format!(r#"{{"license":{{"edition":"ce"}},{token}"version":"{}"}}"#, self.version()))
    }

    fn version(&self) -> &'static str {
        if self.fault == Some(DashboardFault::OtherVersion) { "5.0.8" } else { self.release.version() }
    }

    fn nodes(&self, request: &Request) -> (&'static str, String) {
        if !request.headers.contains(&format!("authorization: Bearer {TOKEN}")) {
            return refused("BAD_TOKEN");
        }
        let node = |name: &str, version: &str| {
            format!(r#"{{"connections":0,"node":"{name}","node_status":"running","role":"core"{version}}}"#)
        };
        let with = |version: &str| format!(r#","uptime":73053,"version":"{version}""#);
        let first = match self.fault {
            Some(DashboardFault::TellsNoVersion) => node("emqx@127.0.0.1", ""),
            _ => node("emqx@127.0.0.1", &with(self.version())),
        };
        let second = match self.fault {
            Some(DashboardFault::MixedVersions) => node("emqx@127.0.0.2", &with("5.0.8")),
            // A node that is away has no version, and is no concern of the version's check.
            _ => r#"{"node":"emqx@127.0.0.3","node_status":"stopped","role":"core"}"#.to_owned(),
        };
        ("200 OK", format!("[{first},{second}]"))
    }
}

fn refused(code: &str) -> (&'static str, String) {
    ("401 Unauthorized", format!(r#"{{"code":"{code}","message":"Auth failed"}}"#))
}

/// As EMQX 5.0.9 answers where a handler of its own crashes.
fn failed_inside(request: &Request) -> (&'static str, String) {
    let Request { line, headers, body } = request;
    let message = format!("error, function_clause, {line} {headers} {body}").escape_default().to_string();
    ("500 Internal Server Error", format!(r#"{{"code":"INTERNAL_ERROR","message":"{message}"}}"#))
}

async fn read(stream: &mut TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await?;
        if header.trim_end().is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.trim_end().parse().map_err(io::Error::other)?;
        }
        headers.push_str(&header);
    }
    let mut body = vec![0; MAX_BODY_BYTES.min(length)];
    reader.read_exact(&mut body).await?;
    Ok(Request { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
