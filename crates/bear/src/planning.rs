//! Planning: from a fleet file and a state to the plan between them. What `plan`, `apply`, `destroy` and `graph` share.

use std::collections::HashSet;

use bear_core::diff::{self, Action, Change, Goal};
use bear_core::draft::{Draft, Planned};
use bear_core::event::StepError;
use bear_core::fleet::model::{Provider, ProviderKind};
use bear_core::fleet::{Foundation, Instance};
use bear_core::name::{FleetName, InstanceName};
use bear_core::observed::{Observed, Stray};
use bear_core::plan::PlanFault;
use bear_core::problem::{Problem, Problems};
use bear_core::state::v1::State;
use bear_engine::store::FleetFolder;
use bear_engine::{Clock, SystemClock};
use bear_hosts::FirstContactRule;
use bear_provider::Known;

use crate::context::{Context, Environment};
use crate::exit::ExitStatus;
use crate::fault::Fault;
use crate::fleet_file::{FleetFile, ReadFile};
use crate::in_place;
use crate::similar::nearest;
use crate::withheld::Withheld;
use crate::world::{self, Ground, World};

/// A fleet file that was read, with everything that follows from it alone.
pub(crate) struct Wanted {
    pub(crate) file: FleetFile,
    pub(crate) read: ReadFile,
    /// Its instances, in the order of the file.
    pub(crate) instances: Vec<Instance>,
    /// What they share at their provider.
    pub(crate) foundation: Option<Foundation>,
    /// Where everything about the fleet is recorded.
    pub(crate) folder: FleetFolder,
}

impl Wanted {
    /// Finds and reads a fleet file, and says what it warns of.
    pub(crate) fn read(given: Option<&std::path::Path>, context: &Context) -> Result<Self, Fault> {
        let file = FleetFile::find(given, context)?;
        let read = file.read()?;
        for warning in &read.parsed.warnings {
            context.printer.problem(warning);
        }
        let instances = read.parsed.fleet.instances().map_err(|error| {
            Fault::input("bear::fleet::name", format!("an instance of `{}` has no name", file.shown))
                .caused_by(&error)
        })?;
        let folder = file.project.folder_of(&read.parsed.fleet.name);
        let foundation = read.parsed.fleet.foundation();
        Ok(Self { file, read, instances, foundation, folder })
    }

    /// The name of the fleet.
    pub(crate) fn name(&self) -> &FleetName {
        &self.read.parsed.fleet.name
    }

    /// The fleet file as a state names it.
    pub(crate) fn file_name(&self) -> String {
        self.file.project.name_of(&self.file.path)
    }

    /// What the fleet file wants, with other machines for the instances of `replace`.
    pub(crate) fn goal<'a>(&'a self, replace: &'a [InstanceName]) -> Goal<'a> {
        Goal { instances: &self.instances, foundation: self.foundation.as_ref(), replace }
    }

    /// The instances that these names of instances and groups mean.
    pub(crate) fn named(&self, names: &[String]) -> Result<Vec<InstanceName>, Fault> {
        check_names(&self.instances, None, names)?;
        let is_meant = |instance: &&Instance| {
            names.iter().any(|name| *name == instance.name.as_str() || *name == instance.group.as_str())
        };
        Ok(self.instances.iter().filter(is_meant).map(|instance| instance.name.clone()).collect())
    }

    /// What is recorded about the fleet; none if it was never applied.
    pub(crate) fn load(&self) -> Result<Option<State>, Fault> {
        let state = self.folder.load()?.map(|loaded| loaded.state);
        state.iter().try_for_each(|state| self.file.refuse_second(state))?;
        Ok(state)
    }

    /// What the world of the fleet is made from: what is recorded, and what the file wants.
    pub(crate) fn ground<'a>(&'a self, state: &'a State) -> Ground<'a> {
        let mut ground = Ground::recorded(self.name(), &self.folder, self.file.project.root(), state);
        let wanted = self.instances.iter().map(|instance| &*instance.spec);
        ground.withheld = ground.withheld.and(Withheld::of(wanted));
        ground.foundations.extend(self.foundation.iter().map(|it| (it.region.clone(), it.clone())));
        if let Provider::Aws(aws) = &self.read.parsed.fleet.provider {
            ground.identity.clone_from(&aws.identity);
        }
        ground
    }

