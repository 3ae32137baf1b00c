//! `cargo xtask torture`: the real binary with fleets of real brokers, and everything that must not harm them.
//!
//! Each torture counts what it tried and what came of it, as rows of one table. What counts is the truth: the processes,
//! folders and ports that are there, not what bear says of them. A number other than 0 in any column of harm fails it.

mod client;
mod clock;
mod deleted;
mod fuse;
mod journal;
mod judge;
mod kills;
mod many;
pub(crate) mod namespace;
mod power;
pub(crate) mod random;
mod table;
mod trouble;

use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use crate::project::{Project, failed};
use random::Random;
use table::Row;

/// One way to be cruel; it gives its rows.
type Torture = fn(&Bench) -> Result<Vec<Row>, String>;

const TORTURES: [(&str, Torture); 10] = [
    ("kill", kills::random_moments),
    ("journal", journal::each_write),
    ("change", journal::each_change),
    ("power", power::cuts),
    ("trouble", trouble::troubles),
    ("deleted", deleted::everything),
    ("lock", deleted::lock),
    ("many", many::at_once),
    ("stopped", many::stopped),
    ("clock", clock::jumps),
];

const USAGE: &str = "usage: cargo xtask torture [NAME ...] [--quick] [--tries N] [--seed N] [--bear FILE]";

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    names: Vec<String>,
    quick: bool,
    tries: Option<u32>,
    seed: u64,
    /// What is tortured in place of what is built.
    bear: Option<PathBuf>,
}

/// What every torture works with.
#[derive(Debug)]
struct Bench {
    options: Options,
    bear: PathBuf,
    /// Where projects write down which ports are theirs: one place for all.
    state_home: PathBuf,
    /// Removed at the end.
    _folder: TempDir,
}

impl Bench {
    fn new(options: Options) -> Result<Self, String> {
        let built = match &options.bear {
            Some(bear) => bear.clone(),
            // What is quick is for the tests, which have built this already.
            None if options.quick => crate::build::bear(&[])?,
            None => crate::build::bear(&["--release"])?,
        };
        let own = namespace::leave_that_of_the_machine();
        println!("seed {}, {}\n", options.seed, namespace::described(own));
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|error| format!("could not make a folder to work in: {error}"))?;
        // A copy, so that whoever builds meanwhile does not change what is tortured.
        let bear = folder.path().join("bear");
        std::fs::copy(&built, &bear).map_err(failed("copy", &built))?;
        // On a network that others use, what they know of its ports has to be known here.
        let state_home = if own { folder.path().join("home") } else { shared_state_home()? };
        Ok(Self { options, bear, state_home, _folder: folder })
    }

    /// A project of its own.
    fn project(&self) -> Result<Project, String> {
        Project::new(&self.bear, &self.state_home)
    }

    /// How often something is tried: as the command line says, or few times where it has to be quick.
    fn tries(&self, all: u32, quick: u32) -> u32 {
        self.options.tries.unwrap_or(if self.options.quick { quick } else { all })
    }

    /// Chance for one torture, the same for the same seed.
    fn random(&self, name: &str) -> Random {
        Random::new(self.options.seed, name)
    }
}

/// The one that the tests of this workspace have, too.
fn shared_state_home() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("could not find this program: {error}"))?;
    Ok(this.ancestors().nth(2).unwrap_or(Path::new("/tmp")).join("tmp/state"))
}

/// Runs the tortures that are named, or all.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let bench = Bench::new(parse(arguments)?)?;
    let names = &bench.options.names;
    println!("{}", table::HEADER);
    let mut harm = Vec::new();
    for (name, torture) in
        TORTURES.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|it| it == name))
    {
        let begun = Instant::now();
        match torture(&bench) {
            Ok(rows) => {
                for row in &rows {
                    println!("{row}");
                    row.done_again().for_each(|why| eprintln!("done again, {why}"));
                }
                harm.extend(rows.iter().filter_map(Row::harm));
            }
            Err(error) => harm.push(format!("{name}: {error}")),
        }
        eprintln!("{name} took {:.0} s", begun.elapsed().as_secs_f64());
    }
    if harm.is_empty() { Ok(()) } else { Err(harm.join("\n\n")) }
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { seed: 1, ..Options::default() };
    let mut words = arguments.iter();
    let usage = || USAGE.to_owned();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok()).ok_or_else(usage);
        match word.as_str() {
            "--quick" => options.quick = true,
            "--tries" => options.tries = Some(number()?),
            "--seed" => options.seed = number()?.into(),
            "--bear" => options.bear = Some(words.next().ok_or_else(usage)?.into()),
            name if TORTURES.iter().any(|(known, _)| *known == name) => options.names.push(name.to_owned()),
            _ => {
                let known = TORTURES.map(|(name, _)| name).join(", ");
                return Err(format!("{USAGE}\nthe names are {known}"));
            }
        }
    }
    Ok(options)
}
