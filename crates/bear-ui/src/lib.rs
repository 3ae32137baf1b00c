//! The full-screen manager without its terminal: what it knows, what a key does to that, and how it looks.
//!
//! [`Message`]s go in, [`Effect`]s come out, and [`view`] shows the [`Model`] in between. Effects are data: who reads a
//! file, runs a plan or opens a browser is the binary. So every key can be tested without a terminal, a file or a clock.

mod data;
mod effect;
mod keys;
mod message;
mod model;
mod update;
mod view;

pub use data::{Failure, Fleet, Group, History, Instance, Members, PastRun, Proof, Snapshot, Survey};
pub use effect::Effect;
pub use message::{Message, Question};
pub use model::{Model, Style};
pub use ratatui;
pub use update::update;
pub use view::view;

#[cfg(test)]
mod tests;
