//! `bear open`: the dashboard of an instance in the browser.

use std::net::Ipv6Addr;

use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use clap::Args;
use serde_json::json;

use crate::args::FleetOption;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;

/// The arguments of `bear open`.
#[derive(Clone, Debug, Args)]
pub(crate) struct OpenArgs {
    /// The instance
    instance: String,
    #[command(flatten)]
    fleet: FleetOption,
}

pub(crate) fn run(args: &OpenArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let (deployed, name) = Deployed::of_instance(&args.instance, args.fleet.fleet.as_deref(), context)?;
    let address = deployed.instance(&name).and_then(dashboard).ok_or_else(|| no_dashboard(&name))?;
    if context.printer.json() {
        context.printer.document(&json!({ "version": 1, "instance": name, "url": address }));
    } else {
        context.printer.data(&address);
    }
    if context.environment.desktop && webbrowser::open(&address).is_err() {
        context.printer.warn("no browser could be started; open the address yourself");
    }
    Ok(ExitStatus::Done)
}

/// The address of the dashboard, for a browser.
fn dashboard(recorded: &Recorded) -> Option<String> {
    let address = &recorded.machine.as_ref()?.address;
    let port = recorded.installed.as_ref()?.ports.dashboard?;
    Some(match address.parse::<Ipv6Addr>() {
        Ok(address) => format!("http://[{address}]:{port}/"),
        Err(_) => format!("http://{address}:{port}/"),
    })
}

fn no_dashboard(name: &InstanceName) -> Fault {
    Fault::input("bear::open::no_dashboard", format!("`{name}` has no dashboard yet"))
        .with_help("`bear apply` finishes what is not installed")
}
