//! What there really is: processes as `/proc` tells of them, folders, and who answers on a port.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How long a broker may take to answer who connects.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A broker that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Broker {
    /// The instance that it was started for.
    pub(crate) instance: String,
    /// Its process.
    pub(crate) pid: i32,
}

impl Broker {
    /// Ends it at once, unless it is gone.
    pub(crate) fn kill(&self) -> Result<(), String> {
        self.signal(Signal::SIGKILL)
    }

    /// Sends it a signal, unless it is gone.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        match kill(Pid::from_raw(self.pid), signal) {
            Err(nix::errno::Errno::ESRCH) => Ok(()),
            sent => sent.map_err(|error| format!("could not signal process {}: {error}", self.pid)),
        }
    }
}

/// The brokers whose specification lies somewhere below `root`: `bear __broker --spec ROOT/…/INSTANCE/broker.json`.
pub(super) fn brokers(root: &Path) -> io::Result<Vec<Broker>> {
    let mut brokers = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process that can't be asked is gone, or somebody else's. One that is gone but for its entry has no words.
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let mut words = words.split('\0').skip(1);
        if words.next() == Some("__broker")
            && words.next() == Some("--spec")
            && let Some(spec) = words.next().map(PathBuf::from).filter(|spec| spec.starts_with(root))
            && let Some(instance) = spec.parent().and_then(Path::file_name)
        {
            brokers.push(Broker { instance: instance.to_string_lossy().into_owned(), pid });
        }
    }
    brokers.sort();
    Ok(brokers)
}

/// The folders of instances, and the token in each; none where it has none, as one that is half made or half removed.
pub(super) fn machines(folder: &Path) -> io::Result<Vec<(String, Option<String>)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut machines = Vec::new();
    for entry in entries {
        let entry = entry?;
        let marker = fs::read(entry.path().join("instance.json")).unwrap_or_default();
        let token = serde_json::from_slice::<Value>(&marker).unwrap_or_default()["token"].take();
        let name = entry.file_name().to_string_lossy().into_owned();
        machines.push((name, token.as_str().map(str::to_owned)));
    }
    machines.sort();
    Ok(machines)
}

/// Whether a broker answers on this port of this machine, be it with a refusal.
pub(crate) fn mqtt_answers(port: u16) -> bool {
    // MQTT 3.1.1: a clean session, no keep-alive, client id `x`.
    const CONNECT: [u8; 15] = *b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x";
    const CONNACK: [u8; 2] = [0x20, 2];
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.write_all(&CONNECT)?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer)?;
        Ok(answer[..2] == CONNACK)
    };
    ask().unwrap_or(false)
}
