//! The secrets that bear generated for a fleet, apart from its state, readable by their owner alone.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::files;
use super::filesystem::Filesystem;
use super::folder::FleetFolder;

/// The version of the format.
const VERSION: u32 = 1;

/// A secret. It shows itself only to who asks for it by name.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself: for the place that needs it, never for a log, an error, an event or argv.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The generated secrets of a fleet. Every call reads the file, so that one of these is as good as another.
#[derive(Clone, Debug)]
pub struct Secrets {
    path: PathBuf,
    filesystem: Arc<dyn Filesystem>,
}

/// Why the secrets can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// The text is cut off or damaged. The reader's own words are left out: they may quote a secret.
    #[error("it is damaged at line {line}, column {column}")]
    Damaged {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A newer bear wrote it.
    #[error("it was written by a newer bear (format {found}, this one reads up to {VERSION})")]
    Newer {
        /// The version that it has.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    values: BTreeMap<String, String>,
}

impl Secrets {
    /// The secrets of the fleet in `folder`.
    pub fn of(folder: &FleetFolder) -> Self {
        Self { path: folder.secrets(), filesystem: Arc::clone(folder.filesystem()) }
    }

    /// The names of the secrets, sorted.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.read()?.values.into_keys().collect())
    }

    /// The secret called `name`, if there is one.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.read()?.values.remove(name).map(Secret))
    }

    /// The secret called `name`; what `generate` makes, if there is none yet. It is durable before it is returned.
    ///
    /// Only for whoever holds the fleet's lock: of two that create at once, one would lose its secret.
    pub fn get_or_create(&self, name: &str, generate: impl FnOnce() -> String) -> Result<Secret, StoreError> {
        let mut document = self.read()?;
        if let Some(value) = document.values.remove(name) {
            return Ok(Secret(value));
        }
        let secret = Secret(generate());
        document.values.insert(name.to_owned(), secret.0.clone());
        let text = serde_json::to_vec(&document).expect("a map of strings has only string keys");
        files::replace(&*self.filesystem, &self.path, &text)?;
        Ok(secret)
    }

    fn read(&self) -> Result<Document, StoreError> {
        let Some(text) = files::read(&*self.filesystem, &self.path)? else {
            return Ok(Document { version: VERSION, values: BTreeMap::new() });
        };
        parse(&text).map_err(|cause| StoreError::Secrets { path: self.path.clone(), cause })
    }
}

fn parse(text: &[u8]) -> Result<Document, SecretsError> {
    // A newer format may differ in everything but its version.
    #[derive(Deserialize)]
    struct Header {
        version: u32,
    }
    let damaged =
        |error: serde_json::Error| SecretsError::Damaged { line: error.line(), column: error.column() };
    let header = serde_json::from_slice::<Header>(text).map_err(damaged)?;
    if header.version > VERSION {
        return Err(SecretsError::Newer { found: header.version });
    }
    serde_json::from_slice(text).map_err(damaged)
}
