//! This machine: room on its disk, files that may be open, ports.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use bear_core::fleet::model::ProviderKind;
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use super::project::{Chosen, Scene};

/// With less room a state may not be written.
const DISK_MIN: u64 = 64 << 20;

/// With less room brokers on this machine soon have none for what they keep.
const DISK_AMPLE: u64 = 1 << 30;

/// How many files bear has open at most besides those for each instance: `bear status` asks 100 brokers at once.
const FILES: u64 = 256;

/// How many files bear has open for each instance.
const FILES_PER_INSTANCE: u64 = 2;

/// How long a port of this machine may take to answer.
const PORT_MAX: Duration = Duration::from_millis(500);

pub(super) fn findings(scene: &Scene) -> Vec<Finding> {
    let free = statvfs(scene.project.root()).ok().map(|disk| disk.f_bavail * disk.f_frsize);
    let instances = scene.fleet.as_ref().map_or(0, |chosen| chosen.instances.len() as u64);
    let mut findings = Vec::new();
    findings.extend(free.map(disk));
    findings.push(open_files(getrlimit(Resource::Nofile).current, instances));
    findings.extend(scene.fleet.iter().flat_map(ports));
    findings
}

fn disk(free: u64) -> Finding {
    const CHECK: &str = "disk";
    let detail = format!("{} free", size(free));
    match free {
        ..DISK_MIN => {
            Finding::fail(CHECK, detail).with_help("make room: bear makes nothing that it can't record")
        }
        DISK_MIN..DISK_AMPLE => Finding::warn(CHECK, detail, "make room: what brokers keep takes some"),
        _ => Finding::ok(CHECK, detail),
    }
}

/// The size in whole units, the way it is said.
fn size(bytes: u64) -> String {
    if bytes < 1 << 30 { format!("{} MiB", bytes >> 20) } else { format!("{} GiB", bytes >> 30) }
}

/// `limit` is none where there is none.
fn open_files(limit: Option<u64>, instances: u64) -> Finding {
    const CHECK: &str = "open files";
    let needed = FILES + FILES_PER_INSTANCE * instances;
    match limit {
        Some(limit) if limit < needed => Finding::warn(
            CHECK,
            format!("at most {limit}, and this fleet may take {needed}"),
            format!("raise the limit, such as with `ulimit -n {needed}`"),
        ),
        Some(limit) => Finding::ok(CHECK, format!("at most {limit}")),
        None => Finding::ok(CHECK, "no limit"),
    }
}

/// Whether the ports that the fleet file gives to brokers on this machine are free, or theirs already.
fn ports(chosen: &Chosen) -> Vec<Finding> {
    let mut findings = Vec::new();
    for instance in chosen.instances.iter().filter(|instance| instance.spec.provider == ProviderKind::Local) {
        let recorded = chosen.state.as_ref().and_then(|state| state.instances.get(&instance.name));
        let own = recorded.and_then(|recorded| recorded.installed.as_ref());
        let own = own.into_iter().flat_map(|installed| installed.ports.iter()).collect::<Vec<_>>();
        for (listener, port) in instance.spec.ports.iter() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if !own.contains(&(listener, port)) && TcpStream::connect_timeout(&address, PORT_MAX).is_ok() {
                let detail =
                    format!("port {port} is held by another program; `{}` shall have it", instance.name);
                let help = format!("stop that program, or write another port for `{listener}`");
                findings.push(Finding::fail("ports", detail).with_help(help));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn room_on_the_disk() {
        assert_eq!(disk(DISK_MIN - 1).verdict, Verdict::Fail);
        assert_eq!(disk(DISK_MIN).verdict, Verdict::Warn);
        assert_eq!(disk(DISK_AMPLE).verdict, Verdict::Ok);
        insta::assert_snapshot!(disk(700 << 20).detail, @"700 MiB free");
    }

    #[test]
    fn files_that_may_be_open() {
        assert_eq!(open_files(None, 10_000).verdict, Verdict::Ok);
        assert_eq!(open_files(Some(1024), 200).verdict, Verdict::Ok);
        insta::assert_snapshot!(open_files(Some(1024), 1000).detail, @"at most 1024, and this fleet may take 2256");
    }
}
