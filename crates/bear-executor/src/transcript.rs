//! The last of what a script wrote, with a bound on how much that is.

use std::collections::VecDeque;
use std::fmt;

/// How many lines are kept.
const LINES_MAX: usize = 200;
/// How many bytes are kept, unless the last line alone is longer.
const BYTES_MAX: usize = 64 * 1024;

/// The last of what a script wrote, both streams in the order in which they arrived; redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Transcript {
    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    pub(crate) fn push(&mut self, line: &str) {
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > 1 && (self.lines.len() > LINES_MAX || self.bytes > BYTES_MAX) {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_last_lines_within_its_bounds() {
        let mut transcript = Transcript::default();
        for number in 0..1000 {
            transcript.push(&number.to_string());
        }
        assert_eq!(transcript.lines().count(), LINES_MAX);
        assert_eq!(transcript.lines().next_back(), Some("999"));
        for _ in 0..100 {
            transcript.push(&"x".repeat(BYTES_MAX / 4));
        }
        assert_eq!(transcript.lines().count(), 4);
    }
}