    /// Refuses ports of this machine that the file asks for and another program holds.
    pub(crate) fn check_ports(&self, environment: &Environment) -> Result<(), Fault> {
        let fleet = &self.read.parsed.fleet;
        if fleet.provider.kind() != ProviderKind::Local {
            return Ok(());
        }
        let local = world::local(&self.folder, environment)?.reserving(world::ports_of(fleet));
        let taken = local.preflight(&self.instances)?;
        let problems = taken.into_iter().map(|taken| {
            let span = self.span_of_port(&taken.instance, taken.listener);
            Problem {
                code: "bear::fleet::port_taken",
                message: format!("port {} is taken: {}", taken.port, taken.why),
                span,
                label: format!("the {} listener of `{}`", taken.listener, taken.instance),
                help: Some(
                    "choose another port, or stop that program; without a port bear finds a free one".into(),
                ),
                warning: false,
                file: self.read.parsed.source.clone(),
            }
        });
        let problems = problems.collect::<Vec<_>>();
        if problems.is_empty() { Ok(()) } else { Err(Problems::new(problems).into()) }
    }

    fn span_of_port(&self, name: &InstanceName, listener: &str) -> Option<miette::SourceSpan> {
        let instance = self.instances.iter().find(|instance| instance.name == *name)?;
        let group = &instance.group;
        let member = name.as_str().strip_prefix(&format!("{}-{group}-", self.name()))?;
        let spans = &self.read.parsed;
        spans
            .span_of(&format!("groups.{group}.members.{member}.ports.{listener}"))
            .or_else(|| spans.span_of(&format!("groups.{group}.ports.{listener}")))
    }
}

/// Looks at the machines of the instances that the state knows.
pub(crate) async fn observe(world: &World, state: &State, context: &Context) -> Result<Observed, Fault> {
    let known = state.instances.iter().map(|(instance, recorded)| Known { instance, recorded });
    let known = known.collect::<Vec<_>>();
    let foundations = state.foundations.values().map(|recorded| &recorded.foundation).collect::<Vec<_>>();
    let observed = world.provider().observe(&known, &foundations).await.map_err(|error: StepError| {
        let offline = "`bear plan --offline` plans from what is recorded";
        let help =
            error.help.as_ref().map_or_else(|| offline.to_owned(), |help| format!("{help}; {offline}"));
        Fault::failed("bear::observe", "could not look at the machines of the fleet")
            .caused_by(&error)
            .with_help(help)
    })?;
    for Stray { id, instance, why } in &observed.strays {
        let name = instance.as_ref().map_or("INSTANCE", |name| name.as_str());
        context.printer.warn(format_args!(
            "{id} is a stray: {why}; make it part of the fleet with `bear import {name} {id}`, or terminate it"
        ));
    }
    Ok(observed)
}

/// Looks at what is deployed, unless `offline` says not to or nothing is.
pub(crate) async fn observe_deployed(
    wanted: &Wanted,
    state: Option<&State>,
    offline: bool,
    context: &Context,
) -> Result<Observed, Fault> {
    let Some(state) = state.filter(|state| !state.is_empty()) else {
        return Ok(Observed::new());
    };
    if offline {
        context.printer.note("nothing was observed: the plan follows from what is recorded alone");
        return Ok(Observed::new());
    }
    let world = World::new(&wanted.ground(state), FirstContactRule::Refuse, None, &context.environment)?;
    observe(&world, state, context).await
}

/// Plans what leads from the state to a goal, for the instances and groups that `only` names, or for all.
pub(crate) fn make(
    wanted: &Wanted,
    goal: &Goal<'_>,
    state: Option<&State>,
    observed: &Observed,
    only: &[String],
) -> Result<Planned, Fault> {
    check_names(goal.instances, state, only)?;
    let mut draft = Draft::new(goal, state, observed, only, SystemClock.now());
    refuse_protected(&draft.changes.list, wanted)?;
    refuse_to_move(&draft, wanted)?;
    in_place::examine(&mut draft.changes.list, wanted, draft.state.as_deref())?;
    draft.into_plan(wanted.name().clone()).map_err(|fault| faulty(&fault))
}

