//! Shell text: how a value gets into a script.
//!
//! The code of a script is constant: it stands in `sh/*.sh` and is never put together from pieces. What comes from a
//! fleet gets into it in one way only: as the value of a variable, quoted by [`Quoted`].

use std::fmt;

/// A value that no shell can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value holds a NUL byte, which no shell can carry")]
pub struct NulByte;

/// A value, quoted so that a POSIX shell takes it as one word, byte for byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    /// Quotes any text.
    ///
    /// # Errors
    ///
    /// The text holds a NUL byte.
    pub fn new(text: &str) -> Result<Self, NulByte> {
        if text.contains('\0') {
            return Err(NulByte);
        }
        // Between single quotes nothing has a meaning but the closing quote itself.
        Ok(Self(format!("'{}'", text.replace('\'', r"'\''"))))
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows no value: it may be a secret.
impl fmt::Debug for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quoted(…)")
    }
}
