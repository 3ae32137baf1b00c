//! Reporters: how a run is told while it happens. Each is fed by events and nothing else.
//!
//! Progress is not data, so people read it on stderr: as lines above a live board on a terminal ([`live`]), as lines
//! alone elsewhere ([`plain`]). Programs read the same events as JSON on stdout ([`json`]).

mod board;
mod failure;
mod json;
mod lines;
mod live;
mod plain;
mod tally;

use std::io;
use std::time::Duration;

use bear_core::event::Event;
use bear_core::progress::Progress;

use super::Look;
use json::Json;
use live::Live;
use plain::Plain;

/// How long a log may stay silent while steps run. Some continuous integration ends a job that says nothing for ten
/// minutes, and people begin to wonder long before.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Tells of a run, event by event.
pub(crate) trait Reporter: Send {
    /// Tells of one event.
    fn event(&mut self, event: &Event);

    /// Ends the telling, whether or not the run came to its end. Fails if its reader missed something.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// How much of a run people want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Only what failed.
    Quiet,
    /// Every step.
    Normal,
    /// Every step and every check.
    Verbose,
}

/// How people want to be told of a run.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// The look of stderr.
    pub(crate) look: Look,
    /// How much.
    pub(crate) detail: Detail,
    /// The fleet file as the user named it, for the commands that are suggested.
    pub(crate) fleet: String,
}

/// Tells people, on stderr: on a live board where `look` is that of a terminal which can show one. `progress` is that
/// of the run, which has not begun.
pub(crate) fn for_people(manner: Manner, progress: Progress) -> Box<dyn Reporter> {
    match Live::new(&manner, progress.clone()) {
        Some(live) => Box::new(live),
        None => Box::new(Plain::new(io::stderr(), manner, progress, SILENCE_MAX)),
    }
}

/// Tells programs, on stdout.
pub(crate) fn for_programs() -> Box<dyn Reporter> {
    Box::new(Json::new(io::stdout()))
}
