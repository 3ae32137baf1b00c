//! The ssh of this machine, and the hosts that it leads to.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use bear_core::event::StepError;
use bear_core::fleet::Instance;
use bear_core::fleet::model::ProviderKind;
use bear_hosts::{ConnectError, Hosts, Place, Settings};
use tokio::process::Command;
use tokio::time::timeout;

use super::project::{Chosen, Scene};
use super::{Finding, Verdict};
use crate::render::words::count;
use crate::withheld::Withheld;

/// The first version that asks nobody for anything when it is told so (release notes of OpenSSH 8.4).
const OLDEST: (u32, u32) = (8, 4);

/// How long a tool may take.
const TOOL_MAX: Duration = Duration::from_secs(10);

/// Nothing where the fleet has no need of ssh.
pub(super) async fn findings(scene: &Scene) -> Vec<Finding> {
    let Some(chosen) = &scene.fleet else { return Vec::new() };
    if chosen.instances.iter().all(|instance| instance.spec.provider == ProviderKind::Local) {
        return Vec::new();
    }
    let withheld = scene.withheld();
    let client = match tool(Command::new("ssh").arg("-V"), &withheld).await {
        Ok(output) => client(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            return vec![
                Finding::fail("ssh", format!("could not start `ssh`: {error}"))
                    .with_help("install the OpenSSH client; Debian: openssh-client"),
            ];
        }
    };
    let configuration = configuration(&withheld).await;
    let readable = configuration.verdict == Verdict::Ok;
    let mut findings = vec![client, configuration];
    findings.extend(agent(&chosen.instances, &withheld).await);
    if readable {
        findings.extend(hosts(scene, chosen).await);
    }
    findings
}

async fn tool(command: &mut Command, withheld: &Withheld) -> io::Result<Output> {
    withheld.from(command.as_std_mut());
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    timeout(TOOL_MAX, command.output()).await?
}

/// `version` is what `ssh -V` prints, such as `OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19`.
fn client(version: &str) -> Finding {
    const CHECK: &str = "ssh";
    let name = version.split([' ', ',']).next().unwrap_or_default().trim();
    let number = name.strip_prefix("OpenSSH_").and_then(|number| {
        let (major, minor) = number.split_once('.')?;
        let minor = minor.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    match number {
        Some(number) if number >= OLDEST => Finding::ok(CHECK, name),
        Some(_) => Finding::warn(
            CHECK,
            format!("{name} may ask for passwords in the midst of a run"),
            "install OpenSSH 8.4 or newer",
        ),
        None => Finding::warn(CHECK, format!("`{name}` is no OpenSSH"), "install the OpenSSH client"),
    }
}

/// Whether ssh can read the user's configuration.
async fn configuration(withheld: &Withheld) -> Finding {
    const CHECK: &str = "ssh config";
    match tool(Command::new("ssh").args(["-G", "--", "bear.invalid"]), withheld).await {
        Ok(output) if output.status.success() => Finding::ok(CHECK, "can be read"),
        Ok(output) => Finding::fail(CHECK, String::from_utf8_lossy(&output.stderr).trim())
            .with_help("mend `~/.ssh/config`"),
        Err(error) => Finding::fail(CHECK, format!("could not read the configuration of ssh: {error}")),
    }
}

/// Whether an agent holds keys; nothing where each host has a key file of its own.
async fn agent(instances: &[Instance], withheld: &Withheld) -> Option<Finding> {
    const CHECK: &str = "ssh agent";
    let needs_none =
        |instance: &Instance| instance.spec.host.as_ref().is_none_or(|host| host.identity.is_some());
    if instances.iter().all(needs_none) {
        return None;
    }
    let output = tool(Command::new("ssh-add").arg("-l"), withheld).await.ok()?;
    // 1: it has no keys; 2: there is none. ssh-add(1).
    Some(match output.status.code() {
        Some(0) => {
            let keys = String::from_utf8_lossy(&output.stdout).lines().count();
            Finding::ok(CHECK, format!("has {}", count(keys, "key")))
        }
        Some(1) => Finding::warn(CHECK, "has no keys", "`ssh-add` adds those that are protected"),
        _ => Finding::warn(
            CHECK,
            "does not answer; only keys without a passphrase can be used",
            "start one with `eval \"$(ssh-agent)\"`, and add your keys with `ssh-add`",
        ),
    })
}

/// Whether each host lets bear in, and its key is known.
async fn hosts(scene: &Scene, chosen: &Chosen) -> Vec<Finding> {
    const CHECK: &str = "hosts";
    let places = places(chosen);
    if places.is_empty() {
        return Vec::new();
    }
    // What a host presents is remembered where the fleet has a place for it, and forgotten where it has none yet.
    let Ok(elsewhere) = tempfile::tempdir() else {
        return vec![Finding::fail(CHECK, "could not make a temporary folder")];
    };
    let known_hosts = if chosen.folder.path().is_dir() {
        chosen.folder.known_hosts()
    } else {
        elsewhere.path().join("known_hosts")
    };
    let lineage = chosen.state.as_ref().map(|state| state.lineage.clone()).unwrap_or_default();
    let root = scene.project.root().to_owned();
    let settings = Settings::new(chosen.name.clone(), lineage, known_hosts, root);
    let hosts = Hosts::new(Settings { withheld: scene.withheld().into_names(), ..settings });
    let greeted = hosts.greet(&places).await;
    let good = greeted.iter().filter(|greeted| greeted.is_ok()).count();
    let mut findings = Vec::new();
    if good > 0 {
        findings.push(Finding::ok(CHECK, format!("{good} of {} can be logged in to", places.len())));
    }
    let refused = places.iter().zip(greeted).filter_map(|(place, greeted)| Some((place, greeted.err()?)));
    findings.extend(refused.map(|(place, error)| refusal(CHECK, place, error)));
    findings
}

/// Why a host can't be logged in to. One that nobody has met yet is for the first apply to ask about.
fn refusal(check: &'static str, place: &Place<'_>, error: ConnectError) -> Finding {
    let verdict = match error {
        ConnectError::FirstContact(_) => Verdict::Warn,
        ConnectError::Failed(_) => Verdict::Fail,
    };
    let error = StepError::from(error);
    Finding { check, verdict, detail: format!("{}: {}", place.instance, error.message), help: error.help }
}

/// The hosts of the fleet. Machines that a provider makes are there only once they are recorded.
fn places(chosen: &Chosen) -> Vec<Place<'_>> {
    let places = chosen.instances.iter().map(|instance| {
        let recorded = chosen.state.as_ref().and_then(|state| state.instances.get(&instance.name));
        let machine = recorded.and_then(|recorded| recorded.machine.as_ref());
        Place { instance: &instance.name, spec: &instance.spec, machine }
    });
    places.filter(|place| place.spec.host.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        #[track_caller]
        fn check(version: &str, verdict: Verdict, detail: &str) {
            let finding = client(version);
            assert_eq!((finding.verdict, &*finding.detail), (verdict, detail));
        }
        check("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026\n", Verdict::Ok, "OpenSSH_9.2p1");
        check("OpenSSH_10.0p2, LibreSSL 3.3.6", Verdict::Ok, "OpenSSH_10.0p2");
        let old = "OpenSSH_7.4p1 may ask for passwords in the midst of a run";
        check("OpenSSH_7.4p1, OpenSSL 1.0.2k-fips", Verdict::Warn, old);
        check("Dropbear v2022.83", Verdict::Warn, "`Dropbear` is no OpenSSH");
        check("", Verdict::Warn, "`` is no OpenSSH");
    }
}
