//! docs/errors.md: every error that a person can meet, in the words with which a test shows it.
//!
//! The page is written by hand but for its samples: those are taken from the snapshots of all tests. After a change of
//! the words, `BEAR_WRITE=1 cargo test -p bear --test it -- errors` writes the samples anew, to be read in the diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "docs/errors.md";

/// What a run prints, which other tests hold against it.
const STYLE: &str = include_str!("../../STYLE.md");

/// Where no person meets an error: tools for the tests, and what fuzzes.
const TOOLS: [&str; 4] = ["bear-fuzz", "bear-lab", "bear-standin", "xtask"];

/// What tests replace because it differs from run to run, and what the page shows in its place.
const STAND_INS: [(&str, &str); 24] = [
    ("[user]@[address]:[port]", "ubuntu@192.0.2.10:22"),
    ("[user]", "ubuntu"),
    ("[USER]", "ubuntu"),
    ("[address]", "192.0.2.10"),
    ("[ADDRESS]", "192.0.2.10"),
    ("[paris]", "192.0.2.10"),
    ("[PORT]", "22"),
    ("[DASHBOARD]", "18083"),
    ("[HOST]", "laptop"),
    ("[PROGRAM]", "nginx"),
    ("process [PID]", "process 4711"),
    ("[given]", "SHA256:vUjoSRT5uSfkRdDLUzNZpGpuBHbGlOcVXD8PVrRlXBs"),
    ("[presented]", "SHA256:mXW0fL1TmD0yJxhzC6dJbqVJv2hr6GZmG4tR5pYHkYk"),
    ("[own]", "SHA256:mXW0fL1TmD0yJxhzC6dJbqVJv2hr6GZmG4tR5pYHkYk"),
    ("i-[ID]", "i-0123456789abcdef0"),
    ("g-[ID]", "g-0123456789abcdef0"),
    ("c-[ID]", "c-0123456789abcdef0"),
    ("[STRANGER]", "i-0fedcba9876543210"),
    ("[LINEAGE]", "0a1b2c3d"),
    ("[ID]", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ("[SECONDS]", "2.1s"),
    ("[TIME]", "2026-11-23T09:30:00Z"),
    ("[PROJECT]", "/home/ann/project"),
    ("[folder]", "/home/ann/project"),
];

/// The ways in which tests show an error; the page shows the first that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// As a command prints it: its code, a blank line, and the rest indented.
    Printed,
    /// As a run prints it: `error: could not …`, and the code on the next line.
    OfRun,
    /// Among several in a list: `Error:` and its code, then as printed.
    Listed,
    /// As a program gets it that asks for JSON.
    Json,
    /// Where there is no command: its code, a colon and its message, then its last lines and its help.
    Told,
}

/// An error as some test shows it. The shortest of the best is taken, and best are those that say what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sample {
    is_without_help: bool,
    form: Form,
    length: usize,
    text: String,
}

impl Sample {
    fn of(form: Form, text: &str) -> Self {
        let is_without_help = !text.contains("help: ") && !text.contains("\"help\"");
        Self { is_without_help, form, length: text.len(), text: text.to_owned() }
    }
}

/// Every file below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

fn rust(folder: &Path) -> impl Iterator<Item = (PathBuf, String)> + use<> {
    let rust = files(folder).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
}

/// The folders of the crates that a person runs.
fn crates() -> Vec<PathBuf> {
    let crates = fs::read_dir(Path::new(ROOT).join("crates")).unwrap().map(|entry| entry.unwrap().path());
    crates.filter(|path| !TOOLS.iter().any(|tool| path.ends_with(tool))).collect()
}

/// The code that a text begins with, such as `bear::state::locked`.
fn code(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let code = text[..end].trim_end_matches(':');
    (code.starts_with("bear::") && code.split("::").all(|part| !part.is_empty())).then_some(code)
}

/// Every code that the sources name, but for those that only tests do.
fn codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (path, text) in crates().iter().flat_map(|folder| rust(&folder.join("src"))) {
        let name = path.to_string_lossy();
        if name.contains("/tests") || name.contains("/render/example/") {
            continue;
        }
        let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let literals = shipped.split('"').skip(1).filter(|text| code(text) == Some(text));
        codes.extend(literals.map(str::to_owned));
    }
    // It heads a list of problems where a library renders it. `bear` shows each with its own code.
    assert!(codes.remove("bear::fleet::invalid"));
    codes
}

