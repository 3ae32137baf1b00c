//! EMQX's settings as environment variables.
//!
//! EMQX parses a variable's value as HOCON: bare, `12345678` stops the boot, `abc#def` is cut to `abc` in silence, and
//! `two words` locks everyone out. Between double quotes every text is itself.

use std::fmt::Write;

use crate::refusal::Refusal;
use crate::shell::Quoted;

/// A file of assignments that a shell reads in front of EMQX.
#[derive(Default)]
pub(super) struct Environment(String);

impl Environment {
    /// Nothing set, with comments on top.
    pub(super) fn with_comments(comments: &[String]) -> Self {
        Self(comments.iter().map(|comment| format!("# {comment}\n")).collect())
    }

    /// Sets what EMQX parses as HOCON to a text.
    pub(super) fn text(self, name: &str, value: &str) -> Result<Self, Refusal> {
        self.plain(name, &hocon(value))
    }

    /// Sets what EMQX's start script reads itself, which knows no quotes.
    pub(super) fn plain(mut self, name: &str, value: &str) -> Result<Self, Refusal> {
        let _ = writeln!(self.0, "{name}={}", Quoted::new(value)?);
        Ok(self)
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A text as HOCON reads it back.
pub(super) fn hocon(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
