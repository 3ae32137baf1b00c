//! `cargo xtask simulate`: the deterministic simulator of `bear-lab`, built with optimisation and every assertion.

use std::process::Command;

/// Builds the simulator and runs it with these arguments. It says itself what it found.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "--profile",
            "lab",
            "--package",
            "bear-lab",
            "--no-default-features",
            "--bin",
            "simulate",
            "--",
        ])
        .args(arguments)
        .status()
        .map_err(|error| format!("could not run cargo: {error}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(1) => Err("a case failed".to_owned()),
        _ => Err("the simulator could not be built or run".to_owned()),
    }
}
