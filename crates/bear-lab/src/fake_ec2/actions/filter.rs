//! Filters of Describe actions.

use super::super::failure::Failure;
use super::super::query::Query;
use super::super::truth::Truth;

/// A call may not ask for more values in one filter.
const VALUES_MAX: usize = 200;

/// Filters, all of which must be met.
pub(super) struct Filters(Vec<Filter>);

struct Filter {
    name: String,
    /// One of which must match.
    patterns: Vec<String>,
}

impl Filters {
    /// Reads a request's filters. Beside those for tags there are those that `known` names.
    pub(super) fn read(query: &Query<'_>, known: &[&str]) -> Result<Self, Failure> {
        let filters = query.members("Filter").into_iter().map(|filter| {
            let name = filter.required("Name")?.to_owned();
            let patterns = filter.list("Value").into_iter().map(str::to_owned).collect::<Vec<_>>();
            if !known.contains(&name.as_str()) && name != "tag-key" && !name.starts_with("tag:") {
                return Err(Failure::invalid_value(format!("The filter '{name}' is invalid")));
            }
            if patterns.len() > VALUES_MAX {
                let message =
                    format!("The maximum number of filter values specified on a single call is {VALUES_MAX}");
                return Err(Failure::new(400, "FilterLimitExceeded", message));
            }
            Ok(Filter { name, patterns })
        });
        filters.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a resource meets them. `field` tells all values that one of the known names has for it.
    pub(super) fn accept(&self, truth: &Truth, id: &str, field: impl Fn(&str) -> Vec<String>) -> bool {
        self.0.iter().all(|filter| {
            let values = match filter.name.strip_prefix("tag:") {
                Some(key) => {
                    truth.seen_tags(id).get(key).map(|value| (*value).to_owned()).into_iter().collect()
                }
                None if filter.name == "tag-key" => {
                    truth.seen_tags(id).into_keys().map(str::to_owned).collect()
                }
                None => field(&filter.name),
            };
            values.iter().any(|value| filter.patterns.iter().any(|pattern| matches(pattern, value)))
        })
    }
}

/// A field that has one value.
#[expect(clippy::needless_pass_by_value, reason = "fields are values as often as references")]
pub(super) fn one(value: impl ToString) -> Vec<String> {
    vec![value.to_string()]
}

/// A field that has one value or none.
#[expect(clippy::needless_pass_by_value, reason = "fields are values as often as references")]
pub(super) fn any(value: Option<impl ToString>) -> Vec<String> {
    value.iter().map(ToString::to_string).collect()
}

/// Whether a text matches a pattern, in which `*` stands for anything, `?` for one character, and `\` takes the meaning
/// from the character after it.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.chars().collect::<Vec<_>>(), text.chars().collect::<Vec<_>>());
    let (mut at, mut seen) = (0, 0);
    // Where to go on from if what follows the last star turns out not to match.
    let mut star = None;
    while seen < text.len() {
        let (width, same) = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, seen));
                at += 1;
                continue;
            }
            Some('?') => (1, true),
            Some('\\') if at + 1 < pattern.len() => (2, pattern[at + 1] == text[seen]),
            other => (1, other == Some(&text[seen])),
        };
        if same {
            at += width;
            seen += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            at = after;
            seen = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let cases = [
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*-server-*", "ubuntu-server-2024-server-x", true),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            ("abc", "abcd", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
