//! What somebody who mistyped a word may have meant.

/// The word among `known` that `word` was most likely meant to be.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // One slip in a short word, one in three letters of a longer one.
    let most = (word.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|known| (strsim::damerau_levenshtein(word, known), known));
    let near = distances.filter(|&(distance, known)| distance <= most && distance < known.len());
    near.min_by_key(|&(distance, _)| distance).map(|(_, known)| known)
}
