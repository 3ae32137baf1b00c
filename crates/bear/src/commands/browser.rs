//! `bear __browser`: opens a page in the browser. Bear starts it, people don't.
//!
//! A process of its own, because a browser is given the environment of whoever starts it.

use std::env;
use std::process::{Command, Stdio};

use clap::Parser;

use crate::exit::ExitStatus;
use crate::withheld::Withheld;

/// The word that asks for it. It is no command: people neither need it nor see it.
pub(crate) const WORD: &str = "__browser";

/// Open a page in the browser
#[derive(Clone, Debug, Parser)]
#[command(name = "bear __browser")]
pub(crate) struct BrowserArgs {
    /// The page
    url: String,
}

/// Opens the page, and says by its status whether a browser could be started.
pub(crate) fn run(args: &BrowserArgs) -> ExitStatus {
    if webbrowser::open(&args.url).is_ok() { ExitStatus::Done } else { ExitStatus::Failed }
}

/// Opens a page in a browser that is given nothing of what is withheld; whether one could be started.
pub(super) fn open(url: &str, withheld: &Withheld) -> bool {
    let Ok(bear) = env::current_exe() else { return false };
    let mut command = Command::new(bear);
    command.arg(WORD).arg(url).stdout(Stdio::null());
    withheld.from(&mut command);
    command.status().is_ok_and(|status| status.success())
}
