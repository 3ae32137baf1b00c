//! Events for people at a terminal: lines that stay, above a board that changes in place.
//!
//! All of it is one progress bar of indicatif, whose only part is the board: one thread redraws it, and indicatif
//! knows how to put lines above it and how to make it vanish.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bear_core::event::Event;
use bear_core::progress::Progress;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::board::{Board, Size};
use super::lines::Lines;
use super::{Detail, Manner, Reporter};

/// How often the board is redrawn where nothing happens but time.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows a board, and the lines above it.
pub(super) struct Live {
    lines: Lines,
    board: Arc<Mutex<Board>>,
    bar: ProgressBar,
}

impl Live {
    /// None where stderr can't show a board, or the user does not want one.
    pub(super) fn new(manner: &Manner, progress: Progress) -> Option<Self> {
        let wanted = manner.look.width.is_some() && manner.detail != Detail::Quiet;
        let live = wanted
            .then(|| Self::on(ProgressDrawTarget::stderr(), size_of_stderr, manner.clone(), progress))?;
        // A dumb terminal is one, too, but can't move its cursor.
        if live.bar.is_hidden() {
            return None;
        }
        live.bar.enable_steady_tick(REDRAW);
        Some(live)
    }

    fn on(target: ProgressDrawTarget, size: fn() -> Size, manner: Manner, progress: Progress) -> Self {
        let look = manner.look;
        let lines = Lines::new(manner, true);
        let board = Arc::new(Mutex::new(Board::new(look, lines.tally(), progress, Instant::now())));
        let shown = Arc::clone(&board);
        let draw = move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            // indicatif has no way to take an error here, and a `String` behind it that gives none.
            let _ = text.write_str(&lock(&shown).draw(Instant::now(), size()));
        };
        let style =
            ProgressStyle::with_template("{board}").expect("the template is right").with_key("board", draw);
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { lines, board, bar }
    }
}

impl Reporter for Live {
    fn event(&mut self, event: &Event) {
        let text = self.lines.tell(event);
        lock(&self.board).take(event, self.lines.tally(), Instant::now());
        if !text.is_empty() {
            self.bar.println(text);
        }
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.bar.finish_and_clear();
        Ok(())
    }
}

fn size_of_stderr() -> Size {
    let (lines, columns) = Term::stderr().size();
    Size { columns: columns.into(), lines: lines.into() }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    // A board whose drawing panicked is still right: drawing does not change it.
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
