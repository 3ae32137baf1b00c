//! The log that is followed: the last lines of it.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES_MAX: usize = 5_000;

/// The last lines of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) lines: VecDeque<String>,
    /// How many lines the screen is above the end; 0 follows what is written.
    pub(crate) above: usize,
}

impl Log {
    pub(crate) fn push(&mut self, line: String) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
        // Whoever reads further up keeps seeing the same lines.
        if self.above > 0 {
            self.above += 1;
        }
    }

    pub(crate) fn scroll(&mut self, by: isize, height: usize) {
        let most = self.lines.len().saturating_sub(height);
        self.above = self.above.saturating_add_signed(by.saturating_neg()).min(most);
    }

    /// The lines on a screen of that height.
    pub(crate) fn on_screen(&self, height: usize) -> impl Iterator<Item = &str> {
        let end = self.lines.len().saturating_sub(self.above);
        self.lines.range(end.saturating_sub(height)..end).map(String::as_str)
    }
}
