//! Chores of the workspace: measuring, taking pictures, running other people's test suites.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to whoever runs it")]

mod bench;
mod build;
mod conformance;
mod fuzz;
mod lab;
mod mutants;
mod project;
mod screenshot;
mod simulate;
mod soak;
mod torture;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask bench [NAME ...]                  the figures of docs/performance.md
       cargo xtask screenshot                        the pictures of the README; needs chromium
       cargo xtask conformance --suite DIR [OPTION]  the Eclipse MQTT suites against the embedded broker
       cargo xtask simulate [OPTION ...]             random cases in which everything goes wrong, and what must hold
       cargo xtask mutants [NAME ...]                deliberate faults, each of which the simulator must find
       cargo xtask torture [NAME ...] [OPTION]       the real binary under everything that must not harm a fleet
       cargo xtask soak [OPTION]                     hundreds of rounds of everything, with MQTT clients that count
       cargo xtask fuzz [TARGET ...] [--seconds N]   inputs that a fuzzer makes up, for all that bear reads
       cargo xtask lab up|down|status|test           machines to test on, and the tests that need them
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let arguments = arguments.collect::<Vec<_>>();
    let outcome = match chore.as_str() {
        "bench" => bench::run(&arguments),
        "screenshot" => screenshot::run(),
        "conformance" => conformance::run(arguments),
        "fuzz" => fuzz::run(&arguments),
        "lab" => lab::run(&arguments),
        "mutants" => mutants::run(&arguments),
        "simulate" => simulate::run(&arguments),
        "soak" => soak::run(&arguments),
        "torture" => torture::run(&arguments),
        bench::MEASURE => bench::measure(&arguments),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
