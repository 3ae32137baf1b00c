//! The file of host keys: a line that can't be read is named, and a change of one host loses nothing of the others.

use std::cell::OnceCell;
use std::fs;

use bear_executor::host_keys::{FirstContactRule, HostKey, HostKeys, Pin, name};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// A key that no host has: its type and one byte.
const KEY: &str = "ssh-x AAAABXNzaC14AA==";

pub(crate) fn check(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        pin(text);
    }
    ROOM.with(|room| {
        let (folder, runtime) = room
            .get_or_init(|| (tempfile::tempdir().unwrap(), Builder::new_current_thread().build().unwrap()));
        let path = folder.path().join("known_hosts");
        fs::write(&path, input).unwrap();
        runtime.block_on(file(&HostKeys::new(path, FirstContactRule::Refuse), input));
    });
}

thread_local! {
    static ROOM: OnceCell<(TempDir, Runtime)> = const { OnceCell::new() };
}

fn pin(text: &str) {
    if let Ok(key) = text.parse::<HostKey>() {
        assert_eq!(key.to_string().parse::<HostKey>().as_ref(), Ok(&key));
        let pinned = key.fingerprint().parse::<Pin>().unwrap();
        assert!(pinned.is(&key));
    }
    if let Ok(pin) = text.parse::<Pin>() {
        assert_eq!(pin.fingerprint().parse::<Pin>().unwrap().fingerprint(), pin.fingerprint());
    }
}

async fn file(keys: &HostKeys, input: &[u8]) {
    let ours = name("ours.example", 2222);
    if let Err(error) = keys.known(&ours).await {
        let text = String::from_utf8_lossy(input);
        let line = error.message.strip_prefix("reading line ").and_then(|rest| rest.split(' ').next());
        let line = line.map(|line| line.parse::<usize>().unwrap());
        assert!(line.is_none_or(|line| (1..=text.lines().count()).contains(&line)), "{}", error.message);
        assert!(line.is_some() || std::str::from_utf8(input).is_err(), "{}", error.message);
        return;
    }
    let others = hosts(std::str::from_utf8(input).unwrap(), &ours);
    let mut before = Vec::new();
    for host in &others {
        before.push(keys.known(host).await.unwrap());
    }
    let key = KEY.parse::<HostKey>().unwrap();
    keys.remember(&ours, std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(keys.known(&ours).await.unwrap(), [key]);
    for (host, before) in others.iter().zip(before) {
        assert_eq!(keys.known(host).await.unwrap(), before, "the keys of {host:?} are others");
    }
    keys.forget(&ours).await.unwrap();
    assert_eq!(keys.known(&ours).await.unwrap(), []);
}

/// Some of the hosts that the file names.
fn hosts(text: &str, but: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let names = lines.flat_map(|line| line.split([' ', '\t']).next().unwrap_or_default().split(','));
    names.filter(|name| *name != but).map(str::to_owned).take(8).collect()
}
