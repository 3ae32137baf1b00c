//! Chores of the workspace: measuring, taking pictures, running other people's test suites.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to whoever runs it")]

mod bench;
mod build;
mod conformance;
mod lab;
mod screenshot;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask bench [NAME ...]                  the figures of docs/performance.md
       cargo xtask screenshot                        docs/apply.svg
       cargo xtask conformance --suite DIR [OPTION]  the Eclipse MQTT suites against the embedded broker
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
        "lab" => lab::run(&arguments),
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
