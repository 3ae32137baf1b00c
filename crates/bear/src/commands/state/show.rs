//! `bear state show`: everything that is recorded about an instance, or about the fleet.

use bear_core::name::InstanceName;
use bear_core::state::State;
use bear_core::state::v1::{Phase, Recorded};
use serde_json::json;

use super::ShowArgs;
use crate::context::Context;
use crate::deployed::Deployed;
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::render::words::count;

pub(super) fn run(args: &ShowArgs, context: &Context) -> Result<ExitStatus, Fault> {
    let given = args.fleet.fleet.as_deref();
    if let Some(instance) = &args.instance {
        let (deployed, name) = Deployed::of_instance(instance, given, context)?;
        if let Some(recorded) = deployed.instance(&name) {
            show_instance(&name, recorded, context);
        }
        return Ok(ExitStatus::Done);
    }
    let deployed = Deployed::of_file(given, context)?;
    match &deployed.state {
        Some(state) => show_fleet(state, context),
        None => context.printer.note(format_args!("nothing of fleet `{}` is recorded", deployed.fleet)),
    }
    Ok(ExitStatus::Done)
}

fn show_fleet(state: &State, context: &Context) {
    if context.printer.json() {
        return context.printer.document(state);
    }
    context.printer.data(&state.fleet);
    let fields = [
        ("file", state.file.clone()),
        ("lineage", state.lineage.clone()),
        ("serial", state.serial.to_string()),
        ("generation", state.generation.to_string()),
        ("instances", phases(state)),
    ];
    show(&fields, context);
}

/// How many instances there are in each phase: `5 (3 verified, 2 created)`.
fn phases(state: &State) -> String {
    let all = [Phase::Verified, Phase::Installed, Phase::Created, Phase::Creating, Phase::Destroying];
    let counted = all.map(|phase| (phase, state.instances.values().filter(|it| it.phase == phase).count()));
    let counted = counted.into_iter().filter(|&(_, number)| number > 0);
    let counted = counted.map(|(phase, number)| format!("{number} {phase}")).collect::<Vec<_>>();
    match counted.as_slice() {
        [] => "none".to_owned(),
        _ => format!("{} ({})", state.instances.len(), counted.join(", ")),
    }
}

fn show_instance(name: &InstanceName, recorded: &Recorded, context: &Context) {
    if context.printer.json() {
        return context.printer.document(&json!({ "version": 1, "name": name, "recorded": recorded }));
    }
    context.printer.data(name);
    let mut fields = vec![
        ("group", recorded.group.to_string()),
        ("provider", recorded.spec.provider.as_str().to_owned()),
        ("phase", format!("{} since {}", recorded.phase, recorded.since.strftime("%Y-%m-%d %H:%M:%SZ"))),
    ];
    if let Some(unfinished) = &recorded.unfinished {
        let why = unfinished.error.as_deref().unwrap_or("it was interrupted");
        fields.push(("unfinished", format!("{}: {why}", unfinished.step)));
    }
    if let Some(machine) = &recorded.machine {
        fields.push(("machine", machine.id.clone()));
        fields.push(("address", machine.address.clone()));
    }
    let broker = recorded.spec.broker.as_str();
    if let Some(installed) = &recorded.installed {
        let ports = installed.ports.iter().map(|(listener, port)| format!("{listener} {port}"));
        fields.push(("broker", format!("{broker} {}", installed.version)));
        fields.push(("ports", ports.collect::<Vec<_>>().join(", ")));
        fields.extend(installed.process.map(|process| ("process", process.pid.to_string())));
    } else {
        fields.push(("broker", broker.to_owned()));
    }
    if let Some(checks) = recorded.checks {
        fields.push(("proven", format!("{} passed", count(checks as usize, "check"))));
    }
    fields.push(("generation", recorded.generation.to_string()));
    fields.push(("token", recorded.token.clone()));
    show(&fields, context);
}

fn show(fields: &[(&str, String)], context: &Context) {
    for (name, value) in fields {
        context.printer.data(format_args!("  {name:<10}  {value}"));
    }
}
