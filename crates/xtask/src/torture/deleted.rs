//! Files that go away under a run: its lock, and everything that bear ever recorded.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use super::random::Random;
use super::table::{Harm, Row};
use super::{Bench, judge};
use crate::project::{FILE, Fleet, PATIENCE, Project};

const COUNTS: [usize; 2] = [12, 6];

/// The longest that is waited before something goes away, in microseconds.
const WITHIN: u64 = 600_000;

/// What happens to the files of a fleet while a run is busy with them.
struct Case {
    name: &'static str,
    strike: fn(&Project) -> io::Result<()>,
    /// What the run must say, unless it was done already.
    says: &'static str,
}

const LOCK_CASES: [Case; 2] = [
    Case {
        name: "the lock is deleted under an apply",
        strike: |project| fs::remove_file(project.records().join("lock")),
        says: "was deleted or replaced while this bear held it",
    },
    Case {
        name: "the lock is replaced under an apply",
        strike: |project| {
            let lock = project.records().join("lock");
            fs::write(lock.with_extension("other"), "")?;
            fs::rename(lock.with_extension("other"), lock)
        },
        says: "was deleted or replaced while this bear held it",
    },
];

/// The lock goes away under a run, and another bear takes the one that comes after.
pub(super) fn lock(bench: &Bench) -> Result<Vec<Row>, String> {
    LOCK_CASES.iter().map(|case| lock_lost(bench, case)).collect()
}

fn lock_lost(bench: &Bench, case: &Case) -> Result<Row, String> {
    let mut row = Row::new(format!("{}, and another begins at once", case.name));
    let mut random = bench.random(case.name);
    let project = bench.project()?;
    let tries = bench.tries(30, 2).min(200);
    for began in 0..4 * tries {
        if row.tries == tries || row.harmed() > 0 {
            break;
        }
        let count = COUNTS[began as usize % COUNTS.len()];
        project.write(Fleet::of(count))?;
        let mut first = project.start(&format!("apply {FILE} --yes --max-destroy 100"))?;
        pause(&mut random);
        // Before it is the first's, it is nobody's.
        let lock = fs::read_to_string(project.records().join("lock")).unwrap_or_default();
        let is_held = lock.contains(&format!("\"pid\":{},", first.id()));
        if !is_held || first.has_ended() || (case.strike)(&project).is_err() {
            first.wait(PATIENCE)?;
            continue;
        }
        let second = project.bear(&format!("apply {FILE} --yes --max-destroy 100"))?;
        let first = first.wait(PATIENCE)?;
        match first.code() {
            // It was done, or had not begun.
            0 | 4 => {}
            6 if first.stderr.contains(case.says) => row.tries += 1,
            _ => row.blame(Harm::Wrong, format!("this does not say that the lock is lost: {first}")),
        }
        // Its steps may fail where the first still was at work, but not for good. Had the first written anything into
        // the journal after that, this one would say so and end with another status.
        if !matches!(second.code(), 0 | 1) {
            row.blame(Harm::Wrong, second.to_string());
        }
        judge::examine(&project, &mut row)?;
        judge::heal(&project, count, &mut row)?;
    }
    judge::destroy(&project, &mut row)?;
    Ok(row)
}

/// Everything that bear recorded goes away under a run, with the folders of the brokers.
pub(super) fn everything(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut row = Row::new("`.bear` is deleted under an apply of 12 brokers");
    let mut random = bench.random("everything");
    let project = bench.project()?;
    let tries = bench.tries(20, 2).min(200);
    for _ in 0..4 * tries {
        if row.tries == tries || row.harmed() > 0 {
            break;
        }
        project.write(Fleet::of(COUNTS[0]))?;
        let mut run = project.start(&format!("apply {FILE} --yes"))?;
        pause(&mut random);
        let ended = run.has_ended();
        let deleted = delete(&project);
        let outcome = run.wait(PATIENCE)?;
        if !ended && deleted {
            row.tries += 1;
            if !matches!(outcome.code(), 0 | 1 | 6)
                || (outcome.code() != 0 && !outcome.stderr.contains("error") && !outcome.stderr.contains('×'))
            {
                row.blame(Harm::Wrong, format!("this is not clear: {outcome}"));
            }
        }
        // What is left in the place is what steps did that were under way.
        delete(&project);
        // A smaller fleet has no use for half of the brokers that nothing is recorded about any more.
        project.write(Fleet::of(COUNTS[1]))?;
        let after = project.bear(&format!("apply {FILE} --yes"))?;
        end_the_strays(&project, &after.stderr, &mut row)?;
        judge::heal(&project, COUNTS[1], &mut row)?;
        judge::destroy(&project, &mut row)?;
    }
    Ok(vec![row])
}

/// Does what bear said of brokers that nothing is recorded about; one that it said nothing of is lost.
fn end_the_strays(project: &Project, said: &str, row: &mut Row) -> Result<(), String> {
    let state = project.state()?;
    for broker in project.brokers()? {
        if !state["instances"][&broker.instance].is_null() {
            continue;
        }
        if !said.contains(&format!("process {} is a stray", broker.pid)) {
            row.blame(Harm::Lost, format!("{broker:?} runs, and bear said nothing of it: {said}"));
        }
        broker.kill()?;
    }
    Ok(())
}

fn delete(project: &Project) -> bool {
    // What is made in it meanwhile makes it fail once.
    (0..10).any(|_| fs::remove_dir_all(project.root().join(".bear")).is_ok())
}

fn pause(random: &mut Random) {
    thread::sleep(Duration::from_micros(random.below(WITHIN)));
}
