//! Building the binaries that chores work with.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds `bear` with further arguments for cargo, such as `--release`, and says where the binary lies. Without EC2, which
/// no chore needs, and which takes longer to build than all the rest.
pub(crate) fn bear(arguments: &[&str]) -> Result<PathBuf, String> {
    binary("bear", &[&["--no-default-features"], arguments].concat())
}

/// Builds a package that has one binary, and says where that lies.
pub(crate) fn binary(package: &str, arguments: &[&str]) -> Result<PathBuf, String> {
    let output = cargo()
        .args(["build", "--locked", "-p", package, "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("could not start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("the build of {package} failed"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.ok_or_else(|| "cargo did not say where the binary lies".to_owned())
}

/// Cargo, without what the cargo that runs this chore says about this package. Build scripts of dependencies look at
/// that, and would run again each time.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
