//! Rendering: from plans, events and results to the text that people and programs read.
//!
//! `STYLE.md` at the root of the repository is the specification; the tests hold its examples against this code.
//! Nothing here decides what is done, reads a file, or knows a broker. Most of it is pure functions from core types
//! to text, without a full stop after fragments and without a line end after the last line. Only the reporters in
//! [`report`] write, because a run is told while it happens.

pub(crate) mod look;
pub(crate) mod markdown;
pub(crate) mod next;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod table;

#[cfg(test)]
mod example;
#[cfg(test)]
mod style_guide;

pub(crate) use bear_render::words;
pub(crate) use look::Look;
