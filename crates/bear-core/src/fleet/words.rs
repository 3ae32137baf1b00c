//! Words for messages: text from the file made fit to be shown, lists, and what somebody may have meant.

use super::mask::is_secret;

/// The longest piece of the file that is quoted in a message, in characters.
const QUOTED_MAX: usize = 40;

/// A text from the file as it can stand in a message: in backticks, on one line, without control characters, and
/// cut where it is long. A secret is not repeated, wherever it was written.
pub(super) fn quoted(text: &str) -> String {
    if is_secret(text) {
        return String::from("`…`");
    }
    let mut shown = text.chars().take(QUOTED_MAX).flat_map(visible).collect::<String>();
    if text.chars().nth(QUOTED_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn visible(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_debug());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// `a, b or c`, each in backticks.
pub(super) fn any_of(words: &[impl AsRef<str>], or: &str) -> String {
    let words = words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>();
    match words.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} {or} {last}", rest.join(", ")),
        few => few.join(""),
    }
}

/// The word among `known` that `word` was most likely meant to be.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let len = word.chars().count();
    if len > QUOTED_MAX {
        return None;
    }
    // One slip in a short word, one in three letters of a longer one.
    let most = (len / 3).max(1);
    let distances = known.into_iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    let near = distances.filter(|&(distance, known)| distance <= most && distance < known.len());
    near.min_by_key(|&(distance, _)| distance).map(|(_, known)| known)
}

/// "did you mean" where there is something near, else what is known.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", any_of(known, "and")),
    }
}
