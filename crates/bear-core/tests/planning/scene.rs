//! What planning starts from: a fleet that was applied, and what has become of it since.

use std::fmt::Write;
use std::ops::Deref;

use bear_core::diff::{Changes, Goal, Reason, diff};
use bear_core::fleet::{Foundation, Instance, parse};
use bear_core::name::{FleetName, InstanceName};
use bear_core::observed::{BrokerSeen, FoundationSeen, Observation, Observed, adopt};
use bear_core::plan::{self, Plan, Step, StepKind};
use bear_core::state::State;
use bear_core::state::v1::{Installed, Machine, Record};
use jiff::Timestamp;

/// Three instances of the embedded broker.
pub(crate) const DEMO: &str = "
fleet: demo
provider: local
groups:
  a: { count: 3, broker: embedded }
";

/// An instance of EMQX on EC2.
pub(crate) const AWS: &str = "
fleet: demo
provider: { aws: { region: eu-west-3 } }
network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
groups:
  a:
    count: 1
    machine: { type: t3.small, image: ubuntu-22.04, disk: 20 GiB }
    install: { docker: '5:20.10.13~3-0~ubuntu-jammy' }
    broker: { emqx: { version: 5.0.9 } }
";

/// Two hosts with Mosquitto.
pub(crate) const HOSTS: &str = "
fleet: demo
provider: { hosts: { user: ubuntu } }
groups:
  a:
    members:
      lyon: { address: 192.0.2.11 }
      paris: { address: 192.0.2.10 }
    broker: { mosquitto: { version: 2.0.11-1.2+deb12u2 } }
";

/// What a fleet file wants: instances, and what they share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) instances: Vec<Instance>,
    pub(crate) foundation: Option<Foundation>,
}

impl Deref for Wanted {
    type Target = [Instance];

    fn deref(&self) -> &[Instance] {
        &self.instances
    }
}

/// What a fleet file wants.
#[track_caller]
pub(crate) fn wanted(yaml: &str) -> Wanted {
    match parse("fleet.yaml", yaml.as_bytes()) {
        Ok(parsed) => {
            Wanted { instances: parsed.fleet.instances().unwrap(), foundation: parsed.fleet.foundation() }
        }
        Err(problems) => panic!("{:?}", problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    }
}

pub(crate) fn fleet_name() -> FleetName {
    FleetName::new("demo").unwrap()
}

pub(crate) fn name(text: &str) -> InstanceName {
    InstanceName::new(text).unwrap()
}

/// A fleet that was applied, and what its provider says of it now.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) state: State,
    pub(crate) observed: Observed,
}

impl Scene {
    /// Nothing was ever applied.
    pub(crate) fn empty() -> Self {
        Self { state: State::new(fleet_name(), "lineage".into()), observed: Observed::new() }
    }

    /// All of `yaml` was applied, and is still as it was then.
    #[track_caller]
    pub(crate) fn applied(yaml: &str) -> Self {
        let wanted = wanted(yaml);
        let empty = wanted.foundation.iter().fold(Self::empty(), Self::laid);
        wanted.iter().fold(empty, |scene, instance| {
            let steps = [StepKind::Create, StepKind::Install, StepKind::Verify];
            steps.into_iter().fold(scene, |scene, step| scene.begun(step, instance).succeeded(step, instance))
        })
    }

    /// A foundation was made what it shall be, and the provider sees it.
    pub(crate) fn laid(self, foundation: &Foundation) -> Self {
        let (at, region) = (Timestamp::UNIX_EPOCH, foundation.region.clone());
        let mut scene = self.laying(foundation).sees_foundation(&region, FoundationSeen::AsRecorded);
        scene.state.apply(&Record::FoundationLaid { at, region });
        scene
    }

    /// A foundation was begun.
    pub(crate) fn laying(mut self, foundation: &Foundation) -> Self {
        let (at, foundation) = (Timestamp::UNIX_EPOCH, foundation.clone());
        self.state.apply(&Record::FoundationBegan { at, foundation });
        self
    }

    /// The end of a foundation was begun.
    pub(crate) fn removing(mut self, region: &str) -> Self {
        self.state.apply(&Record::FoundationGoing { at: Timestamp::UNIX_EPOCH, region: region.to_owned() });
        self
    }

    /// The provider says this of the foundation of a region.
    pub(crate) fn sees_foundation(mut self, region: &str, seen: FoundationSeen) -> Self {
        self.observed.foundations.insert(region.to_owned(), seen);
        self
    }

    /// A step of an instance was begun.
    pub(crate) fn begun(mut self, step: StepKind, instance: &Instance) -> Self {
        let (at, spec) = (Timestamp::UNIX_EPOCH, (*instance.spec).clone());
        let (instance, group) = (instance.name.clone(), instance.group.clone());
        let generation = self.state.generation + 1;
        self.state.apply(&match step {
            StepKind::Create => {
                let token = self.state.token(&instance, generation);
                let launch = Some(token.clone());
                Record::CreateBegan { at, instance, group, spec, generation, token, launch }
            }
            StepKind::Install => Record::InstallBegan { at, instance, spec },
            StepKind::Verify => Record::VerifyBegan { at, instance },
            StepKind::Destroy => Record::DestroyBegan { at, instance },
        });
        self
    }

