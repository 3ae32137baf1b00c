//! What is measured of a command again and again, with the load at its time, and how that is told.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::bench::probe::{Taken, once};

/// One run of a command.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) taken: Taken,
    /// The load average of one minute when it began.
    pub(super) load: f64,
}

impl Sample {
    /// Runs the command, which must succeed.
    pub(super) fn take(command: &[String], folder: &Path) -> Result<Self, String> {
        let load = load();
        let words = command.iter().map(String::as_str).collect::<Vec<_>>();
        Ok(Self { taken: once(&words, folder)?, load })
    }
}

/// The load average of one minute, `proc_loadavg(5)`.
fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

/// Figures of several runs: the median, and the least and the most.
pub(super) struct Figures(Vec<f64>);

impl Figures {
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures = figures.into_iter().collect::<Vec<_>>();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    pub(super) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub(super) fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s ({:.2}–{:.2})", self.median(), self.least(), self.most())
    }
}
