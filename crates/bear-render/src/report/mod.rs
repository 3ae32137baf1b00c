//! The page about one run: what it changed, when each step ran and what held it up, what the checks found, what failed.
//!
//! One HTML document that needs nothing else: no script, no font, no network. It is made from the [`Record`] of the
//! run, which is kept, so that it can be made again.

mod critical;
mod instance;
mod page;
mod record;
mod story;
mod timeline;

use crate::report::story::Story;

pub use instance::OfInstance;
pub use record::{Record, RecordError, heading, line};

/// The page about the run that `record` tells of.
pub fn html(record: &Record) -> String {
    page::render(&Story::of(record))
}
