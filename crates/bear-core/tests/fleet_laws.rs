//! What holds for every text, however broken: reading it ends, never panics, and points into it.
#![expect(clippy::disallowed_methods, reason = "tests read their cases; only the core itself does no I/O")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fs;
use std::path::Path;

use bear_core::fleet::parse;
use bear_core::problem::Problem;
use miette::{GraphicalReportHandler, GraphicalTheme};
use proptest::prelude::*;

/// Reads the bytes, and holds every problem against the text that it points into.
fn check(bytes: &[u8]) {
    match parse("file.yaml", bytes) {
        Ok(parsed) => {
            parsed.warnings.iter().for_each(points_into_the_file);
            let instances = parsed.fleet.instances().unwrap();
            let names =
                instances.iter().map(|instance| &instance.name).collect::<std::collections::HashSet<_>>();
            assert_eq!(names.len(), instances.len(), "two instances with one name");
        }
        Err(problems) => {
            assert!(problems.len() > 0);
            problems.iter().for_each(points_into_the_file);
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
            let mut text = String::new();
            handler.render_report(&mut text, &problems).unwrap();
            assert!(!text.contains("Failed to read contents"), "{text}");
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
    }
}

fn points_into_the_file(problem: &Problem) {
    assert!(!problem.message.is_empty());
    let Some(span) = problem.span else { return };
    let text = problem.file.text();
    assert!(text.get(span.offset()..span.offset() + span.len()).is_some(), "{span:?} of {text:?}");
    let (line, column) = problem.position().unwrap();
    assert!(line >= 1 && line <= text.matches('\n').count() + 1 && column >= 1);
}

/// All the fleet files that there are, right and wrong.
fn corpus() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/fleet", "../../examples", "../../fleets"]
        .map(|folder| fs::read_dir(here.join(folder)).unwrap());
    let mut paths = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    paths.retain(|path| path.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What a slip of the hand or a bad merge does to a file.
#[derive(Clone, Debug)]
enum Slip {
    Delete(usize, usize),
    Insert(usize, Vec<u8>),
    Copy(usize, usize, usize),
}

fn slips() -> impl Strategy<Value = Vec<Slip>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            &b": "[..],
            b"\n",
            b"\t",
            b"  ",
            b"- ",
            b"[",
            b"]",
            b"{",
            b"}",
            b"\"",
            b"'",
            b"#",
            b"&a ",
            b"*a",
            b"<<: ",
            b"|\n",
            b"? ",
            b"---\n",
            b"%",
            b"!!str ",
            b"\\",
            b"~",
            b"0x10",
            b"-1",
            b"1e99",
            b".inf",
            b"\xff",
            b"\0",
            "é".as_bytes(),
            b"password: ",
            b"latest",
            b"count",
            b"members",
            b"\r\n",
            b",",
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    let slip = prop_oneof![
        (any::<usize>(), 1..40_usize).prop_map(|(at, len)| Slip::Delete(at, len)),
        (any::<usize>(), piece).prop_map(|(at, piece)| Slip::Insert(at, piece)),
        (any::<usize>(), 1..60_usize, any::<usize>()).prop_map(|(from, len, to)| Slip::Copy(from, len, to)),
    ];
    prop::collection::vec(slip, 1..6)
}

fn apply(mut bytes: Vec<u8>, slips: Vec<Slip>) -> Vec<u8> {
    for slip in slips {
        let place = |at: usize| at % (bytes.len() + 1);
        match slip {
            Slip::Delete(at, len) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + len));
            }
            Slip::Insert(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece);
            }
            Slip::Copy(from, len, to) => {
                let (from, to) = (place(from), place(to));
                let piece = bytes[from..bytes.len().min(from + len)].to_vec();
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

#[test]
fn every_file_of_the_corpus_is_fit_for_the_laws() {
    for bytes in corpus() {
        check(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        check(text.as_bytes());
    }

    #[test]
    fn a_file_with_slips(file in prop::sample::select(corpus()), slips in slips()) {
        check(&apply(file, slips));
    }
}
