//! `bear ssh`: a shell on one instance, or a command on one or on several.

mod many;

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use bear_core::unit::Seconds;
use clap::Args;

use self::many::Errand;
use super::{on_runtime, reach};
use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The arguments of `bear ssh`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
On one instance bear logs in and becomes `ssh`: the exit status is that of the command, 255 where the connection was \
lost, and 1 where there was none. With --all, --only or --json each line comes with the name of its instance, and the \
exit status is 1 if the command failed anywhere.

The command runs in the login shell there, its words joined by spaces: quote it to keep them together.")]
pub(crate) struct SshArgs {
    /// The instance
    #[arg(required_unless_present_any = ["all", "only"], conflicts_with_all = ["all", "only"])]
    instance: Option<String>,
    /// Run the command on every instance of the fleet
    #[arg(long, requires = "command", conflicts_with = "only")]
    all: bool,
    /// Run the command on this instance or group; may be given several times
    #[arg(long, value_name = "INSTANCE|GROUP", requires = "command")]
    only: Vec<String>,
    /// On how many instances the command runs at once
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..),
        conflicts_with = "instance"
    )]
    parallelism: u16,
    /// How long the command may take on each of several instances, such as `90s` or `5m`
    #[arg(long, value_name = "DURATION", default_value = "10m", conflicts_with = "instance")]
    timeout: Seconds,
    #[command(flatten)]
    fleet: FleetOption,
    /// The command; a shell if left out
    #[arg(last = true)]
    command: Vec<String>,
}

pub(crate) fn run(args: &SshArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let fleet = args.fleet.fleet.as_deref();
    let Some(instance) = &args.instance else {
        let deployed = Deployed::of_file(fleet, context)?;
        return on_several(&deployed, &deployed.only(&args.only)?, args, context);
    };
    let (deployed, name) = Deployed::of_instance(instance, fleet, context)?;
    let recorded = deployed.instance(&name).ok_or_else(|| reach::nothing(&deployed))?;
    if context.printer.json() {
        return on_several(&deployed, &[(&name, recorded)], args, context);
    }
    let mut ssh = command(&deployed, &name, recorded, context)?;
    // Comes back only with the reason why it can't go on as `ssh`.
    Err(no_client(&ssh.args(&args.command).exec()))
}

/// The command that logs in to an instance. It is not given the variables in which the fleet's secrets are.
pub(crate) fn command(
    deployed: &Deployed,
    name: &InstanceName,
    recorded: &Recorded,
    context: &Context,
) -> Result<Command, Fault> {
    refuse_here(name, recorded)?;
    let words = on_runtime(async {
        let hosts = reach::hosts(deployed, context)?;
        Ok(hosts.ssh_command(reach::place(name, recorded)).await?)
    })?;
    let (program, arguments) = words.split_first().expect("a command begins with its program");
    let mut ssh = Command::new(program);
    deployed.withheld().from(ssh.args(arguments));
    Ok(ssh)
}

/// Why there is no shell on an instance though it could be reached.
pub(crate) fn no_client(error: &io::Error) -> Fault {
    Fault::failed("bear::ssh::client", "could not start `ssh`")
        .caused_by(error)
        .with_help("install the OpenSSH client; Debian: openssh-client")
}

fn on_several(
    deployed: &Deployed,
    instances: &[(&InstanceName, &Recorded)],
    args: &SshArgs,
    context: &Context,
) -> Result<ExitStatus, Fault> {
    if args.command.is_empty() {
        let message = "a shell can't be printed as JSON";
        return Err(Fault::input("bear::arguments", message).with_help("give a command after `--`"));
    }
    if instances.is_empty() {
        return Err(reach::nothing(deployed));
    }
    instances.iter().try_for_each(|(name, recorded)| refuse_here(name, recorded))?;
    let errand = Errand {
        command: args.command.join(" "),
        parallelism: args.parallelism.into(),
        deadline: args.timeout.duration(),
    };
    on_runtime(async { many::run(&errand, instances, &reach::hosts(deployed, context)?, context).await })
}

/// Refuses an instance that is this machine.
fn refuse_here(name: &InstanceName, recorded: &Recorded) -> Result<(), Fault> {
    if !reach::is_here(recorded) {
        return Ok(());
    }
    let message = format!("`{name}` runs on this machine, so there is nothing to log in to");
    Err(Fault::input("bear::ssh::local", message)
        .with_help(format!("`bear logs {name}` shows what its broker says")))
}
