//! Running many cases on all cores, until one fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::case::Case;
use super::coverage::Coverage;
use super::log::Violation;

/// Which cases to run.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The seed of the first; the others follow it.
    pub first: u64,
    /// How many at most.
    pub cases: u64,
    /// For how long at most.
    pub within: Option<Duration>,
    /// On how many threads.
    pub threads: usize,
}

/// A case that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What happened.
    pub violation: Violation,
}

/// What came of all cases.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many were run.
    pub cases: u64,
    /// How long that took.
    pub took: Duration,
    /// What really happened in them.
    pub coverage: Coverage,
    /// The one that failed and has the lowest seed of those that were run.
    pub failure: Option<Failure>,
}

/// Runs cases until one fails; tells `progress` how many are done, about once a second.
pub fn simulate(order: Order, progress: impl Fn(u64) + Sync) -> Report {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let end = AtomicU64::new(order.cases);
    let together = Mutex::new((0, Coverage::default(), None::<Failure>));
    let work = |thread: usize| {
        let (mut cases, mut coverage) = (0, Coverage::default());
        let mut told = Instant::now();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= end.load(Ordering::Relaxed)
                || order.within.is_some_and(|within| began.elapsed() > within)
            {
                break;
            }
            let seed = order.first.wrapping_add(number);
            let outcome = Case::from_seed(seed).perform(false);
            cases += 1;
            coverage.add(&outcome.coverage);
            if let Some(violation) = outcome.violation {
                // Those before it are finished, so that the first of all is what is told of.
                end.fetch_min(number, Ordering::Relaxed);
                let mut together = together.lock().unwrap_or_else(PoisonError::into_inner);
                if together.2.as_ref().is_none_or(|failure| failure.seed > seed) {
                    together.2 = Some(Failure { seed, violation });
                }
            }
            if thread == 0 && told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                progress(number);
            }
        }
        let mut together = together.lock().unwrap_or_else(PoisonError::into_inner);
        together.0 += cases;
        together.1.add(&coverage);
    };
    std::thread::scope(|scope| {
        for thread in 0..order.threads.max(1) {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
    let (cases, coverage, failure) = together.into_inner().unwrap_or_else(PoisonError::into_inner);
    Report { cases, took: began.elapsed(), coverage, failure }
}
