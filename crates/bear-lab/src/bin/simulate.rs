//! `cargo xtask simulate`: runs the simulator for as long as one likes, and shows what it finds.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use bear_lab::sim::{Case, Failure, Order, Report, elements, shrink, simulate};

const USAGE: &str = "\
usage: cargo xtask simulate [OPTION ...]

  --cases N        so many cases; 10000 unless something else is said
  --for DURATION   as many as fit into 90s, 10m or 2h
  --seed N         this one case, with its trace; with --cases or --for, where they begin
  --without LIST   leaves elements out of that case, as a shrunk one says
  --jobs N         on so many threads; on all cores unless something else is said
";

/// What was asked for on the command line.
#[derive(Default)]
struct Asked {
    cases: Option<u64>,
    within: Option<Duration>,
    seed: Option<u64>,
    without: BTreeSet<u32>,
    jobs: Option<usize>,
}

impl Asked {
    fn read(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut asked = Self::default();
        while let Some(option) = arguments.next() {
            let value = arguments.next()?;
            match option.as_str() {
                "--cases" => asked.cases = Some(value.parse().ok()?),
                "--for" => asked.within = Some(duration(&value)?),
                "--seed" => asked.seed = Some(value.parse().ok()?),
                "--without" => asked.without = list(&value)?,
                "--jobs" => asked.jobs = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        let is_one = asked.seed.is_some() && asked.cases.is_none() && asked.within.is_none();
        (is_one || asked.without.is_empty()).then_some(asked)
    }
}

/// `90s`, `10m`, `2h`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

/// `1,2,5-9`.
fn list(text: &str) -> Option<BTreeSet<u32>> {
    let mut list = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        list.extend(from.parse::<u32>().ok()?..=to.parse().ok()?);
    }
    Some(list)
}

fn main() -> ExitCode {
    let Some(asked) = Asked::read(std::env::args().skip(1)) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match asked {
        Asked { seed: Some(seed), cases: None, within: None, without, .. } => replay(seed, &without),
        asked => many(&asked),
    }
}

/// Runs one case again, and shows it.
fn replay(seed: u64, without: &BTreeSet<u32>) -> ExitCode {
    let (case, _) = Case::from_seed(seed).without(without);
    show(&case, &case.perform(true).trace);
    match case.perform(false).violation {
        Some(violation) => {
            println!("FAILED seed {seed}: {violation}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn many(asked: &Asked) -> ExitCode {
    let first = asked.seed.unwrap_or_else(any_seed);
    let threads = asked.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let cases = asked.cases.unwrap_or(if asked.within.is_some() { u64::MAX } else { 10_000 });
    let many = if cases == u64::MAX { "cases".to_owned() } else { format!("{cases} cases") };
    println!("seed {first}: {many} on {threads} threads");
    let order = Order { first, cases, within: asked.within, threads };
    let is_watched = std::io::stderr().is_terminal();
    let report = simulate(order, |done| {
        if is_watched {
            eprint!("\r{done} cases\r");
            let _ = std::io::stderr().flush();
        }
    });
    let Report { cases, took, coverage, failure } = report;
    if let Some(failure) = failure {
        return explain(&failure);
    }
    let seconds = took.as_secs_f64();
    println!("{cases} cases in {seconds:.1}s: {:.0} a minute; none failed", cases_a_minute(cases, seconds));
    print!("{coverage}");
    ExitCode::SUCCESS
}

fn cases_a_minute(cases: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody runs so many cases")]
    let cases = cases as f64;
    cases * 60.0 / seconds
}

/// A seed that nobody chose. Small, so that it can be typed.
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() % 1_000_000 * 1_000_000
}

/// Shows the smallest case that fails like the one that did.
fn explain(failure: &Failure) -> ExitCode {
    let Failure { seed, violation } = failure;
    println!("FAILED seed {seed}: {violation}");
    let property = violation.property;
    let performed = |case: &Case| case.perform(false).violation.map(|violation| violation.property);
    let shrunk = shrink(&Case::from_seed(*seed), property, performed);
    println!("shrunk to: cargo xtask simulate --seed {seed} --without {}", elements(&shrunk.without));
    show(&shrunk.case, &shrunk.outcome.trace);
    ExitCode::FAILURE
}

fn show(case: &Case, trace: &str) {
    print!("{case}");
    print!("{trace}");
}