/// The check of a plan has found a bug in what made it.
pub(crate) fn faulty(fault: &PlanFault) -> Fault {
    Fault::failed("bear::plan::fault", "bear made a plan that can't be carried out")
        .caused_by(fault)
        .with_help("this is a bug in bear; please report it with your fleet file")
}

/// Refuses to end machines whose group the fleet file protects.
fn refuse_protected(changes: &[Change], wanted: &Wanted) -> Result<(), Fault> {
    let fleet = &wanted.read.parsed.fleet;
    let protected =
        diff::protected(changes, |group| fleet.groups.get(group).is_some_and(|group| group.protect));
    // Those of a group are told together: their place in the file is the same.
    let groups = protected.chunk_by(|one, next| (&one.group, one.action) == (&next.group, next.action));
    let problems =
        groups.filter_map(|group| Some((group.first()?, group.len()))).map(|(change, number)| Problem {
            code: "bear::plan::protected",
            message: format!(
                "the plan would {} {}, whose group is protected",
                verb(change),
                machines(change, number)
            ),
            span: wanted.read.parsed.span_of(&format!("groups.{}.protect", change.group)),
            label: "protected here".to_owned(),
            help: Some(format!("because of {}; take `protect` away for this to happen", because(change))),
            warning: false,
            file: wanted.read.parsed.source.clone(),
        });
    let problems = problems.collect::<Vec<_>>();
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(problems).into()) }
}

/// Refuses to put machines that exist into another network or other security groups.
fn refuse_to_move(draft: &Draft<'_>, wanted: &Wanted) -> Result<(), Fault> {
    let fields = diff::moved(&draft.changes, draft.state.as_deref());
    let problems = fields.into_iter().map(|field| Problem {
        code: "bear::plan::moved",
        message: format!("`{field}` can't change while the fleet has machines"),
        span: wanted.read.parsed.span_of(&format!("provider.aws.{field}")),
        label: "this is another one than they were made in".to_owned(),
        help: Some("`bear destroy` the fleet first, or write another one beside it and move over".to_owned()),
        warning: false,
        file: wanted.read.parsed.source.clone(),
    });
    let problems = problems.collect::<Vec<_>>();
    if problems.is_empty() { Ok(()) } else { Err(Problems::new(problems).into()) }
}

fn verb(change: &Change) -> &'static str {
    if change.action == Action::Replace { "replace" } else { "destroy" }
}

/// The machine of an instance, and how many more of its group.
fn machines(change: &Change, number: usize) -> String {
    match number {
        1 => format!("the machine of `{}`", change.instance),
        several => format!("the machine of `{}` and {} more", change.instance, several - 1),
    }
}

fn because(change: &Change) -> String {
    let fields = change.reasons.iter().map(|reason| format!("`{}`", reason.field)).collect::<Vec<_>>();
    fields.join(", ")
}

/// Refuses names that are neither an instance nor a group, wanted or deployed.
pub(crate) fn check_names(
    instances: &[Instance],
    state: Option<&State>,
    only: &[String],
) -> Result<(), Fault> {
    let wanted = instances.iter().flat_map(|instance| [instance.name.as_str(), instance.group.as_str()]);
    let deployed = state.iter().flat_map(|state| &state.instances);
    let deployed = deployed.flat_map(|(name, recorded)| [name.as_str(), recorded.group.as_str()]);
    if only.is_empty() {
        return Ok(());
    }
    let names = wanted.chain(deployed).collect::<HashSet<_>>();
    for name in only {
        if !names.contains(name.as_str()) {
            let fault = Fault::new(
                ExitStatus::Input,
                "bear::arguments::only",
                format!("the fleet has no instance and no group `{name}`"),
            );
            return Err(match nearest(name, names.iter().copied()) {
                Some(near) => fault.with_help(format!("did you mean `{near}`?")),
                None => fault.with_help("`bear plan` lists the instances"),
            });
        }
    }
    Ok(())
}
