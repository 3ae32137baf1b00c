//! Lets the simulator look for what is broken.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Always the same cases.
const SEED: u64 = 1;

/// Ten times what the cases take on two cores that have other things to do.
const DEADLINE: Duration = Duration::from_mins(10);

/// What the simulator said.
pub(super) enum Verdict {
    Found {
        cases: u64,
        property: String,
    },
    Survived,
    /// It came to no end.
    Hung,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { cases, property } => write!(f, "found after {cases:>5} cases: {property}"),
            Self::Survived => f.write_str("all cases passed"),
            Self::Hung => write!(f, "no end within {} s", DEADLINE.as_secs()),
        }
    }
}

/// Runs up to so many cases of a simulator with this fault, or with none.
pub(super) fn judge(simulator: &Path, fault: Option<&str>, cases: u64) -> Result<Verdict, String> {
    let mut command = Command::new(simulator);
    command.args(["--cases", &cases.to_string(), "--seed", &SEED.to_string()]);
    match fault {
        Some(fault) => command.env("BEAR_FAULT", fault),
        None => command.env_remove("BEAR_FAULT"),
    };
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("could not run {}: {error}", simulator.display()))?;
    let verdict = listen(&mut child);
    // It may be about to shrink the case that it found.
    let _ = child.kill();
    let status = child.wait().map_err(|error| format!("lost the simulator: {error}"))?;
    match verdict {
        Some(verdict) => Ok(verdict),
        None if status.success() => Ok(Verdict::Survived),
        None => Err(format!("the simulator ended with {status}, and told of no failure")),
    }
}

/// Reads what it says until it found something, has come to its end or takes too long. None if it ended by itself.
fn listen(child: &mut Child) -> Option<Verdict> {
    let said = child.stdout.take()?;
    let (sender, lines) = mpsc::sync_channel(16);
    std::thread::spawn(move || read(said, &sender));
    let deadline = Instant::now() + DEADLINE;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(found) = found(&line) {
                    return Some(found);
                }
            }
            Err(RecvTimeoutError::Timeout) => return Some(Verdict::Hung),
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn read(said: ChildStdout, sender: &mpsc::SyncSender<String>) {
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        if sender.send(line).is_err() {
            return;
        }
    }
}

/// `FAILED seed 17: PROPERTY: what happened`
fn found(line: &str) -> Option<Verdict> {
    let (seed, rest) = line.strip_prefix("FAILED seed ")?.split_once(": ")?;
    let property = rest.split(':').next().unwrap_or(rest).to_owned();
    Some(Verdict::Found { cases: seed.parse::<u64>().ok()? - SEED + 1, property })
}
