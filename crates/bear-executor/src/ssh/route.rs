//! Where a target really is: what the user's ssh configuration makes of its name.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use bear_core::event::StepError;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Target, failure, plain, starts};
use crate::host_keys;

/// How long reading the configuration may take; it may run commands (`Match exec`).
const RESOLVE_MAX: Duration = Duration::from_secs(10);

/// The way to a host.
#[derive(Debug)]
pub(super) struct Route {
    /// The host as errors name it: `user@address:port`, and the jump hosts.
    pub(super) place: String,
    /// The host as `known_hosts` names it.
    pub(super) name: String,
    /// The jump hosts in order, separated by commas, as `ProxyJump` has them.
    pub(super) jump: Option<String>,
    /// Whether the address can be reached from here, with nothing in between that ssh must start first.
    pub(super) direct: bool,
    /// Every sshd on the way, by a name that is the same for all who pass it.
    pub(super) servers: Vec<String>,
    /// The address that the user's configuration has for the target.
    pub(super) address: String,
    pub(super) user: String,
    pub(super) port: u16,
}

impl Route {
    pub(super) async fn resolve(target: &Target) -> Result<Self, StepError> {
        check("address", &target.address)?;
        target.user.as_deref().map_or(Ok(()), |user| check("user", user))?;
        target.alias.as_deref().map_or(Ok(()), |alias| check("name in known_hosts", alias))?;
        target.jump.as_deref().map_or(Ok(()), check_jump)?;
        match plain::route(target) {
            Some(route) => Ok(route),
            None => Self::asked(target).await,
        }
    }

    /// As ssh itself tells it.
    pub(super) async fn asked(target: &Target) -> Result<Self, StepError> {
        let _start = starts::start(&[]).await;
        let mut ssh = command(target);
        ssh.arg("-G").arg("--").arg(&target.address).stdout(Stdio::piped()).stderr(Stdio::piped());
        let doing = format!("reading the ssh configuration of {}", target.address);
        let output = match timeout(RESOLVE_MAX, ssh.output()).await {
            Ok(output) => output.map_err(|error| failure::no_client(&doing, &error))?,
            Err(_) => return Err(failure::config(&doing, "it took too long")),
        };
        if !output.status.success() {
            return Err(failure::config(&doing, String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(Self::of(&String::from_utf8_lossy(&output.stdout)))
    }

    /// To where there is nothing on the way.
    pub(super) fn direct(user: &str, address: &str, port: u16, alias: Option<&str>) -> Self {
        let own = format!("{address}:{port}");
        Self {
            place: format!("{user}@{own}"),
            name: alias.map_or_else(|| host_keys::name(address, port), str::to_owned),
            jump: None,
            direct: true,
            servers: vec![own],
            address: address.to_owned(),
            user: user.to_owned(),
            port,
        }
    }

    /// Reads what `ssh -G` prints: one setting a line.
    fn of(settings: &str) -> Self {
        let setting = |name: &str| {
            let value = |line: &str| {
                line.split_once(' ').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
            };
            settings.lines().find_map(value).filter(|value| value != "none")
        };
        let address = setting("hostname").unwrap_or_default();
        let port = setting("port").and_then(|port| port.parse().ok()).unwrap_or(22);
        let user = setting("user").unwrap_or_default();
        let jump = setting("proxyjump");
        let through = jump.as_ref().map(|jump| format!(" through {jump}")).unwrap_or_default();
        let own = format!("{address}:{port}");
        Self {
            place: format!("{user}@{own}{through}"),
            name: setting("hostkeyalias").unwrap_or_else(|| host_keys::name(&address, port)),
            servers: jump.iter().flat_map(|jump| jump.split(',')).map(str::to_owned).chain([own]).collect(),
            direct: jump.is_none() && setting("proxycommand").is_none(),
            jump,
            address,
            user,
            port,
        }
    }
}

/// An `ssh` that knows how to log in to the target, and asks nobody anything.
pub(super) fn command(target: &Target) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.args(login(target));
    ssh.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    // Ctrl-C is for bear alone, which lets what runs come to its end.
    ssh.process_group(0);
    for name in &target.withheld {
        ssh.env_remove(name);
    }
    // Without this an ssh that bear's ssh starts for a jump host would ask on the terminal. This program says no.
    ssh.env("SSH_ASKPASS_REQUIRE", "force").env("SSH_ASKPASS", "/bin/false");
    ssh
}

/// The arguments that say how to log in.
pub(super) fn login(target: &Target) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |words: &[&OsStr]| arguments.extend(words.iter().map(|&word| word.to_owned()));
    if let Some(config) = &target.config {
        add(&["-F".as_ref(), config.as_ref()]);
    }
    if let Some(port) = target.port {
        add(&["-p".as_ref(), port.to_string().as_ref()]);
    }
    if let Some(user) = &target.user {
        add(&["-l".as_ref(), user.as_ref()]);
    }
    if let Some(identity) = &target.identity {
        add(&["-o".as_ref(), "IdentitiesOnly=yes".as_ref(), "-i".as_ref(), identity.as_ref()]);
    }
    if let Some(jump) = &target.jump {
        add(&["-J".as_ref(), jump.as_ref()]);
    }
    if let Some(alias) = &target.alias {
        add(&["-o".as_ref(), format!("HostKeyAlias={alias}").as_ref()]);
    }
    arguments
}

/// Refuses what ssh or a `ProxyCommand` would take for something else: options, other users, shell commands.
fn check(what: &str, text: &str) -> Result<(), StepError> {
    let plain = |char: char| char.is_alphanumeric() || "._-:%+~".contains(char);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return Ok(());
    }
    let shown = text.escape_debug();
    Err(failure::config(
        &format!("logging in to a host with the {what} `{shown}`"),
        "it has characters that none has",
    ))
}

