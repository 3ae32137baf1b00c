//! The log that is followed: the last lines of it, and which of them are on the screen.

use std::collections::VecDeque;

use bear_core::name::InstanceName;
use jiff::Timestamp;

use crate::data::Failure;

/// How many lines are kept.
const LINES_MAX: usize = 5_000;

/// How many characters of a line are kept.
const LINE_MAX: usize = 4_000;

/// The last lines of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Whose log is followed.
    of: Option<InstanceName>,
    /// Which reading of a log this is: what an earlier one still sends is not for this one.
    pub(crate) reading: u64,
    /// When it could not be read any further; none while it can.
    pub(crate) ended: Option<Timestamp>,
    /// Why it could not be read any further, until there is a line again.
    pub(crate) failure: Option<Failure>,
    /// Whether the lines are those of an earlier reading, which the first new one takes the place of.
    is_stale: bool,
    lines: VecDeque<String>,
    /// How many lines the screen is above the end; 0 follows what is written.
    pub(crate) above: usize,
    /// How many characters the screen is to the right.
    pub(crate) left: usize,
    /// The text that a line must have to be shown, as it was typed and in lower case.
    search: String,
    needle: String,
}

impl Log {
    /// Whose log is followed.
    pub(crate) fn of(&self) -> Option<&InstanceName> {
        self.of.as_ref()
    }

    /// Turns to the log of an instance, or to none.
    pub(crate) fn turn_to(&mut self, instance: Option<InstanceName>) {
        *self = Self { of: instance, reading: self.reading + 1, ..Self::default() };
    }

    /// Reads the same log again; what was read stays until there is something new.
    pub(crate) fn read_again(&mut self) {
        self.reading += 1;
        (self.ended, self.is_stale) = (None, true);
    }

    pub(crate) fn push(&mut self, mut line: String) {
        self.failure = None;
        if std::mem::take(&mut self.is_stale) {
            self.lines.clear();
            self.above = 0;
        }
        if let Some((end, _)) = line.char_indices().nth(LINE_MAX) {
            line.truncate(end);
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        // Whoever reads further up keeps seeing the same lines.
        if self.above > 0 && self.is_shown(&line) {
            self.above += 1;
        }
        self.lines.push_back(line);
    }

    pub(crate) fn end(&mut self, at: Timestamp, failure: Option<Failure>) {
        (self.ended, self.failure) = (Some(at), failure);
    }

    /// What is searched for.
    pub(crate) fn search(&self) -> &str {
        &self.search
    }

    pub(crate) fn search_for(&mut self, text: String) {
        self.needle = text.to_lowercase();
        self.search = text;
        self.above = 0;
    }

    pub(crate) fn scroll(&mut self, by: isize, height: usize) {
        let most = self.len().saturating_sub(height);
        self.above = self.above.saturating_add_signed(by.saturating_neg()).min(most);
    }

    /// Moves a screen of that width sideways, as far as there is something to see.
    pub(crate) fn shift(&mut self, by: isize, width: usize) {
        let longest = self.shown().map(|line| line.chars().count()).max().unwrap_or(0);
        self.left = self.left.saturating_add_signed(by).min(longest.saturating_sub(width));
    }

    /// The number of lines that are kept.
    pub(crate) fn written(&self) -> usize {
        self.lines.len()
    }

    /// The number of lines that are shown if there is room for all.
    pub(crate) fn len(&self) -> usize {
        if self.needle.is_empty() { self.lines.len() } else { self.shown().count() }
    }

    /// The lines on a screen of that height.
    pub(crate) fn on_screen(&self, height: usize) -> Vec<&str> {
        let mut lines = self.shown().rev().skip(self.above).take(height).collect::<Vec<_>>();
        lines.reverse();
        lines
    }

    fn shown(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| self.is_shown(line))
    }

    fn is_shown(&self, line: &str) -> bool {
        self.needle.is_empty() || line.to_lowercase().contains(&self.needle)
    }
}
