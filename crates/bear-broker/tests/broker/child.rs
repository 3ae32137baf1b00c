//! A broker in a child process and a folder of its own.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bear_broker::{Credentials, Ports, Spec};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The environment variable that makes a test process a broker.
pub(crate) const SPEC: &str = "BEAR_BROKER_TEST_SPEC";
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) spec: Spec,
    child: Option<Child>,
}

impl World {
    pub(crate) fn new() -> Self {
        let ports = Ports { mqtt: free_port(), ws: free_port(), dashboard: free_port() };
        Self { folder: tempfile::tempdir().unwrap(), spec: Spec::new("test-broker-1", ports), child: None }
    }

    /// A broker that lets clients in, and runs.
    pub(crate) fn running() -> Self {
        let mut world = Self::new();
        world.start();
        world
    }

    /// A broker that lets in only this user.
    pub(crate) fn running_for(user: &str, password: &str) -> Self {
        let mut world = Self::new();
        let credentials = Credentials::default().with_user(user, password).unwrap();
        credentials.save(&world.folder.path().join("credentials.json")).unwrap();
        world.spec.credentials = Some("credentials.json".into());
        world.start();
        world
    }

    /// Starts the broker and waits for it.
    pub(crate) fn start(&mut self) {
        self.child = Some(spawn(&self.save_spec()));
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.spec.ports.mqtt)).is_err() {
            assert!(started.elapsed() < DEADLINE, "the broker does not listen");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the broker where it can't run, and gives what it says.
    pub(crate) fn fail_to_start(&self) -> String {
        let mut child = spawn(&self.save_spec());
        let status = wait(&mut child);
        assert!(!status.success());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said.lines().next().unwrap_or_default().replace(&self.folder.path().display().to_string(), "DIR")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.as_ref().unwrap()), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(self.child.as_mut().unwrap())
    }

    /// `kill -9` and a new start.
    pub(crate) fn kill_and_restart(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
        self.start();
    }

    fn save_spec(&self) -> PathBuf {
        let path = self.folder.path().join("broker.json");
        self.spec.save(&path).unwrap();
        path
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn spawn(spec: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["runs_a_broker_where_it_is_told_to", "--exact", "--nocapture"])
        .env(SPEC, spec)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait(child: &mut Child) -> ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(since.elapsed() < DEADLINE, "the broker does not end");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
