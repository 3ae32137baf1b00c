//! Asking before something is changed that can't be changed back.

use std::io::{self, IsTerminal};

use crate::args::YesArgs;
use crate::context::Context;
use crate::fault::Fault;

/// Asks `question`, such as "Do you want to destroy 3 instances?". Whoever can't be asked must have said `--yes`.
pub(crate) fn confirm(question: &str, args: YesArgs, context: &Context) -> Result<bool, Fault> {
    if args.yes {
        return Ok(true);
    }
    refuse_without_terminal(args, context)?;
    let yes = ask(question, context);
    if !yes {
        context.printer.note("nothing was changed");
    }
    Ok(yes)
}

/// Asks a question on the terminal; whether there is one, [`can_ask`] tells.
pub(crate) fn ask(question: &str, context: &Context) -> bool {
    context.printer.ask(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    // What can't be read is not a yes; neither is the end of the input.
    let read = io::stdin().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Whether there is somebody to ask. A question that nobody sees is never answered.
pub(crate) fn can_ask(context: &Context) -> bool {
    !context.printer.json() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Refuses to go on where nobody can be asked and nobody said `--yes`; before anything else is tried.
pub(crate) fn refuse_without_terminal(args: YesArgs, context: &Context) -> Result<(), Fault> {
    if args.yes || can_ask(context) {
        return Ok(());
    }
    Err(Fault::input("bear::confirm::nobody", "there is no terminal to ask for a confirmation on")
        .with_help("add `--yes` to go ahead without being asked"))
}
