//! What goes onto an instance, as values.
//!
//! A [`Recipe`] is a list of blocks, each with a check (is it so already?) and an apply (make it so). [`render()`] turns
//! recipes into one script for one round trip; a [`Transcript`] reads what the script says. How a script travels, and
//! where the machine came from, is none of this crate's business; nothing here does any I/O.
//!
//! # Layout
//!
//! - `sh/*.sh`: the shell code, of which a script has what its blocks reach. It is constant; values get into a script as quoted assignments only ([`shell`]).
//! - [`host_key`]: the host key of a machine that bear made. [`host`], [`docker`], [`mosquitto`], [`emqx`]: the recipes; [`removal()`]: what undoes them.
//! - [`observe()`]: what is there; [`look()`]: why a broker does not answer elsewhere.
//! - [`render()`], [`report`], [`transcript`], [`cause`]: the script, and how to read its answers.

mod apt;
pub mod cause;
mod code;
pub mod docker;
pub mod emqx;
pub mod host;
pub mod host_key;
pub mod image;
pub mod look;
pub mod mosquitto;
pub mod observe;
mod ports;
pub mod recipe;
pub mod refusal;
pub mod removal;
pub mod render;
pub mod report;
pub mod shell;
pub mod tls;
pub mod transcript;

pub use cause::Cause;
pub use host::{Host, Owner};
pub use look::{Answer, look};
pub use observe::{ContainerFacts, HostFacts, PackageFacts, observe, observe_broker, observe_package};
pub use recipe::{Block, Configuration, Recipe};
pub use refusal::Refusal;
pub use removal::removal;
pub use render::{Nonce, Script, Setting, render};
pub use report::{BlockEnd, Report};
pub use tls::Certificate;
pub use transcript::{Failure, Outcome, Transcript};
