//! The simulator: a modest number of cases, and the same case the same way wherever it runs. Thousands more with
//! `cargo xtask simulate`.

use bear_lab::sim::{Case, Order, simulate};

/// Enough for all that can happen to happen.
const CASES: u64 = 300;

#[test]
fn whatever_happens_nothing_is_lost() {
    let report = simulate(Order { first: 1, cases: CASES, within: None, threads: 2 }, |_| {});
    let failure = report.failure.map(|failure| format!("seed {}: {}", failure.seed, failure.violation));
    assert_eq!(failure, None, "cargo xtask simulate --seed N shows it");
    // The cases are not empty: everything that can happen has happened.
    let never = report.coverage.figures().into_iter().filter(|(_, figure)| *figure == 0);
    assert_eq!(never.collect::<Vec<_>>(), []);
}

#[test]
fn a_case_runs_the_same_way_on_every_thread() {
    let traces = || (0..40).map(|seed| Case::from_seed(seed).perform(true)).collect::<Vec<_>>();
    let other = std::thread::spawn(traces);
    let here = traces();
    let there = other.join().unwrap();
    for (seed, (here, there)) in here.iter().zip(&there).enumerate() {
        let differs = here.trace.lines().zip(there.trace.lines()).find(|(here, there)| here != there);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(here.trace, there.trace, "seed {seed}");
        assert_eq!(here, there, "seed {seed}");
    }
}
