//! `bear import`: makes a machine part of a fleet that somebody else made.

use bear_core::fleet::Instance;
use bear_core::fleet::model::ProviderKind;
use bear_core::plan::StepKind;
use bear_core::state::v1::{Machine, State};
use bear_engine::import::{self, Refusal};
use bear_engine::{Limits, Store, SystemClock};
use bear_executor::host_keys::HostKey;
use bear_hosts::FirstContactRule;
use clap::Args;
use serde_json::json;

use crate::args::{FleetOption, LockArgs, YesArgs};
use crate::confirm::{confirm, refuse_without_terminal};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::planning::Wanted;
use crate::runs;
use crate::similar::nearest;
use crate::world::World;

/// The arguments of `bear import`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// The instance of the fleet file that the machine is to be
    #[arg(value_name = "INSTANCE")]
    pub(crate) instance: String,
    /// The machine, such as `i-0123456789abcdef0`
    #[arg(value_name = "MACHINE")]
    pub(crate) machine: String,
    #[command(flatten)]
    pub(crate) fleet: FleetOption,
    /// The machine's public host key, `ssh-ed25519 AAAA…`; what its console shows if left out
    #[arg(long, value_name = "KEY")]
    pub(crate) host_key: Option<String>,
    #[command(flatten)]
    pub(crate) yes: YesArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

pub(crate) async fn run(args: ImportArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let wanted = Wanted::read(args.fleet.fleet.as_deref(), context)?;
    let instance = instance(&wanted, &args.instance)?;
    if let Some(Err(error)) = args.host_key.as_deref().map(str::parse::<HostKey>) {
        return Err(Fault::input(
            "bear::import::host_key",
            format!("`--host-key` is no public host key: {error}"),
        )
        .with_help("on the machine it is in /etc/ssh/ssh_host_ed25519_key.pub"));
    }
    refuse_without_terminal(args.yes, context)?;
    let mut store = runs::open(&wanted, &args.lock, context)?;
    refuse_known(store.state(), instance, &args.machine)?;
    let ground = wanted.ground(store.state());
    let world = World::new(&ground, FirstContactRule::Refuse, None, &context.environment)?;
    let question = format!(
        "Do you want to mark {} as `{}`, for the next apply to install its broker there?",
        args.machine, instance.name
    );
    if !confirm(&question, args.yes, context)? {
        return Ok(ExitStatus::Interrupted);
    }
    let key = match &args.host_key {
        Some(key) => key.clone(),
        None => key_on_console(&world, instance, &args.machine).await?,
    };
    // Before it is marked: no bear may ever connect to it without knowing its key.
    world.hosts.expect(&Machine::new(&args.machine, ""), &key).await?;
    let mark = async |token: &str| world.import(&instance.name, token, &args.machine, &instance.spec).await;
    let deadline = Limits::for_provider(instance.spec.provider).of(StepKind::Create).deadline;
    import::import(&mut store, &SystemClock, instance, deadline, mark).await??;
    if context.printer.json() {
        let document = json!({
            "version": 1, "fleet": wanted.name(), "instance": instance.name, "machine_id": args.machine,
        });
        context.printer.document(&document);
    }
    context.printer.note(format_args!(
        "{} is `{}` now; `bear plan {}` shows what is to be done on it",
        args.machine, instance.name, wanted.file.shown
    ));
    Ok(ExitStatus::Done)
}

/// The instance of the fleet file that is meant.
fn instance<'w>(wanted: &'w Wanted, name: &str) -> Result<&'w Instance, Fault> {
    let Some(instance) = wanted.instances.iter().find(|instance| instance.name.as_str() == name) else {
        let fault = Fault::input("bear::instance::unknown", format!("the fleet has no instance `{name}`"));
        let names = wanted.instances.iter().map(|instance| instance.name.as_str());
        return Err(match nearest(name, names) {
            Some(near) => fault.with_help(format!("did you mean `{near}`?")),
            None => fault.with_help("`bear plan` lists the instances"),
        });
    };
    if instance.spec.provider != ProviderKind::Aws {
        return Err(Fault::input(
            "bear::import::provider",
            format!(
                "`{name}` is of the provider `{}`, into which nothing is imported",
                instance.spec.provider.as_str()
            ),
        )
        .with_help("a host that exists becomes part of a fleet by its address in the fleet file"));
    }
    Ok(instance)
}

/// Refuses what would lose sight of a machine, or use one twice.
fn refuse_known(state: &State, instance: &Instance, machine: &str) -> Result<(), Fault> {
    match import::refusal(state, &instance.name, machine) {
        None => Ok(()),
        Some(Refusal::Deployed) => {
            Err(Fault::input("bear::import::deployed", format!("`{}` is deployed already", instance.name))
                .with_help("destroy it first, or forget it with `bear state rm`"))
        }
        Some(Refusal::Taken(name)) => {
            Err(Fault::input("bear::import::taken", format!("{machine} is the machine of `{name}` already"))
                .with_help("one machine carries one instance; `bear state list` shows which are deployed"))
        }
    }
}

/// The host key by which the machine is known from the first connection on.
async fn key_on_console(world: &World, instance: &Instance, machine: &str) -> Result<String, Fault> {
    let console = world.console(machine, &instance.spec).await?;
    let key = console.as_deref().and_then(host_key_on).map(str::to_owned);
    key.ok_or_else(|| {
        Fault::input("bear::import::host_key", format!("the console of {machine} does not show its host key"))
            .with_help(
                "give it with `--host-key`; on the machine it is in /etc/ssh/ssh_host_ed25519_key.pub, and \
                 `ssh-keyscan` from within its network shows it too",
            )
    })
}

/// The public host key that cloud-init wrote on a machine's console, if it did.
fn host_key_on(console: &str) -> Option<&str> {
    const BEGIN: &str = "-----BEGIN SSH HOST KEY KEYS-----";
    const END: &str = "-----END SSH HOST KEY KEYS-----";
    let (_, last) = console.rsplit_once(BEGIN)?;
    let (keys, _) = last.split_once(END)?;
    keys.lines().map(str::trim).find(|line| line.starts_with("ssh-ed25519 "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cloud-init 23 writes it, and a second boot once more.
    #[test]
    fn the_last_host_key_on_a_console_counts() {
        let keys = |key: &str| {
            format!(
                "[   21.7] cloud-init[586]: done\r\n-----BEGIN SSH HOST KEY KEYS-----\r\n\
                 ecdsa-sha2-nistp256 AAAAE2Vj root@ip-10-0-0-7\r\nssh-ed25519 {key} root@ip-10-0-0-7\r\n\
                 -----END SSH HOST KEY KEYS-----\r\n"
            )
        };
        let console = format!("{}Linux\n{}login: ", keys("AAAAold"), keys("AAAAnew"));
        assert_eq!(host_key_on(&console), Some("ssh-ed25519 AAAAnew root@ip-10-0-0-7"));
        assert_eq!(host_key_on("login: "), None);
        assert_eq!(host_key_on("-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA"), None);
    }
}
