//! The text of a snapshot: how a state is written to a file and read back.

use serde::Deserialize;

use super::v1::{self, State};

/// Why a text is no state that this bear can read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text is cut off or damaged.
    #[error("it is damaged: {0}")]
    Damaged(#[source] serde_json::Error),
    /// A newer bear wrote it.
    #[error("it was written by a newer bear (format {found}, this one reads up to {known})", known = v1::VERSION)]
    Newer {
        /// The version that it has.
        found: u32,
    },
}

/// Reads a state.
pub fn read(text: &[u8]) -> Result<State, SnapshotError> {
    // A newer format may differ in everything but its version.
    #[derive(Deserialize)]
    struct Header {
        version: u32,
    }
    // Most states are of this version, so the cheap way is tried first.
    let damage = match serde_json::from_slice::<State>(text) {
        Ok(state) if state.version == v1::VERSION => return Ok(state),
        Ok(state) => serde::de::Error::custom(format!("there is no format {}", state.version)),
        Err(error) => error,
    };
    match serde_json::from_slice::<Header>(text) {
        Ok(header) if header.version > v1::VERSION => Err(SnapshotError::Newer { found: header.version }),
        _ => Err(SnapshotError::Damaged(damage)),
    }
}

/// Writes a state, ending with a newline.
pub fn write(state: &State) -> String {
    let mut text = serde_json::to_string(state).expect("a state has only string keys and finite numbers");
    text.push('\n');
    text
}
