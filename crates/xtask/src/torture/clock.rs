//! Clocks that go back and forth, between runs and under them, for bear alone: through libfaketime.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::table::{Harm, Row};
use super::{Bench, judge};
use crate::project::{FILE, Fleet, Outcome, PATIENCE, Project, failed};

/// Where Debian's package `faketime` puts it, on any kind of machine.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The variable that makes the torture fail rather than be left out where the library is missing.
const REQUIRED: &str = "BEAR_TEST_FAKETIME";

/// What the clock is off by. The last is to the day before the first release of any of this.
const OFFSETS: [&str; 7] = ["+0", "-3h", "+5h", "-2d", "+40d", "-1h", "-9000d"];

const COUNTS: [usize; 2] = [6, 3];

/// Lets the clock jump between runs, and in the middle of them.
pub(super) fn jumps(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut row = Row::new("the clock jumps by hours and years, between runs and under them");
    let Some(library) = library() else {
        if std::env::var_os(REQUIRED).is_some_and(|value| value == "required") {
            return Err(format!("{REQUIRED} says that libfaketime is here, and it is not in {LIBRARIES}"));
        }
        println!("clock: left out, because libfaketime is not here (Debian's package is `faketime`)");
        return Ok(Vec::new());
    };
    let mut random = bench.random("clock");
    let project = bench.project()?;
    let clock = project.root().join("clock");
    let project = project
        .with_variable("LD_PRELOAD", library.display().to_string())
        .with_variable("FAKETIME_TIMESTAMP_FILE", clock.display().to_string())
        .with_variable("FAKETIME_NO_CACHE", "1")
        // A clock that somebody sets does not change this one, clock_gettime(2).
        .with_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .with_variable("DONT_FAKE_MONOTONIC", "1");
    let mut serial = 0;
    set(&clock, OFFSETS[0])?;
    while row.tries < bench.tries(60, 4) && row.harmed() == 0 {
        row.tries += 1;
        let count = random.choose(&COUNTS);
        project.write(Fleet::of(count))?;
        set(&clock, random.choose(&OFFSETS))?;
        let mut run = project.start(&format!("apply {FILE} --yes --max-destroy 100"))?;
        for _ in 0..3 {
            thread::sleep(Duration::from_micros(random.below(200_000)));
            set(&clock, random.choose(&OFFSETS))?;
        }
        let has_ended = run.has_ended();
        let outcome = run.wait(PATIENCE)?;
        if outcome.code() != 0 && !judge::is_late(&outcome) {
            row.blame(Harm::Wrong, format!("ended early: {has_ended}, but {outcome}"));
        }
        judge::examine(&project, &mut row)?;
        judge::heal(&project, count, &mut row)?;
        serial = expect_later(&project, serial, &mut row)?;
        for command in ["status", "state history", "plan", "inventory"] {
            set(&clock, random.choose(&OFFSETS))?;
            expect_sane(&project.bear(command)?, &mut row);
        }
    }
    judge::destroy(&project, &mut row)?;
    Ok(vec![row])
}

/// The serial went up, whatever the clock says.
fn expect_later(project: &Project, before: u64, row: &mut Row) -> Result<u64, String> {
    let serial = project.state()?["serial"].as_u64().unwrap_or(0);
    if serial < before {
        row.blame(Harm::Lost, format!("the serial went from {before} to {serial}"));
    }
    Ok(serial)
}

/// No panic, and no time that is less than nothing.
fn expect_sane(outcome: &Outcome, row: &mut Row) {
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let negative = text.split_whitespace().any(|word| {
        word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    });
    if outcome.code() != 0 || negative || text.contains("panicked") {
        row.blame(Harm::Wrong, format!("this makes no sense: {outcome}"));
    }
}

/// Sets the clock. In one piece: what runs looks at it all the time.
fn set(clock: &Path, offset: &str) -> Result<(), String> {
    let new = clock.with_extension("new");
    let set = fs::write(&new, format!("{offset}\n")).and_then(|()| fs::rename(&new, clock));
    set.map_err(failed("set", clock))
}

fn library() -> Option<PathBuf> {
    let machines = fs::read_dir(LIBRARIES).into_iter().flatten().flatten();
    machines.map(|machine| machine.path().join(LIBRARY)).find(|library| library.exists())
}
