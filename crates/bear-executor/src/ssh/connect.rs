//! Connecting to a host whose key is trusted, and only to that.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bear_core::event::StepError;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::failure::{self, Failure};
use super::route::{self, Route};
use super::{ConnectError, Target, control, starts};
use crate::host_keys::{FirstContact, FirstContactRule, HostKey, HostKeys, Pin};

/// How long a host may take to answer, in seconds.
const CONNECT_SECONDS: u32 = 10;

/// How long connecting and logging in may take.
const LOGIN_MAX: Duration = Duration::from_secs(30);

/// The pauses before it is tried again when an sshd hangs up before the login: that is how a full one drops
/// connections.
const HUNG_UP_PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The signature algorithms of the usual types of host keys, each tried alone to find the one that is pinned.
const ALGORITHMS: [&str; 3] = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512,rsa-sha2-256"];

/// What holds whatever the user's configuration says: what it forwards and runs at each login is for people's shells.
const OPTIONS: [&str; 12] = [
    "BatchMode=yes",
    "ClearAllForwardings=yes",
    "ConnectionAttempts=1",
    "ForwardX11=no",
    "LogLevel=INFO",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "Tunnel=no",
    "VisualHostKey=no",
];

/// The user's host key settings must not weaken ours.
pub(super) const HOST_KEY_OPTIONS: [&str; 8] = [
    "CheckHostIP=no",
    "GlobalKnownHostsFile=/dev/null",
    "HashKnownHosts=no",
    // Older versions do not have it.
    "IgnoreUnknown=KnownHostsCommand",
    "KnownHostsCommand=none",
    "NoHostAuthenticationForLocalhost=no",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
];

/// The key that the host presents right now for this type of keys. Nothing comes to be trusted by it.
pub(super) async fn presented(target: &Target, route: &Route, like: &HostKey) -> Result<HostKey, StepError> {
    let connecting = Connecting { target, route };
    let algorithms = format!("^{}", like.algorithms());
    connecting.ask_for_key(Some(&algorithms)).await.map_err(Failure::into_error)
}

/// Connects to the target if its host key is trusted.
pub(super) async fn connect(
    target: &Target,
    route: &Route,
    host_keys: &HostKeys,
) -> Result<Connection, ConnectError> {
    let connecting = Connecting { target, route };
    let trusted = connecting.trusted(host_keys).await?;
    match connecting.persistently(|| connecting.log_in(&trusted)).await {
        Ok(connection) => {
            if target.pin.is_some() {
                host_keys.remember(&route.name, &trusted).await?;
            }
            Ok(connection)
        }
        Err(Failure::HostKey(_)) => Err(connecting.changed(&trusted, host_keys).await.into()),
        Err(Failure::Jump(error)) => {
            Err(connecting.ask_for_key(None).await.map_or_else(Failure::into_error, |_| error).into())
        }
        Err(failure) => Err(failure.into_error().into()),
    }
}

#[derive(Clone, Copy)]
struct Connecting<'a> {
    target: &'a Target,
    route: &'a Route,
}

