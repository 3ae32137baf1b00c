//! Why a connection failed: from ssh's own words to an error that says what to do next.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bear_core::event::StepError;

use super::route::Route;
use crate::host_keys::{HostKey, Pin};

#[cfg(test)]
mod tests;

/// Nothing answers.
const UNREACHABLE: &str = "bear::ssh::unreachable";
/// Nothing listens on the port.
const REFUSED: &str = "bear::ssh::refused";
/// The name has no address.
const UNRESOLVED: &str = "bear::ssh::unresolved";
/// The connection was closed before the login.
const HUNG_UP: &str = "bear::ssh::hung_up";
/// The login was refused.
pub const AUTH: &str = "bear::ssh::auth";
/// Logging in takes too long.
const LOGIN_TIMEOUT: &str = "bear::ssh::login_timeout";
/// A jump host failed.
const JUMP: &str = "bear::ssh::jump";
/// The two sides have no algorithm in common.
const PROTOCOL: &str = "bear::ssh::protocol";
/// The host key is not the one that is known.
const HOST_KEY_CHANGED: &str = "bear::ssh::host_key_changed";
/// No host key is known.
const HOST_KEY_UNKNOWN: &str = "bear::ssh::host_key_unknown";
/// The host key is not the one that the fleet file pins.
const HOST_KEY_NOT_PINNED: &str = "bear::ssh::host_key_not_pinned";
/// The host opens no more sessions.
const SESSION_REFUSED: &str = "bear::ssh::session_refused";
/// A port can't be forwarded.
const FORWARD: &str = "bear::ssh::forward";
/// The user's ssh configuration can't be used.
const CONFIG: &str = "bear::ssh::config";
/// There is no `ssh` to run.
const NO_CLIENT: &str = "bear::ssh::no_client";
/// The folder of control sockets can't be used.
const NO_FOLDER: &str = "bear::ssh::control_folder";
/// Something else.
const FAILED: &str = "bear::ssh::failed";

/// Why an attempt to connect failed.
pub(super) enum Failure {
    /// The host key is not trusted.
    HostKey(StepError),
    /// The sshd closed the connection before the login, as it does when it is full.
    HungUp(StepError),
    /// A jump host did not carry the connection. ssh keeps the reason to itself where it goes to the background.
    Jump(StepError),
    /// Anything else.
    Other(StepError),
}

impl Failure {
    pub(super) fn into_error(self) -> StepError {
        match self {
            Self::HostKey(error) | Self::HungUp(error) | Self::Jump(error) | Self::Other(error) => error,
        }
    }
}

/// Reads the log of an ssh that did not connect. Its last line is the reason.
pub(super) fn of(log: &str, route: &Route) -> Failure {
    let place = &route.place;
    let log = log.replace('\r', "");
    let reason =
        log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("ssh does not say why").trim();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let message = format!("connecting to {place}: {reason}");
    let permanent = |code, help: String| {
        Failure::Other(StepError::permanent(code, message.clone()).with_help(help).with_last_lines(&log))
    };
    let transient = |code, help: String| {
        StepError::transient(code, message.clone()).with_help(help).with_last_lines(&log)
    };
    // To ssh, what a jump host carries comes from nowhere: only then has it no address to name.
    if let Some(jump) = route.jump.as_deref().filter(|_| has(&["UNKNOWN port"])) {
        return Failure::Jump(through_jump(&log, place, jump));
    }
    if has(&["Host key verification failed"]) {
        Failure::HostKey(transient(FAILED, "ssh and bear disagree about the host key; try again".into()))
    } else if has(&["Permission denied (", "Too many authentication failures"]) {
        let help = "see that the user is right and that its authorized_keys has the key of `identity`, of your \
                    agent, or of your ~/.ssh/config";
        permanent(AUTH, format!("{help}; to see what ssh offers: `{}`", by_hand(route)))
    } else if has(&["Connection refused"]) {
        Failure::Other(transient(
            REFUSED,
            "nothing listens there: see that sshd runs and that the port is right".into(),
        ))
    } else if has(&["timed out", "No route to host", "unreachable", "Host is down"]) {
        let help = "see that the host is up, that the address is right, and that no firewall is in the way";
        Failure::Other(transient(UNREACHABLE, help.into()))
    } else if has(&["Temporary failure in name resolution"]) {
        Failure::Other(transient(UNRESOLVED, "see that this machine's name server answers".into()))
    } else if has(&["Could not resolve hostname"]) {
        permanent(UNRESOLVED, "see that the address in the fleet file is right".into())
    } else if has(&["Unable to negotiate", "no matching"]) {
        permanent(
            PROTOCOL,
            format!("one of the two is too old for the other: `{}` says more", by_hand(route)),
        )
    } else if has(&["Connection closed by", "Connection reset by", "closed by remote host", "Broken pipe"]) {
        let help = "the sshd is full (`MaxStartups`), keeps this address out (fail2ban), or is just starting";
        Failure::HungUp(transient(HUNG_UP, help.into()))
    } else if has(&["configuration option", "Bad owner or permissions", "terminating,"]) {
        permanent(CONFIG, format!("correct your ssh configuration, until `{}` works", by_hand(route)))
    } else {
        Failure::Other(transient(FAILED, format!("to see more: `{}`", by_hand(route))))
    }
}

