//! The inputs that are kept: a choice of those that fuzzing came by, and every one that something was wrong with.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports, in its helpers as well")]

mod kept;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bear_fuzz::TARGETS;

use kept::{FUZZ, inputs};

#[test]
fn every_input_that_is_kept_keeps_what_is_promised() {
    for target in TARGETS {
        let inputs = inputs(target.name);
        assert!(!inputs.is_empty(), "{} has no input in {FUZZ}/corpus", target.name);
        for (path, input) in inputs {
            // Shown only if what follows fails.
            println!("{}", path.display());
            target.check(&input);
        }
    }
}

#[test]
fn every_target_is_fuzzed() {
    let targets = TARGETS.iter().map(|target| target.name.to_owned()).collect::<BTreeSet<_>>();
    let files = fs::read_dir(Path::new(FUZZ).join("targets")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), targets);
    let manifest = fs::read_to_string(Path::new(FUZZ).join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target}");
    }
}
