//! SIGKILL at moments that nobody chose.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Bench;
use super::judge;
use super::random::Random;
use super::table::{Harm, Row};
use crate::project::{FILE, Fleet, Project};

/// After so many kills, everything is brought to a good end once; till then, each run goes on from what the kills before
/// it left, which is harsher.
const HEAL_EVERY: u32 = 10;

/// After so many kills, everything is destroyed once.
const DESTROY_EVERY: u32 = 100;

/// What the runs want that are killed. To go from one to another makes, changes or ends brokers.
const FLEETS: [Fleet; 5] = [
    Fleet::of(20),
    Fleet { count: 20, password: true },
    Fleet::of(12),
    Fleet::of(20),
    Fleet { count: 17, password: true },
];

/// Kills applies, edits and destroys of 20 brokers.
pub(super) fn random_moments(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut random = bench.random("kill");
    let mut row = Row::new("SIGKILL at any moment of apply, edit and destroy of 20 brokers");
    let project = bench.project()?;
    let mut longest = whole_apply(&project, &mut row)?;
    let tries = bench.tries(1000, 25);
    let mut began = 0;
    // Some runs have nothing left to do and end before they are killed; those are no tries.
    while row.tries < tries && began < 3 * tries && row.harmed() == 0 {
        began += 1;
        let fleet = random.choose(&FLEETS);
        project.write(fleet)?;
        let destroys = random.below(5) == 0;
        let words = if destroys { "destroy" } else { "apply" };
        let flags = if destroys { "--yes" } else { "--yes --max-destroy 100" };
        if let Some(whole) = killed(&project, &format!("{words} {FILE} {flags}"), longest, &mut random)? {
            longest = longest.max(whole);
            continue;
        }
        row.tries += 1;
        judge::examine(&project, &mut row)?;
        if row.tries.is_multiple_of(DESTROY_EVERY) {
            judge::destroy(&project, &mut row)?;
            eprintln!("{} kills", row.tries);
        } else if row.tries.is_multiple_of(HEAL_EVERY) {
            judge::heal(&project, fleet.count, &mut row)?;
        }
    }
    if row.tries < tries && row.harmed() == 0 {
        row.blame(Harm::Wrong, format!("only {} of {began} runs were there to be killed", row.tries));
    }
    judge::destroy(&project, &mut row)?;
    Ok(vec![row])
}

/// How long it takes from nothing to everything, which is left there.
fn whole_apply(project: &Project, row: &mut Row) -> Result<Duration, String> {
    project.write(FLEETS[0])?;
    let begun = Instant::now();
    project.bear(&format!("apply {FILE} --yes"))?.expect(0)?;
    let whole = begun.elapsed();
    judge::heal(project, FLEETS[0].count, row)?;
    Ok(whole)
}

/// Starts a run and kills it at any moment within `longest`; how long it took, if it came to its end before.
fn killed(
    project: &Project,
    words: &str,
    longest: Duration,
    random: &mut Random,
) -> Result<Option<Duration>, String> {
    let begun = Instant::now();
    let mut run = project.start(words)?;
    let moment =
        begun + Duration::from_micros(random.below(longest.as_micros().try_into().unwrap_or(u64::MAX)));
    while Instant::now() < moment && !run.has_ended() {
        thread::sleep(moment.saturating_duration_since(Instant::now()).min(Duration::from_millis(1)));
    }
    let killed = run.signal(Signal::SIGKILL);
    let outcome = run.wait(crate::project::PATIENCE)?;
    match outcome.code() {
        -9 if killed => Ok(None),
        0 => Ok(Some(begun.elapsed())),
        _ => Err(format!("a run that was not killed failed: {outcome}")),
    }
}
