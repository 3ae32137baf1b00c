//! Keeps secrets out of what is shown: a password that somebody wrote into a fleet file must not also end up in a
//! terminal's history or in the log of a build, only because the line that it stands on is shown.

use std::borrow::Cow;

use miette::SourceSpan;

use super::tree::{Slot, Value};

/// The ways to name a secret without writing it down; what stands there may be shown.
pub(super) const REFERENCES: [&str; 3] = ["env", "file", "command"];

/// Whether a key's value is a secret, as far as its name tells. A misspelt `password` counts as well.
pub(super) fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // Not `host_key`, nor `key_url`: both are public, and in the way of whoever looks for a mistake.
    let whole = ["key", "private_key", "license", "licence", "license_key"];
    let misspelt = || key.starts_with('l') && strsim::damerau_levenshtein(&key, "license") <= 2;
    if whole.contains(&&*key) || misspelt() {
        return true;
    }
    let mut parts = key.split(['_', '-', '.']);
    parts.any(|part| {
        let misspelt = || part.starts_with('p') && strsim::damerau_levenshtein(part, "password") <= 2;
        part.ends_with("password")
            || ["passwd", "passphrase", "pass", "pwd", "secret", "token"].contains(&part)
            || misspelt()
    })
}

/// Whether a text is a secret whatever its key: a private key, or a place to log in to with the password before it.
pub(super) fn is_secret(text: &str) -> bool {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let login = after_scheme.rsplit_once('@').map(|(login, _)| login);
    text.contains("PRIVATE KEY-----")
        || login.is_some_and(|login| login.contains(':') && !login.contains(char::is_whitespace))
}

/// Adds where secrets are written in and below a value whose key looks secret.
pub(super) fn literals(slot: &Slot<'_>, found: &mut Vec<SourceSpan>) {
    match &slot.node.value {
        Value::Scalar(_) if !slot.node.is_null() => found.push(slot.node.span),
        Value::List(items) => items.iter().for_each(|item| literals(item, found)),
        Value::Map(map) => {
            let others = map.iter().filter(|(key, _)| !REFERENCES.contains(&&***key));
            others.for_each(|(_, value)| literals(value, found));
        }
        Value::Scalar(_) | Value::Broken => {}
    }
}

/// The text with what stands at `spans` made unreadable. Every other character stays where it was.
pub(super) fn mask<'t>(text: &'t str, spans: &[SourceSpan]) -> Cow<'t, str> {
    let mut spans = spans.iter().map(|span| (span.offset(), span.offset() + span.len())).collect::<Vec<_>>();
    spans.sort_unstable();
    let mut masked = String::new();
    let mut done = 0;
    for (from, to) in spans {
        let from = from.max(done);
        if let (Some(before), Some(secret)) = (text.get(done..from), text.get(from..to)) {
            masked.push_str(before);
            masked.extend(secret.chars().map(star));
            done = to;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// A star of the same length in bytes, so that lines, columns and offsets stay what they are.
fn star(c: char) -> char {
    match c.len_utf8() {
        _ if c == '\n' || c == '\r' => c,
        1 => '*',
        2 => '·',
        3 => '•',
        _ => '🞲',
    }
}

/// Where secrets seem to be written in a text that could not be read as YAML.
pub(super) fn suspects(text: &str) -> Vec<SourceSpan> {
    let mut found = Vec::new();
    let mut offset = 0;
    // The indentation of a secret's key, while what follows can still belong to the secret.
    let mut within = None;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let secret_from = match within {
            Some(key) if indent > key => Some(0),
            _ => literal_in(line).or_else(|| login_in(line)),
        };
        within = secret_from.map(|from| if from == 0 { within.unwrap_or(indent) } else { indent });
        if let Some(from) = secret_from {
            found.push((offset + from, line.trim_end().len().saturating_sub(from)).into());
        }
        offset += line.len();
    }
    found
}

/// Where in a line the literal value of a secret begins.
fn literal_in(line: &str) -> Option<usize> {
    line.match_indices(':').find_map(|(colon, _)| {
        let key = line[..colon].rsplit([' ', '{', ',', '"', '\'']).find(|word| !word.is_empty())?;
        let value = line[colon + 1..].trim_start();
        let literal = looks_secret(key) && !value.is_empty() && !value.starts_with(['{', '#', '*', '&']);
        literal.then(|| line.len() - value.len())
    })
}

/// Where in a line a word begins that is a place to log in to with the password before it.
fn login_in(line: &str) -> Option<usize> {
    let mut words = line.split([' ', '"', '\'', ',']);
    words.find(|word| is_secret(word)).and_then(|word| line.find(word))
}