/// The jump host's own reason stands before that of the connection which it did not carry.
fn through_jump(log: &str, place: &str, jump: &str) -> StepError {
    let own = |line: &&str| !line.contains("UNKNOWN port") && !line.contains("kex_exchange_identification");
    let reason = log
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .find(own)
        .unwrap_or("it closed the connection");
    let message = format!("connecting to {place}: {}", reason.trim());
    let lasting = ["Permission denied (", "Host key verification failed", "administratively prohibited"];
    let error = if lasting.iter().any(|word| reason.contains(word)) {
        StepError::permanent(JUMP, message)
    } else {
        StepError::transient(JUMP, message)
    };
    error
        .with_help(format!(
            "this is about the jump host, whose key is checked against your own known_hosts: `ssh {jump}` must work \
             without a question"
        ))
        .with_last_lines(log)
}

fn by_hand(route: &Route) -> String {
    let Route { user, address, port, .. } = route;
    let jump = route.jump.as_ref().map(|jump| format!("-J {jump} ")).unwrap_or_default();
    format!("ssh -v {jump}-p {port} {user}@{address}")
}

pub(super) fn changed(route: &Route, known: &[HostKey], presented: &HostKey, file: &Path) -> StepError {
    not_known(route, known, presented).with_help(format!(
        "another machine answers at this address, or somebody is in between. If the host was made anew and the \
         presented fingerprint is its own, remove the line of `{}` from {}",
        route.name,
        file.display()
    ))
}

/// The same of a machine that got its host key from bear.
pub(super) fn not_given(route: &Route, known: &[HostKey], presented: &HostKey) -> StepError {
    not_known(route, known, presented).with_help(
        "another machine answers at this address, or somebody is in between: see that the address is still this \
         machine's. If it is the machine that was meant, the fleet's known_hosts is not the one that the last apply \
         left: bring that one back, or replace the instance",
    )
}

fn not_known(route: &Route, known: &[HostKey], presented: &HostKey) -> StepError {
    let known = known
        .iter()
        .map(|key| format!("{} {}", key.kind(), key.fingerprint()))
        .collect::<Vec<_>>()
        .join(", ");
    let (place, kind, fingerprint) = (&route.place, presented.kind(), presented.fingerprint());
    StepError::permanent(
        HOST_KEY_CHANGED,
        format!("the host key of {place} has changed: known is {known}, presented is {kind} {fingerprint}"),
    )
}

/// No key is known of a machine that bear made.
pub(super) fn never_given(route: &Route, file: &Path) -> StepError {
    let Route { place, name, .. } = route;
    StepError::permanent(
        HOST_KEY_UNKNOWN,
        format!("connecting to {place}: {} has no host key for it, under the name {name}", file.display()),
    )
    .with_help(
        "bear gives each machine that it makes a host key, and trusts no other on first sight: apply puts it there \
         for a machine that is new; for one that is not, bring the file back, or replace the instance",
    )
}

pub(super) fn not_pinned(place: &str, pin: &Pin, presented: &HostKey) -> StepError {
    let (kind, fingerprint) = (presented.kind(), presented.fingerprint());
    StepError::permanent(
        HOST_KEY_NOT_PINNED,
        format!(
            "the host key of {place} is not the one in the fleet file: pinned is {}, presented is {kind} {fingerprint}",
            pin.fingerprint()
        ),
    )
    .with_help(
        "another machine answers at this address, or somebody is in between. If the presented fingerprint is the \
         host's own, write it as `host_key` into the fleet file",
    )
}

/// Nothing that speaks SSH answered.
pub(super) fn unanswered(place: &str, error: &io::Error) -> StepError {
    let doing = format!("connecting to {place}");
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            StepError::transient(REFUSED, format!("{doing}: nothing listens there"))
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            StepError::transient(HUNG_UP, format!("{doing}: it closed the connection without a word"))
        }
        io::ErrorKind::InvalidData => StepError::transient(HUNG_UP, format!("{doing}: {error}")),
        io::ErrorKind::TimedOut => StepError::transient(UNREACHABLE, format!("{doing}: no answer")),
        _ => StepError::transient(UNREACHABLE, format!("{doing}: {error}")),
    }
}

pub(super) fn session_refused(place: &str, why: &str) -> StepError {
    StepError::transient(SESSION_REFUSED, format!("opening a session on {place}: {why}")).with_help(
        "its sshd allows too few sessions for each connection: see `MaxSessions` in its sshd_config",
    )
}

pub(super) fn not_forwarded(place: &str, remote: SocketAddr, why: &str) -> StepError {
    StepError::transient(FORWARD, format!("forwarding a port of this machine to {remote} on {place}: {why}"))
        .with_help("its sshd may forbid it: see `AllowTcpForwarding` in its sshd_config")
}

pub(super) fn login_timeout(place: &str, limit: Duration, log: &str) -> StepError {
    StepError::transient(
        LOGIN_TIMEOUT,
        format!("logging in to {place} took longer than {} s", limit.as_secs()),
    )
    .with_help("the host answers, but is too slow or stuck: look at its load and its name server")
    .with_last_lines(log)
}

pub(super) fn no_client(doing: &str, error: &io::Error) -> StepError {
    StepError::permanent(NO_CLIENT, format!("{doing}: running `ssh`: {error}"))
        .with_help("bear needs the OpenSSH client on this machine, where PATH finds it")
}

pub(super) fn config(doing: &str, why: &str) -> StepError {
    StepError::permanent(CONFIG, format!("{doing}: {why}"))
        .with_help("look at the address in the fleet file, and at what `ssh -G` makes of it")
}

pub(super) fn no_folder(place: &str, error: &io::Error) -> StepError {
    StepError::permanent(
        NO_FOLDER,
        format!("connecting to {place}: preparing a folder for its control socket: {error}"),
    )
    .with_help("set XDG_RUNTIME_DIR or TMPDIR to a folder of your own with room in it")
}

pub(super) fn no_randomness(error: getrandom::Error) -> StepError {
    StepError::permanent(FAILED, format!("drawing a random number: {error}"))
}
