//! The board: what a terminal shows of a run at this moment. Pure: events and the time in, lines out.

use std::time::{Duration, Instant};

use bear_core::event::{BlockState, Event, StepRef, What};
use bear_core::plan::StepKind;
use bear_core::progress::{Progress, Waiting};
use bear_render::progress;

use super::tally::Tally;
use crate::render::look::{Look, Tone};
use crate::render::words::{duration, fit, grouped};

/// The most steps that are shown one by one, those first that have taken longest.
const SHOWN_MAX: usize = 8;

/// The widest that the bar gets, in columns. A wider one says nothing more.
const BAR_MAX: usize = 40;

/// The narrowest bar that still says something.
const BAR_MIN: usize = 8;

/// The most steps that a line of a log names.
const STILL_MAX: usize = 3;

/// How long each sign of the spinner stands.
const FRAME: Duration = Duration::from_millis(100);

/// A terminal's columns and lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) lines: usize,
}

/// What runs, and how much is done.
pub(super) struct Board {
    look: Look,
    tally: Tally,
    progress: Progress,
    began: Instant,
    /// In the order in which they began, so that the slowest come first.
    running: Vec<Running>,
    stopping: bool,
}

struct Running {
    step: StepRef,
    since: Instant,
    attempt: u32,
    /// Whether it waits for its next try.
    waits: bool,
    checks: usize,
    /// The block that is being looked at or made so.
    block: Option<String>,
}

impl Board {
    pub(super) fn new(look: Look, tally: Tally, progress: Progress, now: Instant) -> Self {
        Self { look, tally, progress, began: now, running: Vec::new(), stopping: false }
    }

    /// Takes one event into account that happened `now`; `tally` includes it.
    pub(super) fn take(&mut self, event: &Event, tally: Tally, now: Instant) {
        self.tally = tally;
        self.progress.take(event);
        match &event.what {
            What::RunStarted { .. } => self.began = now,
            What::StepStarted { step } => self.start(step, now),
            What::StepRetrying { step, attempt, .. } => {
                if let Some(running) = self.find(step) {
                    running.attempt = attempt + 1;
                    running.waits = true;
                }
            }
            What::CheckEnded { step, .. } => {
                if let Some(running) = self.find(step) {
                    running.checks += 1;
                }
            }
            What::Block { step, block } => {
                if let Some(running) = self.find(step) {
                    running.block = (block.state == BlockState::Started).then(|| block.name.clone());
                }
            }
            What::StepSucceeded { step, .. }
            | What::StepFailed { step, .. }
            | What::StepSkipped { step, .. } => self.running.retain(|running| running.step != *step),
            What::Interrupting { .. } => self.stopping = true,
            What::Notice { .. } => {}
            What::Summary(_) => self.running.clear(),
        }
    }

    fn start(&mut self, step: &StepRef, now: Instant) {
        if let Some(running) = self.find(step) {
            running.waits = false;
            return;
        }
        let step = step.clone();
        self.running.push(Running { step, since: now, attempt: 1, waits: false, checks: 0, block: None });
    }

