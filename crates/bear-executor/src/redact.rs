//! Taking secrets out of what people and logs get to see.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// The fewest characters by which a part of a secret is known: a shorter one would match everywhere.
const PART_MIN: usize = 8;

/// Knows secrets, and the forms that shells, JSON, URLs and base64 give to them.
#[derive(Clone, Default)]
pub struct Redactor {
    forms: Option<Arc<AhoCorasick>>,
}

/// Leaves out what it knows.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Knows these secrets. Empty ones are left out.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let forms = secrets.into_iter().flat_map(forms).collect::<BTreeSet<_>>();
        if forms.is_empty() {
            return Self::default();
        }
        let forms = AhoCorasick::new(forms).expect("secrets are far smaller than the 2 GiB that it takes");
        Self { forms: Some(Arc::new(forms)) }
    }

    /// The text with `***` in the place of every secret.
    pub fn redact(&self, text: &str) -> String {
        text.split('\n').map(|line| self.line(line.as_bytes(), usize::MAX)).collect::<Vec<_>>().join("\n")
    }

    /// The length in bytes of the longest form of a secret.
    pub(crate) fn longest(&self) -> usize {
        self.forms.as_ref().map_or(0, |forms| forms.max_pattern_len())
    }

    /// The line without its secrets, as far as its first `max` bytes tell of it. A secret that begins there is hidden
    /// if `bytes` holds all of it.
    pub(crate) fn line(&self, bytes: &[u8], max: usize) -> String {
        let shown = bytes.len().min(max);
        let mut clean = Vec::new();
        let mut at = 0;
        for (start, end) in self.secrets(bytes) {
            if start >= shown {
                break;
            }
            clean.extend_from_slice(&bytes[at..start]);
            clean.extend_from_slice(MASK);
            at = end;
        }
        clean.extend_from_slice(bytes.get(at..shown).unwrap_or_default());
        String::from_utf8_lossy(&clean).into_owned()
    }

    /// Where secrets stand, in order. Those that overlap are one: what remained of the second would give it away.
    fn secrets(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mut found = self
            .forms
            .iter()
            .flat_map(|forms| forms.find_overlapping_iter(bytes))
            .map(|found| (found.start(), found.end()))
            .collect::<Vec<_>>();
        found.sort_unstable();
        found.dedup_by(|next, last| {
            let overlap = next.0 < last.1;
            if overlap {
                last.1 = last.1.max(next.1);
            }
            overlap
        });
        found
    }
}

/// Every form in which a secret may be written on one line.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![
        secret.to_owned(),
        secret.replace('\'', r"'\''"),
        secret.replace('\'', r#"'"'"'"#),
        backslashed(secret, r#"\"$`"#),
        backslashed(secret, " \t!\"#$&'()*,;<>?[\\]^`{|}~"),
        json(secret),
        json(secret).replace('/', r"\/"),
        ascii_json(secret),
    ];
    // What RFC 3986, a browser's encodeURIComponent and an HTML form leave as it is.
    for kept in ["-_.~", "-_.~!*'()", "-_.*"] {
        let encoded = percent_encoded(secret, kept);
        forms.push(encoded.replace("%20", "+"));
        forms.push(lower_hex(&encoded));
        forms.push(encoded);
    }
    forms.extend(base64_forms(secret.as_bytes()));
    // A secret of many lines is written on as many. Short ones, such as a brace, tell nothing.
    forms.extend(secret.lines().filter(|line| line.len() >= PART_MIN).map(str::to_owned));
    forms.into_iter().filter(|form| !form.is_empty()).map(String::into_bytes).collect()
}

fn backslashed(text: &str, special: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        if special.contains(char) {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As JSON writers do that write ASCII only, such as Python's.
fn ascii_json(text: &str) -> String {
    let mut units = [0; 2];
    json(text)
        .chars()
        .map(|char| {
            if char.is_ascii() {
                return char.to_string();
            }
            char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
        })
        .collect()
}

fn percent_encoded(text: &str, kept: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (hex, rest) = part.split_at(2);
        text + "%" + &hex.to_ascii_lowercase() + rest
    })
}

/// In base64: alone, and as part of a longer text, such as the `user:password` of HTTP. There the characters at both
/// ends depend on what stands beside it, and those between on how many bytes stand before it, modulo 3.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
        for before in 0..3 {
            let text = engine.encode([&vec![0; before], secret].concat());
            let first = (before * 8).div_ceil(6);
            let last = (before + secret.len()) * 8 / 6;
            forms.extend(text.get(first..last).filter(|part| part.len() >= PART_MIN).map(str::to_owned));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(secret: &str, text: &str, expected: &str) {
        assert_eq!(Redactor::new([secret]).redact(text), expected);
    }

    #[test]
    fn every_form_is_hidden() {
        let secret = "it's a/\"pass\"$word";
        check(secret, "x it's a/\"pass\"$word y", "x *** y");
        check(secret, r#"export P='it'\''s a/"pass"$word'"#, "export P='***'");
        check(secret, r#"{"p":"it's a\/\"pass\"$word"}"#, r#"{"p":"***"}"#);
        check(secret, "?p=it%27s%20a%2F%22pass%22%24word&q", "?p=***&q");
        check(secret, "?p=it%27s+a%2f%22pass%22%24word&q", "?p=it%27s+a%2f%22pass%22%24word&q");
        check("a b/c", "?p=a%20b%2fc", "?p=***");
        check(secret, "aXQncyBhLyJwYXNzIiR3b3Jk", "***");
        check("päss", r"p\u00e4ss", "***");
    }

    #[test]
    fn secrets_that_overlap_leave_nothing_behind() {
        assert_eq!(Redactor::new(["abcd", "cdef"]).redact("xabcdefx"), "x***x");
        assert_eq!(Redactor::new(["ab", "abcd"]).redact("abcd"), "***");
    }

    #[test]
    fn no_secrets_no_change() {
        check("", "anything", "anything");
        insta::assert_snapshot!(format!("{:?}", Redactor::new(["secret"])), @"Redactor { .. }");
    }

    #[test]
    fn a_secret_of_many_lines_is_hidden_on_each() {
        check("-----BEGIN KEY-----\nabcdefghijkl\n}", "-----BEGIN KEY-----\nabcdefghijkl\n}", "***\n***\n}");
    }

    #[test]
    fn basic_credentials_hide_the_password() {
        let header = STANDARD_NO_PAD.encode("root:correct horse, and more");
        let shown = Redactor::new(["correct horse"]).redact(&header);
        insta::assert_snapshot!(shown, @"cm9vdDp***LCBhbmQgbW9yZQ");
    }

    proptest! {
        #[test]
        fn a_secret_is_never_shown(secret in "[ -~é]{4,20}", before in "[a-c]{0,9}", after in "[a-c]{0,9}", max in 0_usize..40) {
            let redactor = Redactor::new([secret.as_str()]);
            for form in forms(&secret) {
                let text = [before.as_bytes(), &form, after.as_bytes()].concat();
                let shown = redactor.line(&text, max);
                let form = String::from_utf8_lossy(&form).into_owned();
                // Its beginning is not shown either, where the line is cut off within it.
                prop_assert!(!shown.contains(&form));
                if max > before.len() {
                    prop_assert!(shown.contains("***"), "{form} in {shown}");
                }
            }
        }
    }
}
