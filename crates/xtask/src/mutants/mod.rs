//! `cargo xtask mutants`: breaks bear on purpose, one promise at a time, and holds that the simulator finds every break.
//!
//! A fault that survives is not a fault of bear: it means that no property of the simulator speaks of what it breaks.
//! All faults are built into one simulator, from a copy of the sources; which one it has is told when it is started.

mod judge;
mod mutation;
mod planning;
mod running;
mod scratch;
mod storing;

use std::time::Instant;

use self::judge::{Verdict, judge};
use self::mutation::Mutation;
use self::scratch::Scratch;

const USAGE: &str = "\
usage: cargo xtask mutants [NAME ...] [--in DIR] [--list]
  NAME      only these; without one, all, after a run in which nothing is broken
  --in DIR  keep the copy of the sources and what was built of it there: the next run is quicker
  --list    what there is to break";

/// How many cases the simulator may take to find a fault.
const CASES: u64 = 10_000;

fn all() -> impl Iterator<Item = &'static Mutation> {
    storing::MUTATIONS.iter().chain(running::MUTATIONS).chain(planning::MUTATIONS)
}

struct Options {
    chosen: Vec<&'static Mutation>,
    /// Whether all of them were chosen.
    is_all: bool,
    folder: Option<String>,
}

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--list"] {
        all().for_each(|mutation| println!("{:34} {}", mutation.name, mutation.breaks));
        return Ok(());
    }
    let options = parse(arguments)?;
    let scratch = Scratch::new(options.folder.as_deref(), all())?;
    scratch.build()?;
    if options.is_all && !matches!(tell(&scratch, None)?, Verdict::Survived) {
        return Err("the simulator fails without a fault, so what it finds proves nothing".to_owned());
    }
    let mut survivors = Vec::new();
    for mutation in &options.chosen {
        if !matches!(tell(&scratch, Some(mutation))?, Verdict::Found { .. }) {
            survivors.push(mutation.name);
        }
    }
    println!("{} of {} found", options.chosen.len() - survivors.len(), options.chosen.len());
    if survivors.is_empty() {
        return Ok(());
    }
    Err(format!("nothing speaks against: {}", survivors.join(", ")))
}

/// Lets the simulator look for a fault, and tells what came of it.
fn tell(scratch: &Scratch, mutation: Option<&Mutation>) -> Result<Verdict, String> {
    let name = mutation.map(|mutation| mutation.name);
    let began = Instant::now();
    let verdict = judge(&scratch.simulator(), name, CASES)?;
    println!("{:34} {verdict} ({:.0} s)", name.unwrap_or("(no fault)"), began.elapsed().as_secs_f64());
    Ok(verdict)
}

fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options { chosen: Vec::new(), is_all: false, folder: None };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--in" => options.folder = Some(arguments.next().ok_or(USAGE)?.clone()),
            name => {
                let known = all().find(|mutation| mutation.name == name);
                options.chosen.push(known.ok_or_else(|| format!("there is no fault `{name}`\n{USAGE}"))?);
            }
        }
    }
    if options.chosen.is_empty() {
        options.chosen = all().collect();
        options.is_all = true;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::all;

    /// So that the table can't rot: a fault that no longer fits the code breaks nothing, and is found by nobody.
    #[test]
    fn every_fault_fits_the_code() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace is above");
        let misfits = all().filter_map(|mutation| {
            let source = std::fs::read_to_string(root.join(mutation.file)).unwrap_or_default();
            mutation.place(&source).err()
        });
        assert_eq!(misfits.collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        let names = all().map(|mutation| mutation.name).collect::<BTreeSet<_>>();
        assert_eq!(names.len(), all().count());
    }
}