impl Connecting<'_> {
    /// The keys to accept: what is pinned, else what is known, else what is presented if that is allowed.
    async fn trusted(&self, host_keys: &HostKeys) -> Result<Vec<HostKey>, ConnectError> {
        let known = host_keys.known(&self.route.name).await?;
        match &self.target.pin {
            Some(Pin::Key(key)) => Ok(vec![key.clone()]),
            Some(pin @ Pin::Fingerprint(_)) => match known.into_iter().find(|key| pin.is(key)) {
                Some(key) => Ok(vec![key]),
                None => Ok(vec![self.pinned(pin).await?]),
            },
            None if !known.is_empty() => Ok(known),
            None if self.target.alias.is_some() => {
                let unknown = failure::never_given(self.route, host_keys.path());
                Err(unknown.into())
            }
            None => {
                let key = self.presented(None).await.map_err(Failure::into_error)?;
                let (host, name) = (self.route.place.clone(), self.route.name.clone());
                let contact = FirstContact { host, name, key };
                if host_keys.first_contact() == FirstContactRule::Refuse {
                    return Err(contact.into());
                }
                host_keys.accept(&contact).await?;
                Ok(vec![contact.key])
            }
        }
    }

    /// The key that has the pinned fingerprint. A host has keys of several types, and presents one.
    async fn pinned(&self, pin: &Pin) -> Result<HostKey, StepError> {
        let first = self.presented(None).await.map_err(Failure::into_error)?;
        if pin.is(&first) {
            return Ok(first);
        }
        for algorithms in ALGORITHMS {
            // A host that has no key of this type says so by a failure.
            if let Ok(key) = self.presented(Some(algorithms.to_owned())).await
                && pin.is(&key)
            {
                return Ok(key);
            }
        }
        Err(failure::not_pinned(&self.route.place, pin, &first))
    }

    /// Why the host's key was not accepted.
    async fn changed(&self, trusted: &[HostKey], host_keys: &HostKeys) -> StepError {
        // Of the type that is known, if the host has one.
        let algorithms = trusted.first().map(|key| format!("^{}", key.algorithms()));
        let presented = match self.presented(algorithms).await {
            Ok(presented) => presented,
            Err(failure) => return failure.into_error(),
        };
        match (&self.target.pin, &self.target.alias) {
            (Some(pin), _) => failure::not_pinned(&self.route.place, pin, &presented),
            (None, Some(_)) => failure::not_given(self.route, trusted, &presented),
            (None, None) => failure::changed(self.route, trusted, &presented, host_keys.path()),
        }
    }

    async fn presented(&self, algorithms: Option<String>) -> Result<HostKey, Failure> {
        self.persistently(|| self.ask_for_key(algorithms.as_deref())).await
    }

    /// Tries again while the sshd hangs up before the login.
    async fn persistently<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        attempt: impl Fn() -> F,
    ) -> Result<T, Failure> {
        for pause in HUNG_UP_PAUSES {
            match attempt().await {
                Err(Failure::HungUp(_)) => sleep(pause).await,
                result => return result,
            }
        }
        attempt().await
    }

    async fn log_in(&self, trusted: &[HostKey]) -> Result<Connection, Failure> {
        let (folder, lock) = control::folder().map_err(|error| self.no_folder(&error))?;
        let known_hosts = folder.path().join("known_hosts");
        let lines = trusted.iter().map(|key| format!("{} {key}\n", self.route.name)).collect::<String>();
        fs::write(&known_hosts, lines).map_err(|error| self.no_folder(&error))?;
        let mut ssh = self.ssh(&known_hosts, "yes");
        // It goes to the background once it is logged in, and ends by itself should bear die.
        ssh.args(["-M", "-f", "-N", "-o", "ControlPersist=60"]);
        ssh.arg("-S").arg(escaped(&folder.path().join("master")));
        match self.run(ssh, &folder).await? {
            Ended::Well => Ok(Connection::new(folder, lock)),
            Ended::Badly(log) => Err(failure::of(&log, self.route)),
        }
    }

    /// Shakes hands up to the host key, without logging in.
    async fn ask_for_key(&self, algorithms: Option<&str>) -> Result<HostKey, Failure> {
        let (folder, _lock) = control::folder().map_err(|error| self.no_folder(&error))?;
        let known_hosts = folder.path().join("known_hosts");
        let mut ssh = self.ssh(&known_hosts, "accept-new");
        ssh.args(["-o", "PreferredAuthentications=none", "-S", "none"]);
        if let Some(algorithms) = algorithms {
            ssh.arg("-o").arg(format!("HostKeyAlgorithms={algorithms}"));
        }
        let ended = self.run(ssh, &folder).await?;
        let line = fs::read_to_string(&known_hosts).unwrap_or_default();
        match (line.split_once(' ').and_then(|(_, key)| key.parse().ok()), ended) {
            (Some(key), _) => Ok(key),
            (None, Ended::Badly(log)) => Err(failure::of(&log, self.route)),
            (None, Ended::Well) => Err(failure::of("it presents no host key", self.route)),
        }
    }

    fn ssh(&self, known_hosts: &Path, strict: &str) -> Command {
        let mut ssh = route::command(self.target);
        for option in OPTIONS.iter().chain(&HOST_KEY_OPTIONS) {
            ssh.arg("-o").arg(option);
        }
        ssh.arg("-o").arg(format!("ConnectTimeout={CONNECT_SECONDS}"));
        ssh.arg("-o").arg(format!("StrictHostKeyChecking={strict}"));
        ssh.arg("-o").arg(format!("UserKnownHostsFile=\"{}\"", escaped(known_hosts)));
        ssh
    }

    async fn run(&self, mut ssh: Command, folder: &TempDir) -> Result<Ended, Failure> {
        let path = folder.path().join("log");
        // An ssh for a jump host writes there too.
        let log = fs::File::options().create(true).append(true).open(&path);
        ssh.stderr(Stdio::from(log.map_err(|error| self.no_folder(&error))?));
        // The command only matters to an sshd that lets everybody in when asked for the host key.
        ssh.arg("--").arg(&self.target.address).arg("true");
        let start = starts::start(&self.route.servers).await;
        let place = &self.route.place;
        let mut process = ssh
            .spawn()
            .map_err(|error| Failure::Other(failure::no_client(&format!("connecting to {place}"), &error)))?;
        let ended = timeout(LOGIN_MAX, process.wait()).await;
        drop(start);
        let log = fs::read_to_string(path).unwrap_or_default();
        match ended {
            Ok(Ok(status)) if status.success() => Ok(Ended::Well),
            Ok(Ok(_)) => Ok(Ended::Badly(log)),
            Ok(Err(error)) => Err(self.no_folder(&error)),
            Err(_) => Err(Failure::Other(failure::login_timeout(place, LOGIN_MAX, &log))),
        }
    }

    fn no_folder(&self, error: &io::Error) -> Failure {
        Failure::Other(failure::no_folder(&self.route.place, error))
    }
}

/// How an ssh ended.
enum Ended {
    Well,
    /// With this in its log.
    Badly(String),
}

/// The path as ssh takes it: it replaces what begins with a percent sign.
pub(super) fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}
