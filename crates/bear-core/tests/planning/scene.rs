//! What planning starts from: a fleet that was applied, and what has become of it since.

use std::fmt::Write;

use bear_core::diff::{Changes, Reason, diff};
use bear_core::fleet::{Instance, parse};
use bear_core::name::{FleetName, InstanceName};
use bear_core::observed::{BrokerSeen, Observation, Observed, adopt};
use bear_core::plan::{self, Plan, StepKind};
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

/// The instances that a fleet file wants.
#[track_caller]
pub(crate) fn wanted(yaml: &str) -> Vec<Instance> {
    match parse("fleet.yaml", yaml.as_bytes()) {
        Ok(parsed) => parsed.fleet.instances().unwrap(),
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
        wanted(yaml).iter().fold(Self::empty(), |scene, instance| {
            let steps = [StepKind::Create, StepKind::Install, StepKind::Verify];
            steps.into_iter().fold(scene, |scene, step| scene.begun(step, instance).succeeded(step, instance))
        })
    }

    /// A step of an instance was begun.
    pub(crate) fn begun(mut self, step: StepKind, instance: &Instance) -> Self {
        let (at, spec) = (Timestamp::UNIX_EPOCH, (*instance.spec).clone());
        let (instance, group) = (instance.name.clone(), instance.group.clone());
        let generation = self.state.generation + 1;
        self.state.apply(&match step {
            StepKind::Create => {
                let token = self.state.token(&instance, generation);
                Record::CreateBegan { at, instance, group, spec, generation, token }
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
            StepKind::Install => Record::Installed { at, instance: instance.clone(), installed },
            StepKind::Verify => Record::Verified { at, instance: instance.clone(), checks: 9 },
            StepKind::Destroy => Record::Destroyed { at, instance: instance.clone() },
        });
        self.sees(&instance, Observation::Present { machine, broker: BrokerSeen::Running })
    }

    /// A step of an instance failed.
    pub(crate) fn failed(mut self, step: StepKind, instance: &Instance, error: &str) -> Self {
        let (at, instance, error) = (Timestamp::UNIX_EPOCH, instance.name.clone(), error.into());
        self.state.apply(&Record::Failed { at, instance, step, error });
        self
    }

    /// The provider says this of an instance.
    pub(crate) fn sees(mut self, instance: &InstanceName, observation: Observation) -> Self {
        self.observed.insert(instance.clone(), observation);
        self
    }

    /// The provider sees a machine of an instance, with a broker.
    pub(crate) fn sees_broker(self, instance: &InstanceName, broker: BrokerSeen) -> Self {
        let machine = Machine::new(format!("m-{instance}"), "192.0.2.1");
        self.sees(instance, Observation::Present { machine, broker })
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

    pub(crate) fn changes(&self, instances: &[Instance]) -> Changes {
        diff(instances, Some(&self.state), &self.observed)
    }

    pub(crate) fn plan(&self, instances: &[Instance]) -> Plan {
        let plan = plan::build(fleet_name(), self.changes(instances), self.state.generation);
        plan::check(&plan).expect("every plan must be in order");
        plan
    }

    /// The changes and their steps that lead to `yaml`, as text.
    #[track_caller]
    pub(crate) fn towards(&self, yaml: &str) -> String {
        let plan = self.plan(&wanted(yaml));
        let mut text = String::new();
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
}

fn said(reason: &Reason) -> String {
    format!("{} {} -> {}", reason.field, reason.from, reason.to)
}
