//! What the stand-in logs: lines on its standard output, as EMQX writes them.

use std::fmt::Display;
use std::io::Write;

/// Logs a line with its time and level.
pub(crate) fn log(level: &str, line: impl Display) {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00");
    say(format_args!("{now} [{level}] {line}"));
}

/// Writes a line as it is.
pub(crate) fn say(line: impl Display) {
    // A log that nobody takes is no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
