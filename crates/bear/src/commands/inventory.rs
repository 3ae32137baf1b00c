//! `bear inventory`: the instances that are installed, for other programs.

mod ansible;
mod prometheus;
mod ssh_config;

use std::net::Ipv6Addr;

use bear_core::name::InstanceName;
use bear_core::state::v1::{Installed, Machine, Recorded};
use clap::{Args, ValueEnum};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::reach;
use crate::args::{FleetArgs, OnlyArgs};
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// How many hosts are looked up in the ssh configuration at once; each takes a process for a moment.
const AT_ONCE: usize = 16;

/// The arguments of `bear inventory`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InventoryArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    only: OnlyArgs,
    /// How to list them
    #[arg(long, value_enum, default_value_t = Format::Ips)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The address of each, one a line
    Ips,
    /// Everything that is recorded about how to reach each
    Json,
    /// An inventory in YAML, for `ansible -i FILE`
    Ansible,
    /// Blocks of `ssh_config`, to be included in your own, or for `ssh -F FILE INSTANCE`
    SshConfig,
    /// What `file_sd_configs` of Prometheus reads: the brokers that have metrics
    Prometheus,
}

/// One instance with a broker installed.
struct Item<'a> {
    name: &'a InstanceName,
    recorded: &'a Recorded,
    machine: &'a Machine,
    installed: &'a Installed,
}

/// An instance, and how to log in to it: keywords and values of `ssh_config`. None for one that is this machine.
struct Login<'a> {
    item: Item<'a>,
    settings: Option<Vec<(&'static str, String)>>,
}

pub(crate) async fn run(args: InventoryArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let deployed = Deployed::of_file(args.fleet.fleet.as_deref(), context)?;
    let items = deployed.only(&args.only.only)?.into_iter().filter_map(|(name, recorded)| {
        let (machine, installed) = (recorded.machine.as_ref()?, recorded.installed.as_ref()?);
        Some(Item { name, recorded, machine, installed })
    });
    let items = items.collect::<Vec<_>>();
    let printer = &context.printer;
    match args.format {
        Format::Json => printer.document(&document(&deployed, &items)),
        _ if printer.json() => printer.document(&document(&deployed, &items)),
        Format::Ips => items.iter().for_each(|item| printer.data(&item.machine.address)),
        Format::Ansible => {
            let logins = logins(items, &deployed, context).await?;
            printer.data(ansible::inventory(&deployed.fleet, &logins));
        }
        Format::SshConfig => {
            let logins = logins(items, &deployed, context).await?;
            ssh_config::show(&deployed.fleet, &logins, printer);
        }
        Format::Prometheus => prometheus::show(&deployed.fleet, &items, printer),
    }
    Ok(ExitStatus::Done)
}

fn document(deployed: &Deployed, items: &[Item<'_>]) -> Value {
    json!({
        "version": 1,
        "fleet": deployed.fleet,
        "instances": items.iter().map(Item::document).collect::<Vec<_>>(),
    })
}

impl Item<'_> {
    /// The instance as programs read it.
    fn document(&self) -> Value {
        json!({
            "name": self.name,
            "group": self.recorded.group,
            "provider": self.recorded.spec.provider,
            "machine_id": self.machine.id,
            "address": self.machine.address,
            "ports": self.installed.ports,
            "broker": self.recorded.spec.broker.as_str(),
            "broker_version": self.installed.version,
        })
    }
}

/// How to log in to each, in their order.
async fn logins<'a>(
    items: Vec<Item<'a>>,
    deployed: &Deployed,
    context: &Context,
) -> Result<Vec<Login<'a>>, Fault> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let hosts = &reach::hosts(deployed, context)?;
    let logins = items.into_iter().map(|item| async move {
        if reach::is_here(item.recorded) {
            return Ok(Login { item, settings: None });
        }
        let settings = hosts.ssh_options(reach::place(item.name, item.recorded)).await?;
        Ok(Login { item, settings: Some(settings) })
    });
    stream::iter(logins).buffered(AT_ONCE).try_collect().await
}

/// An address and a port, as a URL has them.
pub(super) fn authority(address: &str, port: u16) -> String {
    match address.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]:{port}"),
        Err(_) => format!("{address}:{port}"),
    }
}