/// The same for `[user@]host[:port]`, one or several with commas in between.
fn check_jump(jumps: &str) -> Result<(), StepError> {
    for jump in jumps.split(',') {
        let (user, host) = jump.split_once('@').map_or((None, jump), |(user, host)| (Some(user), host));
        user.map_or(Ok(()), |user| check("user of a jump host", user))?;
        check("jump host", &host.replace(['[', ']'], ""))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_read_from_the_configuration() {
        let route = Route::of(
            "user root\nhostname 192.0.2.10\nport 2222\nproxyjump ops@gate,inner\nhostkeyalias none\n",
        );
        insta::assert_debug_snapshot!(route, @r#"
        Route {
            place: "root@192.0.2.10:2222 through ops@gate,inner",
            name: "[192.0.2.10]:2222",
            jump: Some(
                "ops@gate,inner",
            ),
            direct: false,
            servers: [
                "ops@gate",
                "inner",
                "192.0.2.10:2222",
            ],
            address: "192.0.2.10",
            user: "root",
            port: 2222,
        }
        "#);
    }

    #[test]
    fn what_is_no_jump_host_is_refused() {
        for jump in ["gate", "ops@gate:2222", "gate,ops@[2001:db8::1]:22"] {
            assert!(check_jump(jump).is_ok(), "{jump}");
        }
        for jump in ["", "gate,", "-oProxyCommand=reboot", "ops@-gate", "a b", "gate;reboot", "a@b@c"] {
            assert!(check_jump(jump).is_err(), "{jump}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert!(check("address", "fe80::1%eth0").is_ok());
        for text in ["", "-oProxyCommand=reboot", "a b", "$(reboot)", "root@a", "a;b", "a\nb", "a/b"] {
            assert!(check("address", text).is_err(), "{text}");
        }
        let error = check("user", "$(reboot)").unwrap_err();
        insta::assert_snapshot!(error, @"logging in to a host with the user `$(reboot)`: it has characters that none has");
    }
}
