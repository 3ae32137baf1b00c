//! Events for people where there is no terminal: a line each, as a log keeps it, and one now and then where nothing
//! happens for long.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bear_core::event::Event;
use bear_core::progress::Progress;

use super::board::Board;
use super::lines::Lines;
use super::{Detail, Manner, Reporter};

/// Writes the lines that tell of each event.
pub(super) struct Plain<W> {
    log: Arc<Mutex<Log<W>>>,
    /// Where the log is not to stay silent: what ends the thread that sees to it, and the thread.
    watch: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Log<W> {
    out: W,
    lines: Lines,
    board: Board,
    /// When something was written last.
    written: Instant,
}

impl<W: Write + Send + 'static> Plain<W> {
    pub(super) fn new(out: W, manner: Manner, progress: Progress, silence_max: Duration) -> Self {
        let (now, is_quiet) = (Instant::now(), manner.detail == Detail::Quiet);
        let look = manner.look;
        let lines = Lines::new(manner, false);
        let board = Board::new(look, lines.tally(), progress, now);
        let log = Arc::new(Mutex::new(Log { out, lines, board, written: now }));
        let watch = if is_quiet { None } else { watch(&log, silence_max) };
        Self { log, watch }
    }
}

/// Has a line written whenever none was for so long. Where there can be no thread, a silent log is all there is.
fn watch<W: Write + Send + 'static>(
    log: &Arc<Mutex<Log<W>>>,
    silence_max: Duration,
) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (end, ended) = mpsc::channel();
    let log = Arc::clone(log);
    let watching = thread::Builder::new().name("silence".to_owned()).spawn(move || {
        let mut wait = silence_max;
        while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            wait = lock(&log).break_silence(silence_max);
        }
    });
    watching.ok().map(|watching| (end, watching))
}

impl<W: Write> Log<W> {
    fn event(&mut self, event: &Event) {
        let text = self.lines.tell(event);
        self.board.take(event, self.lines.tally(), Instant::now());
        self.write(&text);
    }

    /// Writes what runs where nothing was written for `silence_max`. How long until that may be so again.
    fn break_silence(&mut self, silence_max: Duration) -> Duration {
        let now = Instant::now();
        let left = silence_max.saturating_sub(now.duration_since(self.written));
        if !left.is_zero() {
            return left;
        }
        if let Some(still) = self.board.still(now) {
            let text = self.lines.still(self.board.elapsed(now), &still);
            self.write(&text);
        }
        silence_max
    }

    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            self.written = Instant::now();
            // There is nobody left to tell that stderr is broken, and the run goes on without a listener.
            let _ = self.out.write_all(text.as_bytes());
        }
    }
}

impl<W: Write + Send> Reporter for Plain<W> {
    fn event(&mut self, event: &Event) {
        lock(&self.log).event(event);
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        if let Some((end, watching)) = self.watch {
            drop(end);
            // What panicked there was told of by the hook, and the run is not worse for it.
            let _ = watching.join();
        }
        lock(&self.log).out.flush()
    }
}

fn lock<W>(log: &Mutex<Log<W>>) -> MutexGuard<'_, Log<W>> {
    // A log whose writing panicked goes on with the next line.
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
