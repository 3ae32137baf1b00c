//! How what bear knows looks to people: the words of its output, the picture of a plan, the page about a run.
//!
//! Everything here is a pure function from core types to text. What a terminal can do, and who prints, is the binary's.

pub mod facts;
pub mod graph;
mod markup;
pub mod progress;
pub mod report;
pub mod words;