    fn find(&mut self, step: &StepRef) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.step == *step)
    }

    /// The board as it is shown `now`. No line is wider than `size` allows.
    pub(super) fn draw(&self, now: Instant, size: Size) -> String {
        let waiting = self.waiting();
        // The board never takes more than half of the terminal: what is told above it stays in sight. That counts the
        // bar, what waits, and what runs besides.
        let others = 2 + usize::from(waiting.is_some());
        let most = SHOWN_MAX.min((size.lines / 2).saturating_sub(others)).max(1);
        let shown = &self.running[..self.running.len().min(most)];
        let names = shown.iter().map(|running| name(&running.step).len()).max().unwrap_or(0);
        let mut lines =
            shown.iter().map(|running| self.running(running, names, now, size)).collect::<Vec<_>>();
        for rest in [self.rest(shown.len()), waiting].into_iter().flatten() {
            let rest = format!("  {rest}");
            let rest = fit(&rest, size.columns, self.look.ellipsis()).into_owned();
            lines.push(self.look.paint(Tone::Dim, rest).to_string());
        }
        lines.push(self.bar(now, size));
        lines.join("\n")
    }

    fn running(&self, running: &Running, names: usize, now: Instant, size: Size) -> String {
        let spinner = self.spinner(now);
        let time = duration(now.duration_since(running.since).as_secs_f64());
        let note = match running {
            Running { waits: true, attempt, .. } => format!("  waits for try {attempt}"),
            Running { checks: checks @ 1.., .. } => format!("  check {}", checks + 1),
            Running { block: Some(block), .. } => format!("  {block}"),
            Running { attempt: attempt @ 2.., .. } => format!("  try {attempt}"),
            Running { .. } => String::new(),
        };
        let text = format!(" {:<7} {:<names$}  {time:>6}{note}", running.step.kind, name(&running.step));
        let text = fit(&text, size.columns.saturating_sub(1), self.look.ellipsis()).into_owned();
        format!("{}{text}", self.look.paint(Tone::Hint, spinner))
    }

    fn spinner(&self, now: Instant) -> char {
        let frames = if self.look.unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" } else { r"|/-\" };
        let frame = now.duration_since(self.began).as_millis() / FRAME.as_millis();
        frames.chars().cycle().nth(usize::try_from(frame % 1_000).unwrap_or(0)).unwrap_or(' ')
    }

    /// What runs besides the first `shown` steps.
    fn rest(&self, shown: usize) -> Option<String> {
        let rest = &self.running[shown..];
        if rest.is_empty() {
            return None;
        }
        let kinds =
            StepKind::ALL.map(|kind| (rest.iter().filter(|running| running.step.kind == kind).count(), kind));
        let kinds = kinds.iter().filter(|(number, _)| *number > 0);
        let kinds = kinds.map(|(number, kind)| format!("{} {kind}", grouped(*number)));
        Some(format!("and {} more: {}", grouped(rest.len()), kinds.collect::<Vec<_>>().join(", ")))
    }

    /// What has not begun, and what it waits for. Nothing begins before the run, and nothing any more once it is to stop.
    fn waiting(&self) -> Option<String> {
        let waiting = self.progress.waiting();
        if waiting.is_empty() || self.stopping || self.tally.steps == 0 {
            return None;
        }
        let verb = if let [Waiting { number: 1, .. }] = waiting[..] { "waits" } else { "wait" };
        Some(format!("{verb}: {}", progress::waiting(&waiting)))
    }

    /// How long it may take still, where that is long and can be told.
    fn left(&self, now: Instant) -> Option<String> {
        progress::left(&self.progress, self.elapsed(now)).filter(|_| !self.stopping)
    }

    /// Seconds since the run began.
    pub(super) fn elapsed(&self, now: Instant) -> f64 {
        now.duration_since(self.began).as_secs_f64()
    }

    /// What runs, waits and is left, on one line of a log that nothing was written to for a while. None if nothing
    /// runs.
    pub(super) fn still(&self, now: Instant) -> Option<String> {
        let shown = &self.running[..self.running.len().min(STILL_MAX)];
        let running = shown.iter().map(|running| {
            let time = duration(now.duration_since(running.since).as_secs_f64());
            format!("{} {} {time}", running.step.kind, name(&running.step))
        });
        let running = Some(running.collect::<Vec<_>>().join(", ")).filter(|running| !running.is_empty())?;
        let parts = [Some(running), self.rest(shown.len()), self.waiting(), self.left(now)];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    fn bar(&self, now: Instant, size: Size) -> String {
        let Tally { steps, failed, .. } = self.tally;
        let ended = self.tally.ended();
        let time = duration(self.elapsed(now));
        let failures = if failed > 0 { format!("  {failed} failed") } else { String::new() };
        let stopping = if self.stopping { "  stopping" } else { "" };
        let mut text = format!("{ended}/{steps} steps  {time}{failures}{stopping}");
        if let Some(left) = self.left(now).map(|left| format!("  {left}"))
            && text.chars().count() + left.chars().count() <= size.columns
        {
            text.push_str(&left);
        }
        let text = fit(&text, size.columns, self.look.ellipsis());
        let width = size.columns.saturating_sub(text.chars().count() + 2).min(BAR_MAX);
        if width < BAR_MIN {
            return text.into_owned();
        }
        let done = (ended * width).checked_div(steps).unwrap_or(0).min(width);
        let (full, empty) = if self.look.unicode { ("━", "─") } else { ("=", "-") };
        let tone = if failed > 0 { Tone::Bad } else { Tone::Good };
        let full = self.look.paint(tone, full.repeat(done));
        let empty = self.look.paint(Tone::Dim, empty.repeat(width - done));
        format!("{full}{empty}  {text}")
    }
}

fn name(step: &StepRef) -> &str {
    step.instance.as_ref().map_or("foundation", |instance| instance.as_str())
}

#[cfg(test)]
mod tests;
