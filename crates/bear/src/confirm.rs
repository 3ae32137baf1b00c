//! Asking before something is changed that can't be changed back.

use std::io::{self, IsTerminal};

use bear_core::diff::Toll;
use bear_core::name::FleetName;
use bear_ui::Question;

use crate::args::{TollArgs, YesArgs};
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

/// Asks before a plan that ends more than `limit` percent of a fleet's machines: then for the fleet's name, which
/// nobody types by mistake. Whoever can't be asked must have said how much may go.
pub(crate) fn confirm_toll(
    fleet: &FleetName,
    toll: Toll,
    question: &str,
    args: (YesArgs, TollArgs),
    context: &Context,
) -> Result<bool, Fault> {
    let (yes, TollArgs { max_destroy }) = args;
    if !toll.exceeds(max_destroy) {
        return confirm(question, yes, context);
    }
    let Toll { ended, all } = toll;
    if yes.yes || !can_ask(context) {
        let message = format!(
            "the plan ends {ended} of {all} machines of the fleet `{fleet}`, more than {max_destroy} %"
        );
        let needed = (ended * 100).div_ceil(all.max(1)).min(100);
        return Err(Fault::input("bear::confirm::toll", message)
            .with_help(format!("if that is meant, say so with `--max-destroy {needed}%`")));
    }
    let question = format!("{question} It ends {ended} of {all} machines. Type the name of the fleet:");
    let answer = if let Some(screen) = context.printer.screen() {
        screen.ask(Question::Typed { text: question, wanted: fleet.to_string() })
    } else {
        context.printer.ask(question);
        read_line()
    };
    let typed = answer.is_some_and(|answer| answer.trim() == fleet.as_str());
    if !typed {
        context.printer.note("that is not its name; nothing was changed");
    }
    Ok(typed)
}

/// Asks a question on the terminal; whether there is one, [`can_ask`] tells.
pub(crate) fn ask(question: &str, context: &Context) -> bool {
    let answer = if let Some(screen) = context.printer.screen() {
        screen.ask(Question::YesNo(question.to_owned()))
    } else {
        context.printer.ask(format_args!("{question} [y/N]"));
        read_line()
    };
    answer.is_some_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What was typed. What can't be read is no answer; the end of the input is an empty one.
fn read_line() -> Option<String> {
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok()?;
    Some(answer)
}

/// Whether there is somebody to ask. A question that nobody sees is never answered.
pub(crate) fn can_ask(context: &Context) -> bool {
    if context.printer.screen().is_some() {
        return true;
    }
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
