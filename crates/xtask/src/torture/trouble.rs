//! Disks in trouble: full, over a quota, read-only, broken and slow. What is said of it, and that nothing is lost.

use std::time::Duration;

use bear_lab::disk::{Fault, Kind, Trouble};

use super::fuse::{self, Mounted, Slow};
use super::table::{Harm, Row};
use super::{Bench, judge};
use crate::project::{FILE, Fleet, Outcome, Project};

/// The runs that get into trouble go from one of these to another.
const COUNTS: [usize; 3] = [5, 8, 3];

/// How many changes a run makes to the disk, about.
const CHANGES: u64 = 150;

/// How many records a run writes into its journal, about.
const RECORDS: u64 = 12;

/// What may go wrong: what it is called, when it begins, and which of these words bear must say of it.
struct Case {
    name: &'static str,
    begin: fn(&Mounted, usize),
    says: &'static [&'static str],
}

const CASES: [Case; 5] = [
    Case {
        name: "disk full from any change on",
        begin: |mounted, nth| mounted.disk.let_happen(nth, Fault::FromNow(Trouble::NoSpace)),
        says: &["No space left on device"],
    },
    Case {
        name: "quota used up from any change on",
        begin: |mounted, nth| mounted.disk.let_happen(nth, Fault::FromNow(Trouble::Quota)),
        says: &["Disk quota exceeded", "Quota exceeded"],
    },
    Case {
        name: "disk read-only from any change on",
        begin: |mounted, nth| mounted.disk.let_happen(nth, Fault::FromNow(Trouble::ReadOnly)),
        says: &["Read-only file system"],
    },
    Case {
        name: "disk broken from any change on",
        begin: |mounted, nth| mounted.disk.let_happen(nth, Fault::FromNow(Trouble::Io)),
        says: &["Input/output error", "I/O error"],
    },
    Case {
        name: "a flush of the journal fails once, and what it was to flush is gone",
        begin: |mounted, nth| {
            let nth = nth % usize::try_from(RECORDS).unwrap_or(1);
            mounted.disk.let_happen_to(Kind::Sync, "journal.ndjson", nth, Fault::Once(Trouble::Io));
        },
        says: &["Input/output error", "I/O error"],
    },
];

/// Lets applies run into each kind of trouble.
pub(super) fn troubles(bench: &Bench) -> Result<Vec<Row>, String> {
    if let Some(why) = fuse::missing()? {
        println!("trouble: left out, because {why}");
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for case in &CASES {
        rows.push(trouble(bench, case)?);
    }
    rows.push(slow(bench)?);
    Ok(rows)
}

fn trouble(bench: &Bench, case: &Case) -> Result<Row, String> {
    let mut row = Row::new(format!("{}; apply of 3 to 8 brokers", case.name));
    let mut random = bench.random(case.name);
    let mounted = Mounted::new()?;
    let project = project(bench, &mounted)?;
    let tries = bench.tries(25, 2);
    let mut began = 0;
    while row.tries < tries && began < 4 * tries && row.harmed() == 0 {
        let count = COUNTS[began as usize % COUNTS.len()];
        began += 1;
        project.write(Fleet::of(count))?;
        (case.begin)(&mounted, usize::try_from(random.below(CHANGES)).unwrap_or(0));
        let outcome = project.bear(&format!("apply {FILE} --yes --max-destroy 100"))?;
        if outcome.code() != 0 {
            row.tries += 1;
            expect_clear(&outcome, case, &mounted, &mut row);
            // While it lasts, what is recorded can be read.
            judge::examine(&project, &mut row)?;
        }
        mounted.disk.mend();
        judge::examine(&project, &mut row)?;
        judge::heal(&project, count, &mut row)?;
    }
    judge::destroy(&project, &mut row)?;
    Ok(row)
}

/// What bear said names the trouble and the place, and says what to do.
fn expect_clear(outcome: &Outcome, case: &Case, mounted: &Mounted, row: &mut Row) {
    let said = &outcome.stderr;
    let names_it = case.says.iter().any(|words| said.contains(words));
    let names_place = said.contains(&*mounted.path().to_string_lossy());
    if !matches!(outcome.code(), 1 | 6) || !names_it || !names_place || !said.contains("help: ") {
        row.blame(Harm::Wrong, format!("this is not clear: {outcome}"));
    }
}

fn slow(bench: &Bench) -> Result<Row, String> {
    let mut row = Row::new("each flush takes 50 to 200 ms; apply and destroy of 8 brokers");
    let mounted = Mounted::new()?;
    let project = project(bench, &mounted)?;
    let (least, most) = (Duration::from_millis(50), Duration::from_millis(200));
    mounted.slow_down(Some(Slow { least, most, random: bench.random("slow") }));
    for _ in 0..bench.tries(5, 1).min(5) {
        row.tries += 1;
        project.write(Fleet::of(8))?;
        judge::heal(&project, 8, &mut row)?;
        judge::destroy(&project, &mut row)?;
    }
    Ok(row)
}

fn project(bench: &Bench, mounted: &Mounted) -> Result<Project, String> {
    Project::at(&bench.bear, &mounted.path().join("project"), &fuse::home(&mounted.path()))
}
