//! A stand-in that runs as a process, in a folder and on ports of its own.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, ask};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a stand-in is started with.
pub(crate) struct Setup {
    root: PathBuf,
    ports: [SocketAddr; 5],
    variables: Vec<(String, String)>,
}

/// One that runs, until it is dropped.
pub(crate) struct StandIn {
    setup: Setup,
    child: Child,
}

/// Five ports that no other stand-in of any test has: this process has a loopback address of its own, and on it each
/// stand-in has ports of its own, below those that the system hands out.
fn ports() -> [SocketAddr; 5] {
    static TAKEN: AtomicU16 = AtomicU16::new(20_000);
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let first = TAKEN.fetch_add(5, Ordering::Relaxed);
    [0, 1, 2, 3, 4].map(|next| SocketAddr::from(([127, 64 | (a & 63), b, c], first + next)))
}

/// A folder for the data of one node.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

impl Setup {
    /// A stand-in of this version, as fast as it can be.
    pub(crate) fn new(version: &str, root: &Path) -> Self {
        let ports = ports();
        let setup = Self { root: root.to_owned(), ports, variables: Vec::new() };
        let setup = setup
            .with("EMQX_STANDIN_VERSION", version)
            .with("EMQX_STANDIN_BOOT_MS", "0")
            .with("EMQX_NODE_NAME", "emqx@127.0.0.1")
            .with("EMQX_DASHBOARD__LISTENERS__HTTP__BIND", &format!("\"{}\"", ports[4]));
        ["TCP", "SSL", "WS", "WSS"].iter().zip(ports).fold(setup, |setup, (kind, port)| {
            setup.with(&format!("EMQX_LISTENERS__{kind}__DEFAULT__BIND"), &format!("\"{port}\""))
        })
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `emqx` with these words, and this setup's variables and folder.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emqx-standin"));
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.env_clear().envs(variables).arg("--root").arg(&self.root).args(words);
        command
    }

    /// Starts it and waits until the dashboard answers.
    #[track_caller]
    pub(crate) fn start(self) -> StandIn {
        let mut standin = self.spawn();
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(standin.dashboard()).is_err() {
            let ended = standin.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{ended:?}: {}", standin.log());
            sleep(Duration::from_millis(5));
        }
        standin
    }

    /// Starts it, and does not wait.
    pub(crate) fn spawn(self) -> StandIn {
        let log = File::create(self.root.join("log.txt")).unwrap();
        let mut command = self.command(&["foreground"]);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        StandIn { setup: self, child }
    }
}

impl StandIn {
    pub(crate) fn dashboard(&self) -> SocketAddr {
        self.setup.ports[4]
    }

    /// The ports of the listeners tcp, ssl, ws and wss.
    pub(crate) fn mqtt(&self) -> [SocketAddr; 4] {
        let [tcp, ssl, ws, wss, _] = self.setup.ports;
        [tcp, ssl, ws, wss]
    }

    pub(crate) fn root(&self) -> &Path {
        &self.setup.root
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.setup.root.join("log.txt")).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.dashboard(), "GET", path, &[], "")
    }

    pub(crate) fn login(&self, user: &str, password: &str) -> Answer {
        let body = json!({"username": user, "password": password}).to_string();
        ask(self.dashboard(), "POST", "/api/v5/login", &["content-type: application/json".into()], &body)
    }

    /// The token of a login that must work.
    #[track_caller]
    pub(crate) fn token(&self, user: &str, password: &str) -> String {
        let answer = self.login(user, password);
        assert_eq!(answer.status, 200, "{user} {password}: {answer:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    /// What `emqx` with these words says.
    pub(crate) fn emqx(&self, words: &[&str]) -> Output {
        self.setup.command(words).output().unwrap()
    }

    /// The same as text with the exit status behind it.
    pub(crate) fn said(&self, words: &[&str]) -> String {
        let output = self.emqx(words);
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        format!("{text}[rc={}]", output.status.code().unwrap())
    }

    pub(crate) fn terminate(&self) {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it goes on: {}", self.log());
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
