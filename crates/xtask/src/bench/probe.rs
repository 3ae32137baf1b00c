//! One measurement: a command run to its end, its time and its memory.

use std::fmt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// The chore that runs one command and prints what it took. It is a process of its own, because the system tells the
/// peak memory of children only for all children of a process together.
pub(crate) const MEASURE: &str = "__measure";

/// What one run of a command took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(super) seconds: f64,
    pub(super) peak_bytes: u64,
    /// Of processors, by the command and all that it waited for.
    pub(super) processor_seconds: f64,
}

/// Runs the command in `words`, and prints its seconds, its peak memory in bytes, and its seconds of processors.
pub(crate) fn measure(words: &[String]) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("nothing to measure")?;
    let started = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("could not start {program}: {error}"))?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("{} failed: {status}", words.join(" ")));
    }
    let usage =
        getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("no resource usage: {error}"))?;
    // Linux counts in KiB, getrusage(2).
    let processor = usage.user_time() + usage.system_time();
    let microseconds = u64::try_from(processor.num_microseconds()).unwrap_or(0);
    let processor_seconds = Duration::from_micros(microseconds).as_secs_f64();
    println!("{seconds} {} {processor_seconds}", usage.max_rss() * 1024);
    Ok(())
}

/// Runs `command`, which succeeds, in a process of its own.
pub(crate) fn once(command: &[&str], folder: &std::path::Path) -> Result<Taken, String> {
    let this = std::env::current_exe().map_err(|error| format!("could not find this program: {error}"))?;
    let output = Command::new(this)
        .arg(MEASURE)
        .args(command)
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder)
        .output()
        .map_err(|error| format!("could not measure {}: {error}", command.join(" ")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut words = text.split_whitespace();
    let mut parse = || {
        Some(Taken {
            seconds: words.next()?.parse().ok()?,
            peak_bytes: words.next()?.parse().ok()?,
            processor_seconds: words.next()?.parse().ok()?,
        })
    };
    parse().ok_or_else(|| format!("{}\n{}", command.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// One row of the table of figures.
pub(crate) struct Row {
    what: String,
    seconds: Vec<f64>,
    peak_bytes: u64,
    goal: &'static str,
}

impl Row {
    /// The row of several runs of the same.
    pub(crate) fn new(what: impl Into<String>, runs: &[Taken], goal: &'static str) -> Self {
        let mut seconds = runs.iter().map(|run| run.seconds).collect::<Vec<_>>();
        seconds.sort_by(f64::total_cmp);
        let peak_bytes = runs.iter().map(|run| run.peak_bytes).max().unwrap_or(0);
        Self { what: what.into(), seconds, peak_bytes, goal }
    }
}

/// The heading of the table of figures, in Markdown.
pub(crate) fn header() -> &'static str {
    "| what | median | least | most | peak memory | goal |\n| --- | --: | --: | --: | --: | --- |"
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |index: usize| self.seconds.get(index).copied().unwrap_or(f64::NAN);
        let median = at(self.seconds.len() / 2);
        let (least, most) = (at(0), at(self.seconds.len().saturating_sub(1)));
        let mib = self.peak_bytes / (1 << 20);
        write!(
            f,
            "| {} | {median:.3} s | {least:.3} s | {most:.3} s | {mib} MiB | {} |",
            self.what, self.goal
        )
    }
}
