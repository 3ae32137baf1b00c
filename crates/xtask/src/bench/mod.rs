//! `cargo xtask bench`: the figures of `docs/performance.md`, measured from outside, as users see them.
//!
//! Times are those of whole processes of the release build, from start to end; memory is the peak of the largest
//! process. Each row is the median of several runs, with the least and the most.

mod fleets;
mod probe;

use std::path::PathBuf;

pub(crate) use probe::{MEASURE, measure};
use probe::{Row, header};

/// One group of figures.
type Figures = fn(&Bench) -> Result<Vec<Row>, String>;

const GROUPS: [(&str, Figures); 5] = [
    ("start", fleets::start),
    ("apply", fleets::apply),
    ("plan", fleets::plan),
    ("unchanged", fleets::unchanged),
    ("terraform", fleets::terraform),
];

/// What the figures are taken from.
pub(crate) struct Bench {
    /// The release build of `bear`.
    bear: PathBuf,
    /// A folder that is removed at the end.
    scratch: tempfile::TempDir,
}

/// Prints the figures of the groups that are named, or of all.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| !GROUPS.iter().any(|(known, _)| known == name)) {
        let known = GROUPS.map(|(name, _)| name).join(", ");
        return Err(format!("there are no figures `{unknown}`; there are {known}"));
    }
    let bench = Bench {
        bear: crate::build::bear(&["--release"])?,
        scratch: tempfile::tempdir()
            .map_err(|error| format!("could not make a folder to work in: {error}"))?,
    };
    println!("{}", header());
    for (_, figures) in GROUPS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        for row in figures(&bench)? {
            println!("{row}");
        }
    }
    println!("\nThe engine alone: `cargo bench -p bear-engine`. Planning alone: `cargo bench -p bear-core`.");
    Ok(())
}
