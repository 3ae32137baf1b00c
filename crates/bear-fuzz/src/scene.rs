//! What planning starts from: a state, and what has become of it since.

use bear_core::diff::{Changes, Goal, diff};
use bear_core::fleet::{Foundation, Instance, Spec};
use bear_core::name::{FleetName, InstanceName};
use bear_core::observed::{BrokerSeen, FoundationSeen, Observation, Observed, adopt};
use bear_core::plan::{self, Plan, Resource, Step, StepKind};
use bear_core::state::State;
use bear_core::state::v1::{Installed, Machine, Record};
use jiff::Timestamp;

/// A state, and what the providers say of it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) state: State,
    pub(crate) observed: Observed,
}

/// When everything happens.
pub(crate) const AT: Timestamp = Timestamp::UNIX_EPOCH;

impl Scene {
    /// Nothing was ever applied.
    pub(crate) fn empty(fleet: FleetName) -> Self {
        Self { state: State::new(fleet, "0123456789abcdef".into()), observed: Observed::new() }
    }

    pub(crate) fn changes(&self, instances: &[Instance], foundation: Option<&Foundation>) -> Changes {
        diff(&Goal { instances, foundation, replace: &[] }, Some(&self.state), &self.observed)
    }

    /// What an apply would do: machines that were found are adopted first. Twice, for it is the same both times.
    pub(crate) fn plan(&self, instances: &[Instance], foundation: Option<&Foundation>) -> Plan {
        let mut scene = self.clone();
        scene.adopt();
        let plan = || {
            let changes = scene.changes(instances, foundation);
            plan::build(scene.state.fleet.clone(), changes, scene.state.generation)
        };
        let (once, twice) = (plan(), plan());
        assert_eq!(plan::dot(&once), plan::dot(&twice), "two plans from the same");
        once
    }

    fn adopt(&mut self) {
        for record in adopt(&self.state, &self.observed, AT) {
            self.state.apply(&record);
        }
    }

    /// Every step of the plan succeeds, and the providers see what it made.
    pub(crate) fn carried_out(mut self, plan: &Plan) -> Self {
        self.adopt();
        for index in petgraph::algo::toposort(&plan.steps, None).unwrap() {
            let step = &plan.steps[index];
            match &step.resource {
                Resource::Foundation(region) => self.foundation(region, step),
                Resource::Instance(name) => {
                    let name = name.clone();
                    self.instance(&name, step);
                }
            }
        }
        self
    }

    fn foundation(&mut self, region: &str, step: &Step) {
        let region = region.to_owned();
        if let Some(foundation) = &step.foundation {
            self.state.apply(&Record::FoundationBegan { at: AT, foundation: (**foundation).clone() });
            self.state.apply(&Record::FoundationLaid { at: AT, region: region.clone() });
            self.observed.foundations.insert(region, FoundationSeen::AsRecorded);
        } else {
            self.state.apply(&Record::FoundationGoing { at: AT, region: region.clone() });
            self.state.apply(&Record::FoundationGone { at: AT, region: region.clone() });
            self.observed.foundations.remove(&region);
        }
    }

    fn instance(&mut self, name: &InstanceName, step: &Step) {
        for record in records(&self.state, name, step) {
            self.state.apply(&record);
        }
        if step.kind == StepKind::Destroy {
            self.observed.instances.remove(name);
        } else if let Some(machine) = self.state.instances.get(name).and_then(|it| it.machine.clone()) {
            let (changed, broker) = (Vec::new(), BrokerSeen::Running);
            self.observed.instances.insert(name.clone(), Observation::Present { machine, changed, broker });
        }
    }
}

/// What is recorded of a step that succeeds: its beginning and its end.
fn records(state: &State, name: &InstanceName, step: &Step) -> [Record; 2] {
    let (at, instance) = (AT, name.clone());
    let spec = || step.spec.as_deref().unwrap();
    match step.kind {
        StepKind::Create => {
            let group = step.group.clone().unwrap();
            creation(state, name, group.as_str(), spec(), step.generation.unwrap())
        }
        StepKind::Install => [
            Record::InstallBegan { at, instance: instance.clone(), spec: spec().clone() },
            Record::Installed {
                at,
                instance,
                installed: Installed::new(spec().ports, "0.1.0"),
                machine: None,
            },
        ],
        StepKind::Verify => [
            Record::VerifyBegan { at, instance: instance.clone() },
            Record::Verified { at, instance, checks: 12 },
        ],
        StepKind::Destroy => {
            [Record::DestroyBegan { at, instance: instance.clone() }, Record::Destroyed { at, instance }]
        }
    }
}

/// What is recorded of a machine that is made.
pub(crate) fn creation(
    state: &State,
    name: &InstanceName,
    group: &str,
    spec: &Spec,
    generation: u64,
) -> [Record; 2] {
    let (at, instance) = (AT, name.clone());
    let token = state.token(name, generation);
    let machine = Machine::new(format!("machine-{generation}"), "192.0.2.1");
    let group = bear_core::name::GroupName::new(group).unwrap();
    let (spec, launch) = (spec.clone(), None);
    [
        Record::CreateBegan { at, instance: instance.clone(), group, spec, generation, token, launch },
        Record::Created { at, instance, machine },
    ]
}
