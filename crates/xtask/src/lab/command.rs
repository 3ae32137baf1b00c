//! Other programs: run with a deadline, their output kept, and in the error when they fail.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What takes no longer than a word with the engine.
pub(super) const SHORT: Duration = Duration::from_mins(1);
/// What fetches, unpacks or compiles.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// How many lines of its output the error of a failed program has.
const SAID: usize = 25;

/// Runs it to its end and returns its standard output without white space around it.
///
/// # Errors
///
/// It can't be started, ends with another status than 0, or takes longer than the limit, after which it is killed.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<String, String> {
    let shown = shown(command);
    let start = |error| format!("could not run `{shown}`: {error}");
    let mut output = tempfile::tempfile().map_err(start)?;
    let mut errors = tempfile::tempfile().map_err(start)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(start)?)
        .stderr(errors.try_clone().map_err(start)?)
        .spawn()
        .map_err(start)?;
    let until = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(start)? {
            break status;
        }
        if Instant::now() > until {
            child.kill().and_then(|()| child.wait()).map_err(start)?;
            return Err(format!("`{shown}` did not end within {} s", limit.as_secs()));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    let output = text(&mut output)?;
    if status.success() {
        return Ok(output.trim().to_owned());
    }
    let said = format!("{output}{}", text(&mut errors)?);
    let lines: Vec<_> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(SAID)..].join("\n");
    Err(format!("`{shown}` ended with {status}\n{last}"))
}

/// Whether it ends with 0.
pub(super) fn succeeds(command: &mut Command) -> bool {
    run(command, SHORT).is_ok()
}

/// Tries until it has a result, every 50 ms.
///
/// # Errors
///
/// There is none within the limit.
pub(super) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > until {
            return Err(format!("{what} did not happen within {} s", limit.as_secs()));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The process whose id is in the file, if it runs. An id alone might have become somebody else's, so one of its words
/// must be this.
pub(super) fn process(file: &Path, word: &str) -> Option<Pid> {
    let id = fs::read_to_string(file).ok()?.trim().parse::<i32>().ok()?;
    let words = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let ours = String::from_utf8_lossy(&words).split('\0').any(|found| found == word);
    ours.then(|| Pid::from_raw(id))
}

/// Ends a process and waits until it is gone.
pub(super) fn end(name: &str, process: impl Fn() -> Option<Pid>) -> Result<(), String> {
    let Some(id) = process() else { return Ok(()) };
    kill(id, Signal::SIGTERM).map_err(|error| format!("could not end {name} {id}: {error}"))?;
    wait_for(&format!("the end of {name}"), Duration::from_mins(1), || process().is_none().then_some(()))
}

/// The program and its first words, enough to know it by.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let words = command.get_args().take(4).map(|word| word.to_string_lossy());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

fn text(file: &mut File) -> Result<String, String> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(|error| format!("could not read what a program said: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
