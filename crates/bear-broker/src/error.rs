//! What can go wrong before and while a broker runs, each fault with the file or port it is about.

use std::io;
use std::path::PathBuf;

/// Why a broker did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// A file of the broker can't be read or written.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was attempted: `read`, `write`, `lock`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not of the form that it must have.
    #[error("`{}` is no {what}", path.display())]
    Malformed {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where it departs from that.
        source: serde_json::Error,
    },
    /// A file was written by a newer bear.
    #[error("`{}` is of version {found}, and this bear reads up to version {known}; use the newer bear", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this bear reads.
        known: u32,
    },
    /// The spec asks for something that no broker can do.
    #[error("the spec can't be run: {0}")]
    Spec(String),
    /// A password can't be hashed.
    #[error("could not hash the password of `{user}`: {reason}")]
    Password {
        /// Whose password.
        user: String,
        /// Why.
        reason: String,
    },
    /// Another broker runs in the same folder.
    #[error("another broker{} runs in `{}`", holder(*pid), folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The process that holds it, where it could be read.
        pid: Option<u32>,
    },
    /// A port can't be listened on.
    #[error("could not listen on port {port} for {purpose}")]
    Port {
        /// The port.
        port: u16,
        /// What it is for.
        purpose: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or a signal handler can't be set up.
    #[error("could not set up {what}")]
    Setup {
        /// What was to be set up.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
