//! What is recorded about fleets: finding it by fleet file or by instance, without a lock.

use std::path::Path;

use bear_core::name::{FleetName, InstanceName};
use bear_core::state::State;
use bear_core::state::v1::Recorded;
use bear_engine::store::FleetFolder;
use bear_hosts::FirstContactRule;

use crate::context::{Context, Environment};
use crate::fault::Fault;
use crate::fleet_file::FleetFile;
use crate::planning;
use crate::project::Project;
use crate::similar::nearest;
use crate::withheld::Withheld;
use crate::world::{Ground, World};

/// How many names are listed at most where one was not found.
const LISTED_MAX: usize = 20;

/// A fleet, and where everything about it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) project: Project,
    pub(crate) fleet: FleetName,
    pub(crate) folder: FleetFolder,
}

impl Place {
    /// The fleet of a fleet file.
    ///
    /// A file that is gone, or wrong for the moment, does not keep anybody from looking at what was made from it.
    pub(crate) fn of_file(given: Option<&Path>, context: &Context) -> Result<Self, Fault> {
        let file = FleetFile::find(given, context)?;
        match file.read() {
            Ok(read) => Ok(Self::of(&file.project, read.parsed.fleet.name)),
            Err(fault) => {
                let place = applied_from(&file).ok_or(fault)?;
                context.printer.warn(format_args!(
                    "`{}` can't be read, `bear validate` says why; this is what was made from it",
                    file.shown
                ));
                Ok(place)
            }
        }
    }

    /// The fleet of that name in a project.
    fn of(project: &Project, fleet: FleetName) -> Self {
        Self { project: project.clone(), folder: project.folder_of(&fleet), fleet }
    }

    /// Reads what is recorded, without a lock.
    pub(crate) fn load(self) -> Result<Deployed, Fault> {
        let state = self.folder.load()?.map(|loaded| loaded.state);
        Ok(Deployed { project: self.project, fleet: self.fleet, folder: self.folder, state })
    }
}

/// A fleet and what is recorded about it.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) project: Project,
    pub(crate) fleet: FleetName,
    pub(crate) folder: FleetFolder,
    /// None if the fleet was never applied.
    pub(crate) state: Option<State>,
}

impl Deployed {
    /// What is recorded about the fleet of a fleet file.
    pub(crate) fn of_file(given: Option<&Path>, context: &Context) -> Result<Self, Fault> {
        Place::of_file(given, context)?.load()
    }

    /// What is recorded about the fleet that an instance belongs to: that of the fleet file, if one is given, or
    /// any fleet of the project.
    pub(crate) fn of_instance(
        instance: &str,
        given: Option<&Path>,
        context: &Context,
    ) -> Result<(Self, InstanceName), Fault> {
        let places = if given.is_some() || context.environment.fleet.is_some() {
            vec![Place::of_file(given, context)?]
        } else {
            let project = Project::around(&context.environment.folder);
            project.fleets().into_iter().map(|fleet| Place::of(&project, fleet)).collect()
        };
        // The state of another fleet may be damaged; that is no reason to say nothing about this one.
        let (fleets, unreadable) = places.into_iter().map(Place::load).partition::<Vec<_>, _>(Result::is_ok);
        let name = InstanceName::new(instance);
        let has_it = |fleet: &Self| name.as_ref().is_ok_and(|name| fleet.instance(name).is_some());
        let (mut found, others) = fleets.into_iter().flatten().partition::<Vec<_>, _>(has_it);
        match (found.pop(), name, unreadable.into_iter().find_map(Result::err)) {
            (Some(fleet), Ok(name), _) if found.is_empty() => Ok((fleet, name)),
            (Some(fleet), ..) => Err(ambiguous(instance, &fleet, &found)),
            (None, _, Some(fault)) => Err(fault),
            (None, _, None) => Err(unknown(instance, others.iter().flat_map(Self::names))),
        }
    }

    /// The world of the fleet; none if it was never applied. A host that was never met is refused.
    pub(crate) fn world(&self, environment: &Environment) -> Result<Option<World>, Fault> {
        let Some(state) = &self.state else { return Ok(None) };
        let ground = Ground::recorded(&self.fleet, &self.folder, self.project.root(), state);
        World::new(&ground, FirstContactRule::Refuse, None, environment).map(Some)
    }

    /// The variables that no program is given.
    pub(crate) fn withheld(&self) -> Withheld {
        Withheld::of(self.instances().map(|(_, recorded)| &recorded.spec))
    }

    /// What is recorded about one instance.
    pub(crate) fn instance(&self, name: &InstanceName) -> Option<&Recorded> {
        self.state.as_ref()?.instances.get(name)
    }

    /// Every instance and what is recorded about it, sorted by name.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&InstanceName, &Recorded)> {
        self.state.iter().flat_map(|state| &state.instances)
    }

    /// The instances that `only` names, or whose groups it names; all where it names none.
    pub(crate) fn only(&self, only: &[String]) -> Result<Vec<(&InstanceName, &Recorded)>, Fault> {
        planning::check_names(&[], self.state.as_ref(), only)?;
        let named = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
        let instances = self.instances();
        Ok(instances
            .filter(|(name, recorded)| named(name.as_str()) || named(recorded.group.as_str()))
            .collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.instances().map(|(name, _)| name.as_str())
    }
}

/// The fleet that was last applied from a fleet file, whatever the file says now.
fn applied_from(file: &FleetFile) -> Option<Place> {
    let name = file.project.name_of(&file.path);
    let mut places = file.project.fleets().into_iter().map(|fleet| Place::of(&file.project, fleet));
    places.find(|place| matches!(place.folder.load(), Ok(Some(loaded)) if loaded.state.file == name))
}

fn unknown<'a>(instance: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let known = known.collect::<Vec<_>>();
    let fault = Fault::input("bear::instance::unknown", format!("there is no instance `{instance}`"));
    if known.is_empty() {
        return fault.with_help("nothing is deployed; `bear apply` deploys a fleet");
    }
    let listed = known.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = match known.len().saturating_sub(LISTED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    fault.with_help(match nearest(instance, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? instances: {listed}{more}"),
        None => format!("instances: {listed}{more}"),
    })
}

fn ambiguous(instance: &str, fleet: &Deployed, others: &[Deployed]) -> Fault {
    let fleets =
        others.iter().chain([fleet]).map(|deployed| format!("`{}`", deployed.fleet)).collect::<Vec<_>>();
    Fault::input(
        "bear::instance::ambiguous",
        format!("the fleets {} each have an instance `{instance}`", fleets.join(" and ")),
    )
    .with_help("say which fleet is meant: `--fleet FLEET`")
}