    /// A step of an instance succeeded, and the provider sees what it made.
    pub(crate) fn succeeded(mut self, step: StepKind, instance: &Instance) -> Self {
        let (at, spec) = (Timestamp::UNIX_EPOCH, &instance.spec);
        let instance = instance.name.clone();
        let machine = Machine::new(format!("m-{instance}"), "192.0.2.1");
        let installed = Installed::new(spec.ports, "1");
        self.state.apply(&match step {
            StepKind::Create => Record::Created { at, instance: instance.clone(), machine: machine.clone() },
            StepKind::Install => {
                Record::Installed { at, instance: instance.clone(), installed, machine: None }
            }
            StepKind::Verify => Record::Verified { at, instance: instance.clone(), checks: 9 },
            StepKind::Destroy => Record::Destroyed { at, instance: instance.clone() },
        });
        self.sees(
            &instance,
            Observation::Present { machine, changed: Vec::new(), broker: BrokerSeen::Running },
        )
    }

    /// A step of an instance failed.
    pub(crate) fn failed(mut self, step: StepKind, instance: &Instance, error: &str) -> Self {
        let (at, instance, error) = (Timestamp::UNIX_EPOCH, instance.name.clone(), error.into());
        self.state.apply(&Record::Failed { at, instance, step, error });
        self
    }

    /// The provider says this of an instance.
    pub(crate) fn sees(mut self, instance: &InstanceName, observation: Observation) -> Self {
        self.observed.instances.insert(instance.clone(), observation);
        self
    }

    /// The provider sees a machine of an instance, with a broker.
    pub(crate) fn sees_broker(self, instance: &InstanceName, broker: BrokerSeen) -> Self {
        let machine = Machine::new(format!("m-{instance}"), "192.0.2.1");
        self.sees(instance, Observation::Present { machine, changed: Vec::new(), broker })
    }

    /// Nobody has looked.
    pub(crate) fn unobserved(self) -> Self {
        Self { observed: Observed::new(), ..self }
    }

    /// What was in doubt and is observed is adopted.
    pub(crate) fn adopted(mut self) -> Self {
        for record in adopt(&self.state, &self.observed, Timestamp::UNIX_EPOCH) {
            self.state.apply(&record);
        }
        self
    }

    pub(crate) fn changes(&self, wanted: &Wanted) -> Changes {
        self.changes_with(wanted, &[])
    }

    /// The changes where the user asks for other machines.
    pub(crate) fn changes_with(&self, wanted: &Wanted, replace: &[InstanceName]) -> Changes {
        let goal = Goal { instances: wanted, foundation: wanted.foundation.as_ref(), replace };
        diff(&goal, Some(&self.state), &self.observed)
    }

    pub(crate) fn plan(&self, wanted: &Wanted) -> Plan {
        self.plan_of(self.changes(wanted))
    }

    pub(crate) fn plan_of(&self, changes: Changes) -> Plan {
        let plan = plan::build(fleet_name(), changes, self.state.generation);
        plan::check(&plan).expect("every plan must be in order");
        plan
    }

    /// Every step of a plan succeeded, in an order that it allows.
    pub(crate) fn carried_out(&self, plan: &Plan, wanted: &Wanted) -> Self {
        let order = petgraph::algo::toposort(&plan.steps, None).unwrap();
        order.into_iter().fold(self.clone(), |scene, index| scene.done(&plan.steps[index], wanted))
    }

    fn done(mut self, step: &Step, wanted: &Wanted) -> Self {
        let at = Timestamp::UNIX_EPOCH;
        if let Some(region) = step.region() {
            if let Some(foundation) = &step.foundation {
                return self.laid(foundation);
            }
            self.observed.foundations.remove(region);
            self.state.apply(&Record::FoundationGone { at, region: region.to_owned() });
            return self;
        }
        let name = step.instance().unwrap();
        match wanted.iter().find(|instance| instance.name == *name) {
            Some(instance) if step.kind != StepKind::Destroy => {
                self.begun(step.kind, instance).succeeded(step.kind, instance)
            }
            _ => {
                self.observed.instances.remove(name);
                self.state.apply(&Record::Destroyed { at, instance: name.clone() });
                self
            }
        }
    }

    /// The changes and their steps that lead to `yaml`, as text.
    #[track_caller]
    pub(crate) fn towards(&self, yaml: &str) -> String {
        told(&self.plan(&wanted(yaml)))
    }
}

/// The changes of a plan and their steps, as text.
pub(crate) fn told(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.foundations {
        let reasons = change.reasons.iter().map(said).collect::<Vec<_>>().join(", ");
        writeln!(text, "{:?} foundation of {} because {reasons}", change.action, change.region).unwrap();
    }
    for change in &plan.changes {
        let reasons = change.reasons.iter().map(said).collect::<Vec<_>>().join(", ");
        let steps = plan.steps.node_weights().filter(|step| step.instance() == Some(&change.instance));
        let steps = steps.map(|step| match step.generation {
            Some(generation) => format!("{} {generation}", step.kind),
            None => step.kind.to_string(),
        });
        let (action, steps) = (format!("{:?}", change.action), steps.collect::<Vec<_>>().join(", "));
        writeln!(text, "{action} {} because {reasons}: {steps}", change.instance).unwrap();
        text.extend(change.configuration.as_deref());
    }
    writeln!(text, "{} unchanged", plan.unchanged).unwrap();
    text
}

fn said(reason: &Reason) -> String {
    format!("{} {} -> {}", reason.field, reason.from, reason.to)
}
