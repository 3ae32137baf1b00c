//! One deliberate fault: where it is, and how it is built in.

use std::ops::Range;

/// One deliberate fault.
#[derive(Clone, Copy)]
pub(super) struct Mutation {
    pub(super) name: &'static str,
    /// From the root of the workspace.
    pub(super) file: &'static str,
    /// What stands there exactly once. What is between « and », an expression or statements, is what is replaced.
    pub(super) text: &'static str,
    /// What stands there instead.
    pub(super) replacement: &'static str,
    /// The promise that it breaks.
    pub(super) breaks: &'static str,
}

/// How a program asks for its fault; see [`MODULE`].
const ASK: &str = "bear_core::fault::is";

/// What is added to bear-core, as `fault.rs` and to its `lib.rs`.
pub(super) const MODULE: &str = "\
//! Which deliberate fault this program has.

use std::sync::LazyLock;

static FAULT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(\"BEAR_FAULT\").ok());

/// Whether it is this one.
pub fn is(name: &str) -> bool {
    FAULT.as_deref() == Some(name)
}
";
pub(super) const MODULE_LINES: &str = "\nextern crate self as bear_core;\npub mod fault;\n";

impl Mutation {
    /// Which part of its file it replaces.
    pub(super) fn place(&self, source: &str) -> Result<Range<usize>, String> {
        let (before, original, after) = self.parts()?;
        let text = [before, original, after].concat();
        let mut found = source.match_indices(&text).map(|(at, _)| at);
        match (found.next(), found.count()) {
            (Some(at), 0) => Ok(at + before.len()..at + before.len() + original.len()),
            (None, _) => Err(format!("{}: its text does not stand in {}", self.name, self.file)),
            (Some(_), more) => {
                Err(format!("{}: its text stands {} times in {}", self.name, more + 1, self.file))
            }
        }
    }

    /// What stands in its place, with the fault and without.
    pub(super) fn both(&self) -> Result<String, String> {
        let (_, original, _) = self.parts()?;
        let both = format!("if {ASK}(\"{}\") {{ {} }} else {{ {original} }}", self.name, self.replacement);
        Ok(if original.ends_with(';') { both } else { format!("({both})") })
    }

    fn parts(&self) -> Result<(&'static str, &'static str, &'static str), String> {
        let parts = self.text.split_once('«').and_then(|(before, rest)| {
            let (original, after) = rest.split_once('»')?;
            Some((before, original, after))
        });
        parts.ok_or_else(|| format!("{}: nothing of its text is marked", self.name))
    }
}
