//! Canaries: secrets that can be recognised wherever they are, whatever was done to their characters.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aho_corasick::AhoCorasick;

/// A secret with a core of letters and digits, which no quoting changes, between characters that every quoting does.
#[derive(Clone)]
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    core: String,
}

impl Canary {
    /// One that nobody has seen yet, not even another run of the tests.
    pub(crate) fn new(name: &'static str) -> Self {
        static HATCHED: AtomicUsize = AtomicUsize::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        // What changes fastest comes first, so that no two have a half in common.
        let now = format!("{now:x}").chars().rev().collect::<String>();
        let core = format!("n{}canary{now}", HATCHED.fetch_add(1, Ordering::Relaxed));
        Self { name, value: format!("\"'\\$(x)`%41+&<é>/ {core} \"'\\$(x)`%41+&<é>/"), core }
    }

    /// One that bear made, or that must be plain.
    pub(crate) fn plain(name: &'static str, value: &str) -> Self {
        Self { name, value: value.to_owned(), core: value.to_owned() }
    }
}

/// Finds canaries.
pub(crate) struct Search {
    patterns: AhoCorasick,
    /// What each pattern is.
    names: Vec<String>,
}

impl Search {
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let forms = canaries.iter().flat_map(|canary| {
            let named = |(form, text)| (format!("the canary `{}` {form}", canary.name), text);
            forms(canary.core.as_bytes()).into_iter().map(named)
        });
        let (names, patterns): (Vec<_>, Vec<_>) = forms.unzip();
        Self { patterns: AhoCorasick::new(patterns).unwrap(), names }
    }

    /// What is found first, and the text around it.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        const AROUND: usize = 60;
        let found = self.patterns.find(bytes)?;
        let (from, to) = (found.start().saturating_sub(AROUND), bytes.len().min(found.end() + AROUND));
        let around = String::from_utf8_lossy(&bytes[from..to]).into_owned();
        Some(format!("{}: {around:?}", self.names[found.pattern().as_usize()]))
    }
}

/// How programs may write letters and digits. Half of them is enough: tails and columns are cut off somewhere.
fn forms(core: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let each = |byte: fn(u8) -> String| core.iter().map(|&it| byte(it)).collect::<String>().into_bytes();
    let (first, last) = core.split_at(core.len() / 2);
    let mut forms = vec![
        ("as it is, its first half", first.to_vec()),
        ("as it is, its last half", last.to_vec()),
        ("as numbers", each(|byte| format!("{byte}, "))),
        ("in hexadecimal", each(|byte| format!("{byte:02x}"))),
        ("in hexadecimal", each(|byte| format!("{byte:02X}"))),
        ("percent encoded", each(|byte| format!("%{byte:02x}"))),
        ("percent encoded", each(|byte| format!("%{byte:02X}"))),
        ("in escapes of JSON", each(|byte| format!("\\u{byte:04x}"))),
        ("in escapes of C", each(|byte| format!("\\x{byte:02x}"))),
    ];
    forms.extend([0, 1, 2].map(|before| ("in base64", base64(core, before))));
    forms
}

/// The characters of base64 (RFC 4648) that `core` alone decides, where it stands after `before` bytes, modulo 3. Those
/// of both its alphabets are the same for letters and digits of few values; where not, both are looked for by halves.
fn base64(core: &[u8], before: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = String::new();
    for byte in core {
        write!(bits, "{byte:08b}").unwrap();
    }
    let skipped = (6 - before * 8 % 6) % 6;
    let sextets = bits.as_bytes()[skipped..].chunks_exact(6);
    let value = |sextet: &[u8]| usize::from_str_radix(std::str::from_utf8(sextet).unwrap(), 2).unwrap();
    let all = sextets.map(|sextet| ALPHABET[value(sextet)]).collect::<Vec<_>>();
    // Letters and digits have no run of ones that gives `+` or `/` in every place; the longest part without is as good.
    let parts = all.split(|byte| b"+/".contains(byte));
    parts.max_by_key(|part| part.len()).unwrap().to_vec()
}

#[test]
fn a_canary_is_found_in_every_form() {
    #[track_caller]
    fn check(text: &str) {
        let search = Search::new(&[Canary::plain("bird", "canary17f3a9n0")]);
        assert!(search.find(format!("before {text} after").as_bytes()).is_some(), "{text}");
    }
    check("canary17f3a9n0");
    check("…ary17f3a9n0");
    check("canary17f…");
    check("63616e6172793137663361396e30");
    check("%63%61%6E%61%72%79%31%37%66%33%61%39%6E%30");
    check(r"\u0063\u0061\u006e\u0061\u0072\u0079\u0031\u0037\u0066\u0033\u0061\u0039\u006e\u0030");
    check("[99, 97, 110, 97, 114, 121, 49, 55, 102, 51, 97, 57, 110, 48, 10]");
    // `printf 'canary17f3a9n0' | base64`, and the same behind one and two more letters and before others.
    check("Y2FuYXJ5MTdmM2E5bjA=");
    check("eGNhbmFyeTE3ZjNhOW4weQ==");
    check("eHhjYW5hcnkxN2YzYTluMHl5");
    assert!(Search::new(&[Canary::new("other")]).find(b"canary17f3a9n0").is_none());
}
