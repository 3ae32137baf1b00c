//! What `/proc` tells of processes, proc(5): what they listen on, where they work, what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::project::failed;

/// What a process holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Open files.
    pub(super) files: u64,
    /// Memory that is its own, in KiB; programs and files that are mapped are not.
    pub(super) memory: u64,
}

/// What a process holds; none if it is gone.
pub(super) fn held(pid: i32) -> Option<Held> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some(Held { files, memory: status(pid, "RssAnon:")? })
}

/// A figure of `/proc/PID/status`, in KiB; none if the process is gone.
pub(super) fn status(pid: i32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When a process started, as bear records it: field 22 of `/proc/PID/stat`. None if it is gone.
pub(super) fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Whether a process is gone, but for the entry that a dead one leaves for its parent. One whose first thread is dead
/// keeps its ports until the last one is.
pub(super) fn is_gone(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(") ") else { return true };
    let threads = fields.split_whitespace().nth(17).and_then(|count| count.parse::<u32>().ok());
    fields.starts_with(['Z', 'X']) && threads.unwrap_or_default() <= 1
}

/// The port of every socket that listens, by its inode.
pub(super) fn listeners() -> Result<BTreeMap<String, u16>, String> {
    const LISTEN: &str = "0A";
    let mut listeners = BTreeMap::new();
    for path in ["/proc/net/tcp", "/proc/net/tcp6"].map(Path::new) {
        // A machine without IPv6 has no second file.
        let table = if path.exists() {
            fs::read_to_string(path).map_err(failed("read", path))?
        } else {
            String::new()
        };
        for line in table.lines().skip(1) {
            let fields = line.split_whitespace().collect::<Vec<_>>();
            if let [_, local, _, LISTEN, _, _, _, _, _, inode, ..] = fields[..]
                && let Some((_, port)) = local.rsplit_once(':')
                && let Ok(port) = u16::from_str_radix(port, 16)
            {
                listeners.insert(format!("socket:[{inode}]"), port);
            }
        }
    }
    Ok(listeners)
}

/// The ports that a process listens on.
pub(super) fn ports(pid: i32, listeners: &BTreeMap<String, u16>) -> BTreeSet<u16> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    links.filter_map(|link| listeners.get(link.to_str()?).copied()).collect()
}

/// The processes that work below a folder, and what they were called as; `but` these.
pub(super) fn working_in(root: &Path, but: &BTreeSet<i32>) -> Result<Vec<String>, String> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).map_err(failed("read", proc))?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let here = |pid: &i32| {
        // The folder of one that works in a deleted folder still begins with its name.
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder.starts_with(root))
    };
    let called = |pid: i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid} {}", String::from_utf8_lossy(&words).replace('\0', " "))
    };
    Ok(pids.filter(|pid| !but.contains(pid)).filter(here).map(called).collect())
}
