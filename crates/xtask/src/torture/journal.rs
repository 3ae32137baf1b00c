//! SIGKILL at each write of the journal, and at each change of any file: before it, in the middle of it, and after it.

use nix::sys::signal::Signal;

use super::fuse::{self, Moment, Mounted, Target, Trap};
use super::table::{Harm, Row};
use super::{Bench, judge};
use crate::project::{FILE, Fleet, Project};

/// The two runs that are killed in turn: from nothing to everything, and back.
const RUNS: [&str; 2] = ["apply", "destroy"];

/// More changes than a run makes.
const CHANGES_MAX: u32 = 10_000;

/// Kills runs of 20 brokers at each write of their journal.
pub(super) fn each_write(bench: &Bench) -> Result<Vec<Row>, String> {
    let moments = [Moment::Before, Moment::During, Moment::After];
    let (count, step) = if bench.options.quick { (3, 4) } else { (20, 1) };
    let name = format!(
        "SIGKILL before, in and after each write of the journal; apply and destroy of {count} brokers"
    );
    each(bench, &name, count, step, Target::Journal, &moments)
}

/// Kills runs of 3 brokers at each of all changes that they make to the disk.
pub(super) fn each_change(bench: &Bench) -> Result<Vec<Row>, String> {
    let name = "SIGKILL before and after each change of any file; apply and destroy of 3 brokers";
    let step = if bench.options.quick { 20 } else { 1 };
    each(bench, name, 3, step, Target::Anything, &[Moment::Before, Moment::After])
}

/// Kills at every `step`th change, as many as there are in a run.
fn each(
    bench: &Bench,
    name: &str,
    count: usize,
    step: usize,
    target: Target,
    moments: &[Moment],
) -> Result<Vec<Row>, String> {
    if let Some(why) = fuse::missing()? {
        println!("{name}: left out, because {why}");
        return Ok(Vec::new());
    }
    let mut row = Row::new(name);
    let mounted = Mounted::new()?;
    let (root, home) = (mounted.path().join("project"), fuse::home(&mounted.path()));
    let project = Project::at(&bench.bear, &root, &home)?;
    project.write(Fleet::of(count))?;
    for moment in moments {
        // Whether the run that is killed has changes left at which that could happen.
        let mut goes_on = [true; 2];
        for change in (0..CHANGES_MAX).step_by(step) {
            for (words, goes_on) in RUNS.iter().zip(&mut goes_on) {
                *goes_on = *goes_on
                    && trapped(&project, &mounted, words, Trap::new(target, *moment, change), &mut row)?;
                match *words {
                    "apply" => judge::heal(&project, count, &mut row)?,
                    _ => judge::destroy(&project, &mut row)?,
                }
            }
            if goes_on == [false; 2] || row.harmed() > 0 || row.tries >= bench.tries(u32::MAX, u32::MAX) {
                break;
            }
        }
    }
    Ok(vec![row])
}

/// Runs into a trap; whether it sprang.
fn trapped(
    project: &Project,
    mounted: &Mounted,
    words: &str,
    trap: Trap,
    row: &mut Row,
) -> Result<bool, String> {
    mounted.lay(trap);
    let outcome = project.bear(&format!("{words} {FILE} --yes"))?;
    let sprung = mounted.take_up().is_some_and(|trap| trap.sprung);
    let killed = outcome.code() == -(Signal::SIGKILL as i32);
    if sprung {
        row.tries += 1;
        judge::examine(project, row)?;
    }
    if sprung != killed || !sprung && outcome.code() != 0 {
        row.blame(Harm::Wrong, format!("sprung: {sprung}, but {outcome}"));
    }
    Ok(sprung)
}
