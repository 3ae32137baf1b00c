//! Snapshots: what fleets there are, and what is known of one, for the manager.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bear_core::name::{GroupName, InstanceName};
use bear_core::state::v1::{Recorded, State};
use bear_ui::{Fleet, Group, Instance, Members, Snapshot};

use crate::context::Context;
use crate::deployed::Deployed;
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::planning::Wanted;
use crate::project::{Project, fleet_files};

/// What there is. `file` is the fleet file that is shown; without one the choice is as for every command.
pub(super) fn take(file: Option<&str>, context: &Context) -> Snapshot {
    let here = &context.environment.folder;
    let project = Project::around(here);
    let files = fleet_files(&project.root().join("fleets"));
    let files = files.iter().map(|path| FleetFile::at(here, path).shown).collect::<Vec<_>>();
    let chosen = match FleetFile::find(file.map(str::as_ref), context) {
        Ok(chosen) => chosen,
        // It is not said which one is meant: the manager asks.
        Err(_) if file.is_none() && context.environment.fleet.is_none() => {
            return Snapshot { files, ..Snapshot::default() };
        }
        Err(fault) => return Snapshot { files, failure: Some(fault.failure()), fleet: None },
    };
    match fleet(&chosen, context) {
        Ok(fleet) => Snapshot { files, fleet: Some(fleet), failure: None },
        // What was made can be looked at, whatever the file says for the moment.
        Err(fault) => {
            Snapshot { files, fleet: recorded_alone(&chosen, context), failure: Some(fault.failure()) }
        }
    }
}

fn fleet(file: &FleetFile, context: &Context) -> Result<Fleet, Fault> {
    let wanted = Wanted::read(Some(&file.path), context)?;
    let state = wanted.load()?;
    let model = &wanted.read.parsed.fleet;
    let mut groups = model
        .groups
        .iter()
        .map(|(name, group)| Group {
            name: name.clone(),
            members: group.count.map_or(Members::Named, Members::Count),
        })
        .collect::<Vec<_>>();
    let mut surplus = surplus(&wanted, state.as_ref());
    let mut instances = Vec::with_capacity(wanted.instances.len());
    let mut listed = wanted.instances.iter().peekable();
    for group in &groups {
        while let Some(instance) = listed.next_if(|instance| instance.group == group.name) {
            let recorded = state.as_ref().and_then(|state| state.instances.get(&instance.name));
            instances.push(Instance {
                name: instance.name.clone(),
                group: instance.group.clone(),
                spec: Arc::clone(&instance.spec),
                wanted: true,
                recorded: recorded.cloned().map(Box::new),
            });
        }
        instances.extend(surplus.remove(&group.name).into_iter().flatten());
    }
    let mut gone = surplus.into_iter().collect::<Vec<_>>();
    gone.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    for (name, of_group) in gone {
        groups.push(Group { name, members: Members::Gone });
        instances.extend(of_group);
    }
    let file = file.shown.clone();
    Ok(Fleet { file, name: model.name.clone(), provider: model.provider.kind(), groups, instances })
}

/// What is recorded and not wanted any more, by group.
fn surplus(wanted: &Wanted, state: Option<&State>) -> HashMap<GroupName, Vec<Instance>> {
    let kept = wanted.instances.iter().map(|instance| &instance.name).collect::<HashSet<_>>();
    let mut surplus = HashMap::<GroupName, Vec<Instance>>::new();
    for (name, recorded) in state.iter().flat_map(|state| &state.instances) {
        if !kept.contains(name) {
            let of_group = surplus.entry(recorded.group.clone()).or_default();
            of_group.push(as_recorded(name, recorded, false));
        }
    }
    surplus
}

fn as_recorded(name: &InstanceName, recorded: &Recorded, wanted: bool) -> Instance {
    Instance {
        name: name.clone(),
        group: recorded.group.clone(),
        spec: Arc::new(recorded.spec.clone()),
        wanted,
        recorded: Some(Box::new(recorded.clone())),
    }
}

/// What is recorded of a fleet whose file can't be read.
fn recorded_alone(file: &FleetFile, context: &Context) -> Option<Fleet> {
    let deployed = Deployed::of_file(Some(&file.path), context).ok()?;
    let mut instances =
        deployed.instances().map(|(name, recorded)| as_recorded(name, recorded, true)).collect::<Vec<_>>();
    let provider = instances.first()?.spec.provider;
    instances.sort_by(|one, other| one.group.as_str().cmp(other.group.as_str()));
    let mut groups = instances
        .iter()
        .map(|instance| Group { name: instance.group.clone(), members: Members::Gone })
        .collect::<Vec<_>>();
    groups.dedup();
    Some(Fleet { file: file.shown.clone(), name: deployed.fleet, provider, groups, instances })
}
