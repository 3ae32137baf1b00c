//! Where the state is kept: the trait [`Store`], and the store in files.
//!
//! A fleet's files lie in one [`FleetFolder`]. Whoever changes them holds the [`FleetLock`]; reading needs no lock.

mod error;
mod file;
mod files;
mod filesystem;
mod folder;
mod history;
mod load;
mod lock;
mod secrets;

use bear_core::state::v1::{Record, State};

pub use error::StoreError;
pub use file::FileStore;
pub use filesystem::{Filesystem, Identity, Metadata, Open, OpenFile};
pub use folder::FleetFolder;
pub use history::{HistoryEntry, restore};
pub use load::{Loaded, Recovery};
pub use lock::{FleetLock, Holder};
pub use secrets::{Secret, Secrets, SecretsError};

/// Keeps the state of one fleet while a run changes it. Whoever holds a store holds the fleet's lock.
pub trait Store: Send {
    /// The state as it is now.
    fn state(&self) -> &State;

    /// Makes `records` durable, together, and then applies them to the state. If there are none, makes sure that some
    /// could be.
    ///
    /// # Errors
    ///
    /// None of the records was applied, and none may be acted upon: the run must not begin another effect.
    fn record(&mut self, records: &[Record]) -> Result<(), StoreError>;

    /// Folds everything recorded into a new snapshot.
    fn fold(&mut self) -> Result<(), StoreError>;
}
