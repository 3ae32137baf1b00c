//! Fleets, and the states that applying them leaves.

use bear_core::diff::{Goal, diff};
use bear_core::fleet::{Fleet, parse};
use bear_core::observed::Observed;
use bear_core::plan::{Plan, build};
use bear_core::state::v1::{Installed, Machine, Record, State};

use super::dawn;

/// Three brokers on this machine.
pub(crate) const LOCAL: &str = "\
fleet: demo
provider: local
groups:
  broker:
    count: 3
    broker: embedded
";

/// Two brokers on EC2.
pub(crate) const TEAM: &str = "\
fleet: daily
provider:
  aws: { region: eu-west-3 }
network: { operators: [203.0.113.7/32], clients: [0.0.0.0/0] }
groups:
  emqx:
    count: 2
    machine: { type: t3.small, image: ubuntu-22.04, disk: 20 GiB }
    install: { docker: \"5:20.10.13~3-0~ubuntu-jammy\" }
    broker:
      emqx: { version: 5.0.9, admin_password: { env: EMQX_ADMIN_PASSWORD } }
    ports: { mqtt: 1883 }
";

pub(crate) fn fleet(text: &str) -> Fleet {
    parse("fleet.yaml", text.as_bytes()).unwrap().fleet
}

/// [`LOCAL`] with a login.
pub(crate) fn local_with(authentication: &str) -> String {
    let broker = format!("broker: {{ embedded: {{ authentication: {authentication} }} }}");
    LOCAL.replace("broker: embedded", &broker)
}

/// The plan for a fleet file, on top of what is deployed.
pub(crate) fn planned(file: &str, before: Option<&State>, observed: &Observed) -> Plan {
    let fleet = fleet(file);
    let (instances, foundation) = (fleet.instances().unwrap(), fleet.foundation());
    let goal = Goal { instances: &instances, foundation: foundation.as_ref(), ..Goal::default() };
    let changes = diff(&goal, before, observed);
    build(fleet.name.clone(), changes, 0)
}

/// The state once a fleet file has been applied: every broker runs and is proven.
pub(crate) fn deployed(file: &str) -> State {
    let at = dawn();
    let fleet = fleet(file);
    let mut state = State::new(fleet.name.clone(), "lineage".to_owned());
    for (index, instance) in (0..).zip(fleet.instances().unwrap()) {
        let (spec, group, instance) = ((*instance.spec).clone(), instance.group, instance.name);
        let mut ports = spec.ports;
        ports.mqtt = ports.mqtt.or(Some(20_000 + 3 * index));
        ports.dashboard = ports.dashboard.or(Some(20_002 + 3 * index));
        let machine = Machine::new(format!("i-{instance}"), "127.0.0.1");
        let installed = Installed::new(ports, "0.1.0");
        let (generation, token, launch) = (index.into(), String::new(), None);
        let records = [
            Record::CreateBegan { at, instance: instance.clone(), group, spec, generation, token, launch },
            Record::Created { at, instance: instance.clone(), machine },
            Record::Installed { at, instance: instance.clone(), installed, machine: None },
            Record::Verified { at, instance, checks: 3 },
        ];
        for record in &records {
            state.apply(record);
        }
    }
    if let Some(foundation) = fleet.foundation() {
        let region = foundation.region.clone();
        state.apply(&Record::FoundationBegan { at, foundation });
        state.apply(&Record::FoundationLaid { at, region });
    }
    state
}
