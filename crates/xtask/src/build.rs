//! Building the binary that chores work with.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Builds `bear` with further arguments for cargo, such as `--release`, and says where the binary lies.
pub(crate) fn bear(arguments: &[&str]) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "-p", "bear", "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("could not start cargo: {error}"))?;
    if !output.status.success() {
        return Err("the build of bear failed".to_owned());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.ok_or_else(|| "cargo did not say where the binary lies".to_owned())
}
