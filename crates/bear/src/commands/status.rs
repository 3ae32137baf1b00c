//! `bear status`: what is deployed, and how it is doing right now.

use bear_core::health::{Health, Pulse};
use bear_core::name::InstanceName;
use bear_core::state::v1::Recorded;
use clap::Args;
use serde_json::{Value, json};

use crate::args::{FleetArgs, OnlyArgs};
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::health;
use crate::render::look::Tone;
use crate::render::table::{Cell, Table};

/// The arguments of `bear status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    only: OnlyArgs,
}

pub(crate) async fn run(args: StatusArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let deployed = Deployed::of_file(args.fleet.fleet.as_deref(), context)?;
    let instances = deployed.only(&args.only.only)?;
    let pulses = health::of(&deployed, &instances, context).await;
    let row = |((name, recorded), Pulse { health, .. })| Row { name, recorded, health };
    let rows = instances.into_iter().zip(pulses).map(row);
    let rows = rows.collect::<Vec<_>>();
    if context.printer.json() {
        context.printer.document(&json!({
            "version": 1,
            "fleet": deployed.fleet,
            "instances": rows.iter().map(Row::document).collect::<Vec<_>>(),
        }));
    } else if rows.is_empty() {
        context.printer.note(format_args!("nothing of fleet `{}` is deployed", deployed.fleet));
    } else {
        context.printer.data(table(&rows).render(context.printer.stdout_look()));
        for Row { name, health, .. } in rows {
            if let Some(why) = health.why() {
                context.printer.note(format_args!("{name}: {why}"));
            }
        }
    }
    Ok(ExitStatus::Done)
}

/// One instance and how it is doing.
struct Row<'a> {
    name: &'a InstanceName,
    recorded: &'a Recorded,
    health: Health,
}

impl Row<'_> {
    fn document(&self) -> Value {
        let Self { name, recorded, health } = self;
        let mut document = json!({
            "name": name,
            "group": recorded.group,
            "provider": recorded.spec.provider,
            "address": recorded.machine.as_ref().map(|machine| &machine.address),
            "ports": recorded.installed.as_ref().map(|installed| installed.ports),
            "broker": recorded.spec.broker.as_str(),
            "broker_version": recorded.installed.as_ref().map(|installed| &installed.version),
            "health": health.as_str(),
            "since": recorded.since,
        });
        if let Some(why) = health.why() {
            document["detail"] = why.into();
        }
        document
    }

    fn cells(&self) -> [Cell; 8] {
        let Self { name, recorded, health } = self;
        let ports = recorded.installed.iter().flat_map(|installed| installed.ports.iter());
        let ports = ports.map(|(listener, port)| format!("{listener} {port}")).collect::<Vec<_>>();
        let broker = recorded.spec.broker.as_str();
        let tone = match health {
            Health::Healthy => Tone::Good,
            Health::Unverified { .. } => Tone::Warn,
            Health::Unhealthy { .. } | Health::Unreachable { .. } => Tone::Bad,
        };
        [
            name.as_str().into(),
            recorded.group.as_str().into(),
            recorded.spec.provider.as_str().into(),
            Cell::new(recorded.machine.as_ref().map_or("", |machine| &machine.address), Tone::Hint),
            ports.join(", ").into(),
            match &recorded.installed {
                Some(installed) => format!("{broker} {}", installed.version).into(),
                None => broker.into(),
            },
            Cell::new(health.as_str(), tone),
            recorded.since.strftime("%Y-%m-%d %H:%M:%SZ").to_string().into(),
        ]
    }
}

fn table(rows: &[Row<'_>]) -> Table {
    let titles = ["instance", "group", "provider", "address", "ports", "broker", "health", "since"];
    let mut table = Table::new(titles);
    for row in rows {
        table.row(row.cells());
    }
    table
}
