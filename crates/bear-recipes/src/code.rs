//! Which of the shell code a script is made of: what its blocks reach, and nothing else.
//!
//! A shell reads all of a script before it runs any of it, and each of its subshells is a copy of all that it read. A
//! host feels both.

use std::collections::{HashMap, HashSet};

/// The code that `main` reaches, without its comments. A function is reached by every word of the code that is its name, be
/// it a call or not, so the words of names that are put together must be in `main`.
pub(crate) fn reached(pieces: &[&'static str], main: &str) -> String {
    let parts = pieces.iter().flat_map(|piece| parts(piece)).collect::<Vec<_>>();
    let named = parts.iter().filter_map(|part| Some((part.function?, part))).collect::<HashMap<_, _>>();
    let mut reached = HashSet::new();
    let mut texts = vec![main];
    texts.extend(parts.iter().filter(|part| part.function.is_none()).map(|part| part.text));
    while let Some(text) = texts.pop() {
        let words = text.lines().filter(|line| !is_comment(line)).flat_map(words);
        for part in words.filter_map(|word| named.get(word)) {
            if reached.insert(part.function) {
                texts.push(part.text);
            }
        }
    }
    let wanted = parts.iter().filter(|part| part.function.is_none() || reached.contains(&part.function));
    wanted.flat_map(|part| part.text.split_inclusive('\n')).filter(|line| !is_comment(line)).collect()
}

/// A function, or what stands between functions.
struct Part {
    function: Option<&'static str>,
    text: &'static str,
}

/// The parts of a file, each function from its first line to the brace that stands alone on a line.
fn parts(code: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = code;
    while !rest.is_empty() {
        let function = rest.lines().next().and_then(|line| line.strip_suffix("() {"));
        let end = match function {
            Some(_) => rest.find("\n}\n").map(|brace| brace + "\n}\n".len()),
            None => rest.find('\n').map(|end| end + 1),
        };
        let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
        parts.push(Part { function, text });
        rest = after;
    }
    parts
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())
}

/// Whether the line is a comment for people, or empty.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || (line.starts_with('#') && !line.starts_with("# shellcheck "))
}

#[cfg(test)]
mod tests {
    use super::reached;

    const CODE: &str = "# What it is, and not `fifth`.\n\n\
        first() {\n    # Why, unlike `fifth`.\n    second \"$@\"\n}\n\n\
        # What it does.\nsecond() {\n    run=${third:-}\n    fourth\n}\n\n\
        break='\n'\n\n\
        third() {\n    first\n}\n\n\
        fifth() {\n    third\n}\n";

    #[test]
    fn what_is_not_reached_is_left_out() {
        insta::assert_snapshot!(reached(&[CODE], "second"), @r#"
        first() {
            second "$@"
        }
        second() {
            run=${third:-}
            fourth
        }
        break='
        '
        third() {
            first
        }
        "#);
        assert_eq!(reached(&[CODE], "sixth"), "break='\n'\n");
    }
}