/// The best sample of each code, from every snapshot and every recorded report.
fn samples() -> BTreeMap<String, Sample> {
    let mut texts = rust(&Path::new(ROOT).join("tests")).map(|(_, text)| text).collect::<Vec<_>>();
    for folder in crates() {
        // How errors look is tested there, with made-up ones.
        if ["bear-render", "bear-ui"].iter().any(|made_up| folder.ends_with(made_up)) {
            continue;
        }
        let here = rust(&folder).filter(|(path, _)| {
            let name = path.to_string_lossy();
            !name.contains("/src/render/") && !name.ends_with("/src/fault.rs")
        });
        texts.extend(here.map(|(_, text)| text));
    }
    let reports = files(&Path::new(ROOT).join("crates/bear-core/tests/fleet"));
    let reports = reports.iter().filter(|path| path.extension().is_some_and(|kind| kind == "txt"));
    texts.extend(reports.map(|path| fs::read_to_string(path).unwrap()));

    let mut best = BTreeMap::<String, Sample>::new();
    for text in texts {
        let lines = text.lines().collect::<Vec<_>>();
        for index in 0..lines.len() {
            let Some((code, sample)) = sample(&lines, index) else { continue };
            if best.get(&code).is_none_or(|present| sample < *present) {
                best.insert(code, sample);
            }
        }
    }
    best
}

/// The sample whose code stands in this line, if one does.
fn sample(lines: &[&str], index: usize) -> Option<(String, Sample)> {
    let line = lines[index].trim_start();
    let base = lines[index].len() - line.len();
    let (listed, line) = line.strip_prefix("Error: ").map_or((false, line), |line| (true, line));
    let line = line.strip_prefix("transient ").unwrap_or(line);
    if let Some(rest) = line.strip_prefix(r#"{"version":1,"error":{"code":""#) {
        return Some((code(rest)?.to_owned(), Sample::of(Form::Json, line)));
    }
    let code = code(line)?;
    let rest = &line[code.len()..];
    let form = match rest {
        "" if listed => Form::Listed,
        "" if lines.get(index + 1).is_some_and(|next| next.trim().is_empty()) => Form::Printed,
        _ if rest.starts_with(", after ") => Form::OfRun,
        _ if rest.starts_with(": ") => Form::Told,
        _ => return None,
    };
    let text = match form {
        Form::Printed | Form::Listed => format!("{code}\n{}", below(lines, index, base)),
        Form::OfRun => format!("{}\n{}", lines[index - 1].trim(), indented(lines, index, base - 2)),
        Form::Told | Form::Json => printed(code, &rest[2..], &told(lines, index, base)),
    };
    let text = STAND_INS.iter().fold(text, |text, (redacted, shown)| text.replace(redacted, shown));
    Some((code.to_owned(), Sample::of(form, text.trim_end())))
}

/// A line of a snapshot without its indentation; none at the end of the snapshot, or of what belongs together.
fn within(line: &str, base: usize, more: usize) -> Option<&str> {
    if line.trim().is_empty() {
        return Some("");
    }
    let line = line.get(base..).filter(|_| line[..base].trim().is_empty())?;
    line.starts_with(&" ".repeat(more)).then_some(line)
}

/// The lines after this one that are indented deeper than `base`, as far as they are about one error.
fn below(lines: &[&str], index: usize, base: usize) -> String {
    let mut messages = 0;
    let of_this = |line: &&str| {
        messages += usize::from(["  × ", "  ⚠ "].iter().any(|mark| line.starts_with(mark)));
        messages <= 1
    };
    let below = lines[index + 1..].iter().map_while(|line| within(line, base, 1)).take_while(of_this);
    below.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The lines from this one on that belong to the failure of a step.
fn indented(lines: &[&str], index: usize, base: usize) -> String {
    let more = lines[index..].iter().take_while(|line| !line.trim().is_empty());
    let more = more.map_while(|line| within(line, base, 1));
    more.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The lines after this one that tell more of the same error: its last lines and its help.
fn told<'l>(lines: &[&'l str], index: usize, base: usize) -> Vec<&'l str> {
    let more = lines[index + 1..].iter().map_while(|line| within(line, base, 0).map(str::trim));
    more.take_while(|line| line.starts_with("| ") || line.starts_with("help: ")).collect()
}

