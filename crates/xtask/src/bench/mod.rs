//! `cargo xtask bench`: the figures of `docs/performance.md`, measured from outside, as users see them.
//!
//! Times are those of whole processes of the release build, from start to end; memory is the peak of the largest
//! process. Each row is the median of several runs, with the least and the most.

mod fleets;
mod hosts;
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

impl Bench {
    fn new() -> Result<Self, String> {
        let scratch = tempfile::tempdir();
        Ok(Self {
            bear: crate::build::bear(&["--release"])?,
            scratch: scratch.map_err(|error| format!("could not make a folder to work in: {error}"))?,
        })
    }
}

/// Prints the figures of the groups that are named, or of all.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    // They take an hour, and need root; so they are only measured where they are asked for.
    let (group, parts) = names.split_first().map_or((None, names), |(group, parts)| (Some(group), parts));
    if group.is_some_and(|group| group == "hosts") {
        return hosts::run(&Bench::new()?, parts);
    }
    if let Some(unknown) = names.iter().find(|name| !GROUPS.iter().any(|(known, _)| known == name)) {
        let known = GROUPS.map(|(name, _)| name).join(", ");
        return Err(format!("there are no figures `{unknown}`; there are {known} and hosts"));
    }
    let bench = Bench::new()?;
    println!("{}", header());
    for (_, figures) in GROUPS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name))
    {
        for row in figures(&bench)? {
            println!("{row}");
        }
    }
    println!(
        "\nThe engine alone: `cargo bench -p bear-engine`. Planning alone: `cargo bench -p bear-core`.\nA frame of `bear ui` alone: `cargo bench -p bear-ui`."
    );
    Ok(())
}
