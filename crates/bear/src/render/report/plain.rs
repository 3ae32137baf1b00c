//! Events for people where there is no terminal: a line each, as a log keeps it.

use std::io::{self, Write};

use bear_core::event::Event;

use super::lines::Lines;
use super::{Manner, Reporter};

/// Writes the lines that tell of each event.
pub(super) struct Plain<W> {
    out: W,
    lines: Lines,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(out: W, manner: Manner) -> Self {
        Self { out, lines: Lines::new(manner, false) }
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn event(&mut self, event: &Event) {
        let text = self.lines.tell(event);
        // There is nobody left to tell that stderr is broken, and the run goes on without a listener.
        let _ = self.out.write_all(text.as_bytes());
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}
