//! Holds the examples of `STYLE.md` against what is really shown.

const GUIDE: &str = include_str!("../../../../STYLE.md");

/// Fails unless the guide shows `text` line for line.
#[track_caller]
pub(crate) fn shows(text: &str) {
    let text = text.trim_matches('\n');
    assert!(GUIDE.contains(text), "STYLE.md does not show this, line for line:\n\n{text}\n");
}
