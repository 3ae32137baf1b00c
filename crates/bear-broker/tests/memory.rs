//! What checks of passwords leave behind: a process of its own, for what others take would count too.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

use std::fs;
use std::thread;

use bear_broker::Credentials;

/// The memory of this process in KiB, as `proc_pid_status(5)` tells it.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Checks a password many times, and keeps something small of each time, as a session of a client would.
fn log_in(credentials: &Credentials, times: usize) -> Vec<Vec<u8>> {
    (0..times)
        .map(|time| {
            assert!(credentials.accepts("ada", "right"));
            vec![1; 100 + time % 700]
        })
        .collect()
}

#[test]
fn memory_does_not_grow_with_the_number_of_logins() {
    let credentials = Credentials::default().with_user("ada", "right").unwrap();
    let grown = thread::scope(|scope| {
        let threads = (0..2).map(|_| {
            scope.spawn(|| {
                let first = log_in(&credentials, 2);
                let before = resident();
                let all = log_in(&credentials, 300);
                (resident().saturating_sub(before), first, all)
            })
        });
        let threads = threads.collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().unwrap().0).max().unwrap()
    });
    // The other thread may have begun later: its eight MiB, and less than that for everything else.
    assert!(grown < 16 << 10, "{grown} KiB more than after the first logins");
}
