//! Makes a plan happen, and loses nothing while it does.
//!
//! [`run()`] carries out a plan: it decides order and time, never *what*. What happens becomes one linear stream that
//! feeds first the [`Store`], which makes it durable, and then the reporter.

pub mod adapter;
pub mod clock;
pub mod import;
pub mod limits;
pub mod run;
pub mod store;

pub use adapter::{Adapters, Installer, Verifier};
pub use clock::{Clock, SystemClock};
pub use limits::Limits;
pub use run::{Run, Stop, run};
pub use store::{Store, StoreError};