/// An error as a command would print it, see `diagnostic.rs`.
fn printed(code: &str, message: &str, more: &[&str]) -> String {
    let mut text = format!("{code}\n\n  × {message}\n");
    let mut mark = "╰─▶ its last lines:\n      ";
    for line in more {
        if let Some(line) = line.strip_prefix("| ") {
            writeln!(text, "  {mark}{line}").unwrap();
            mark = "    ";
        } else {
            writeln!(text, "  {line}").unwrap();
        }
    }
    text
}

/// The page with these samples in the places of its own, and the codes of its sections in their order.
fn rewritten(page: &str, samples: &BTreeMap<String, Sample>) -> (String, Vec<String>) {
    let mut sections = page.split("\n### `");
    let (mut text, mut codes) = (sections.next().unwrap().to_owned(), Vec::new());
    for section in sections {
        let (code, rest) = section.split_once('`').unwrap();
        let (prose, rest) = rest.split_once("```text\n").unwrap_or_else(|| panic!("{code} has no sample"));
        let (_, after) = rest.split_once("\n```").unwrap();
        let sample = samples.get(code).map_or("no test shows it", |sample| &sample.text);
        write!(text, "\n### `{code}`{prose}```text\n{sample}\n```{after}").unwrap();
        codes.push(code.to_owned());
    }
    (text, codes)
}

#[test]
fn every_error_is_on_the_page_as_it_is_shown() {
    let (codes, samples) = (codes(), samples());
    let unseen = codes.iter().filter(|code| !samples.contains_key(*code)).collect::<Vec<_>>();
    assert!(unseen.is_empty(), "no test shows what {} codes look like: {unseen:#?}", unseen.len());

    let path = Path::new(ROOT).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (wanted, sections) = rewritten(&page, &samples);
    let listed = sections.iter().cloned().collect::<BTreeSet<_>>();
    let absent = codes.difference(&listed).collect::<Vec<_>>();
    assert!(absent.is_empty(), "write what these mean into {PAGE}: {absent:#?}");
    let gone = listed.difference(&codes).collect::<Vec<_>>();
    assert!(gone.is_empty(), "{PAGE} has what bear has not: {gone:#?}");
    let of_run = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(STYLE.contains(of_run), "the example of a run is one of STYLE.md: {of_run}");
    assert!(sections.is_sorted(), "the codes on {PAGE} stand in their order");
    assert_eq!(sections.len(), listed.len(), "a code stands on {PAGE} twice");
    if std::env::var_os("BEAR_WRITE").is_some() {
        fs::write(&path, wanted).unwrap();
    } else if wanted != page {
        panic!("{PAGE} shows other words than the tests: {}", first_difference(&page, &wanted));
    }
}

fn first_difference(page: &str, wanted: &str) -> String {
    let pairs = page.lines().zip(wanted.lines()).find(|(is, wanted)| is != wanted);
    let (is, wanted) = pairs.unwrap_or(("one is longer than the other", ""));
    format!("\n{is}\ninstead of\n{wanted}\n`BEAR_WRITE=1` writes it anew")
}

#[test]
fn an_error_is_found_in_each_form() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let lines = text.lines().collect::<Vec<_>>();
        let found = (0..lines.len()).find_map(|index| sample(&lines, index)).unwrap();
        assert_eq!((found.0.as_str(), found.1.text.as_str()), ("bear::x::y", expected));
    }
    let printed = "bear::x::y\n\n  × why\n  help: what";
    check("    bear::x::y\n\n      × why\n      help: what\n    \");", printed);
    check("    Error: bear::x::y\n\n      × why\n      help: what\n\n    Error: bear::x::z\n", printed);
    check("        bear::x::y: why\n        help: what\n        bear::x::z: other\n", printed);
    check(
        "bear::x::y: why\n  | a\n  | b\n",
        "bear::x::y\n\n  × why\n  ╰─▶ its last lines:\n      a\n      b",
    );
    let of_run = "error: could not install a: why\n  bear::x::y, after 2.1s\n  help: what";
    check(
        "    error: could not install a: why\n      bear::x::y, after [SECONDS]\n      help: what\n\n",
        of_run,
    );
}
