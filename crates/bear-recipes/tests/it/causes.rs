//! The words with which scripts say why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bear_recipes::Cause;

/// Every reason that some script gives is known, and every known one is given by some script.
#[test]
fn scripts_and_bear_have_the_same_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sh");
    let mut said = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let code = fs::read_to_string(entry.unwrap().path()).unwrap();
        let words: Vec<_> = code.split_whitespace().collect();
        let after = words.windows(2).filter(|pair| ["why", "refuse"].contains(&pair[0])).map(|pair| pair[1]);
        said.extend(
            after
                .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
                .map(String::from),
        );
    }
    let known: BTreeSet<_> = Cause::all().map(|(_, word)| word.to_owned()).collect();
    said.retain(|word| word.contains('_') || known.contains(word));
    assert_eq!(said, known);
}

#[test]
fn every_cause_has_a_code_of_its_own() {
    let codes: BTreeSet<_> = Cause::all().map(|(cause, _)| cause.code()).collect();
    assert_eq!(codes.len(), Cause::all().count());
    assert!(Cause::all().all(|(cause, word)| cause.code() == format!("bear::recipe::{word}")));
}
