//! A clock that shows the time of the simulation: tokio's, which tests let run ahead.

use bear_engine::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Begins at noon of the first day of 2030, whenever it is made.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedClock {
    began: Instant,
}

/// 2030-01-01T12:00:00Z.
const NOON: i64 = 1_893_499_200;

impl SimulatedClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for SimulatedClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let noon = Timestamp::from_second(NOON).expect("a constant within range");
        SignedDuration::try_from(self.began.elapsed()).map_or(noon, |elapsed| noon + elapsed)
    }
}
