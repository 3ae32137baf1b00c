//! What is still to come of a run, in words.

use bear_core::progress::{Progress, Wait, Waiting};

use crate::words::{about, grouped};

/// When a run is old enough to say how long it takes still, in seconds. Before that too little has been seen.
const ELAPSED_MIN: f64 = 1.0;

/// The shortest time to come that is told of, in seconds. A shorter one is over before it is read.
const LEFT_MIN: f64 = 3.0;

/// Steps that wait, and for what: `1 install for create, 2 verify for install`. Empty where none does.
pub fn waiting(waiting: &[Waiting]) -> String {
    let parts = waiting.iter().map(|Waiting { kind, number, on }| {
        let on = match on {
            Wait::Foundation => "the foundation",
            Wait::Step(kind) => kind.as_str(),
            Wait::Turn => "their turn",
        };
        format!("{} {kind} for {on}", grouped(*number))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// How long a run may take still that began `elapsed` seconds ago: `about 50s left`. None where that is short, or can't
/// be told.
pub fn left(progress: &Progress, elapsed: f64) -> Option<String> {
    let left = progress.left(elapsed).filter(|&left| elapsed >= ELAPSED_MIN && left >= LEFT_MIN)?;
    Some(format!("{} left", about(left)))
}
