//! `bear completions`: what a shell needs to complete the commands of bear.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::ExitStatus;

/// The arguments of `bear completions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to print them for
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, context: &Context) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bear", &mut script);
    context.printer.bytes(&script);
    ExitStatus::Done
}
