//! What every command is given: the printer, and what the environment says, read once.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::args::GlobalArgs;
use crate::printer::Printer;
use crate::screen::Screen;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) printer: Printer,
    pub(crate) environment: Environment,
}

impl Context {
    /// The context of a command with these flags.
    pub(crate) fn new(args: GlobalArgs) -> Self {
        Self { printer: Printer::new(args), environment: Environment::read() }
    }

    /// The context of what the full-screen manager runs.
    pub(crate) fn on(screen: Arc<Screen>, environment: Environment) -> Self {
        Self { printer: Printer::on(screen), environment }
    }
}

/// What bear takes from its environment. A variable that is empty counts as not set.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    /// The folder that bear was started in.
    pub(crate) folder: PathBuf,
    /// `BEAR_FLEET`: the fleet file where none is given.
    pub(crate) fleet: Option<PathBuf>,
    /// `HOME`
    pub(crate) home: Option<PathBuf>,
    /// `XDG_STATE_HOME`
    pub(crate) state_home: Option<PathBuf>,
    /// `USER`
    pub(crate) user: Option<String>,
    /// Whether whoever started bear would see a browser that it opens.
    pub(crate) desktop: bool,
}

impl Environment {
    fn read() -> Self {
        let display =
            cfg!(target_os = "macos") || set("DISPLAY").is_some() || set("WAYLAND_DISPLAY").is_some();
        let elsewhere = set("SSH_CONNECTION").is_some() || set("CI").is_some();
        Self {
            // In a folder that was deleted no file is found, and the message about that says what is the matter.
            folder: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            fleet: set("BEAR_FLEET").map(PathBuf::from),
            home: set("HOME").map(PathBuf::from),
            state_home: set("XDG_STATE_HOME").map(PathBuf::from),
            user: set("USER").and_then(|user| user.into_string().ok()),
            desktop: display && !elsewhere,
        }
    }
}

fn set(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}
