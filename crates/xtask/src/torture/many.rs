//! Many bears at once on one fleet, and one that holds the lock and does not move.

use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sys::signal::Signal;

use super::table::{Harm, Row};
use super::{Bench, judge};
use crate::project::{FILE, Fleet, Outcome, PATIENCE, Project, Running};

const COUNT: usize = 8;

/// A status that says that another bear holds the lock.
const LOCKED: i32 = 4;

/// Several bears that are started at once.
pub(super) fn at_once(bench: &Bench) -> Result<Vec<Row>, String> {
    let waiting = "--yes --max-destroy 100 --lock-wait 10m";
    let mut rows = Vec::new();
    for bears in [2, 20] {
        let hurried = vec![format!("apply {FILE} --yes --max-destroy 100"); bears];
        rows.push(crowd(bench, &format!("{bears} applies at once"), &hurried, &[0, LOCKED])?);
        let patient = vec![format!("apply {FILE} {waiting}"); bears];
        rows.push(crowd(bench, &format!("{bears} applies at once that wait for the lock"), &patient, &[0])?);
    }
    let (apply, destroy) =
        (format!("apply {FILE} {waiting}"), format!("destroy {FILE} --yes --lock-wait 10m"));
    let (plan, status) = (format!("plan {FILE}"), format!("status {FILE}"));
    let mixed = [&apply, &destroy, &plan, &status, &apply, &plan, &destroy, &status].map(String::clone);
    rows.push(crowd(bench, "apply, destroy, plan and status at once, two of each", &mixed, &[0])?);
    Ok(rows)
}

/// Starts all of them together, again and again; each ends with one of these statuses.
fn crowd(bench: &Bench, name: &str, commands: &[String], allowed: &[i32]) -> Result<Row, String> {
    let mut row = Row::new(name);
    let project = bench.project()?;
    for round in 0..bench.tries(10, 1).min(50) {
        if row.harmed() > 0 {
            break;
        }
        row.tries += 1;
        // From nothing to everything, and back to half.
        let count = if round % 2 == 0 { COUNT } else { COUNT / 2 };
        project.write(Fleet::of(count))?;
        let running = commands.iter().map(|words| project.start(words)).collect::<Result<Vec<_>, _>>()?;
        let pids = running.iter().map(Running::id).collect::<Vec<_>>();
        let outcomes = running.into_iter().map(|run| run.wait(PATIENCE)).collect::<Result<Vec<_>, _>>()?;
        for outcome in &outcomes {
            expect_polite(outcome, allowed, &pids, &mut row);
        }
        if outcomes.iter().all(|outcome| outcome.code() == LOCKED) {
            row.blame(Harm::Wrong, "none of them did it");
        }
        judge::examine(&project, &mut row)?;
        judge::heal(&project, count, &mut row)?;
    }
    judge::destroy(&project, &mut row)?;
    Ok(row)
}

/// Who was not the first says who is.
fn expect_polite(outcome: &Outcome, allowed: &[i32], pids: &[u32], row: &mut Row) {
    let said = &outcome.stderr;
    // The very first may not have written its name yet.
    let names_it = said.contains("is held by another process")
        || pids.iter().any(|pid| said.contains(&format!("(process {pid}, `bear ")));
    if !allowed.contains(&outcome.code()) && !judge::is_late(outcome) {
        row.blame(Harm::Wrong, format!("this should have ended with one of {allowed:?}: {outcome}"));
    } else if outcome.code() == LOCKED && !names_it {
        row.blame(Harm::Wrong, format!("this does not say who holds the lock: {outcome}"));
    }
}

/// The holder of the lock is stopped, let go on, and killed while it is stopped.
pub(super) fn stopped(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut row = Row::new("SIGSTOP of the lock's holder, then SIGCONT or SIGKILL");
    let project = bench.project()?;
    for round in 0..bench.tries(40, 2).min(200) {
        if row.harmed() > 0 {
            break;
        }
        let count = if round % 4 < 2 { COUNT } else { COUNT / 2 };
        project.write(Fleet::of(count))?;
        let Some(mut holder) = stopped_holder(&project)? else { continue };
        row.tries += 1;
        for flags in ["", "--lock-wait 1s"] {
            let other = project.bear(&format!("apply {FILE} --yes --max-destroy 100 {flags}"))?;
            expect_polite(&other, &[LOCKED], &[holder.id()], &mut row);
        }
        judge::examine(&project, &mut row)?;
        if round % 2 == 0 {
            holder.signal(Signal::SIGCONT);
            let outcome = holder.wait(PATIENCE)?;
            if outcome.code() != 0 && !judge::is_late(&outcome) {
                row.blame(Harm::Wrong, format!("the holder did not go on: {outcome}"));
            }
        } else {
            holder.signal(Signal::SIGKILL);
            holder.wait(PATIENCE)?;
        }
        // It waits for nobody, so the lock has to be free.
        judge::heal(&project, count, &mut row)?;
    }
    judge::destroy(&project, &mut row)?;
    Ok(vec![row])
}

/// An apply that was stopped while it held the lock; none if it was done before.
fn stopped_holder(project: &Project) -> Result<Option<Running>, String> {
    let mut run = project.start(&format!("apply {FILE} --yes --max-destroy 100"))?;
    let lock = project.records().join("lock");
    let mark = format!("\"pid\":{},", run.id());
    let until = Instant::now() + PATIENCE;
    while !run.has_ended() && Instant::now() < until {
        if fs::read_to_string(&lock).is_ok_and(|text| text.contains(&mark)) {
            run.signal(Signal::SIGSTOP);
            // It may have let go of it just before.
            let holds = fs::read_to_string(&lock).is_ok_and(|text| text.contains(&mark));
            if holds {
                return Ok(Some(run));
            }
            run.signal(Signal::SIGCONT);
        }
        thread::sleep(Duration::from_millis(1));
    }
    run.wait(PATIENCE)?;
    Ok(None)
}
