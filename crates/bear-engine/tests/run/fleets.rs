//! Fleets to run: small, and of all the differences that matter to a plan.

use std::fmt;
use std::sync::Arc;

use bear_core::fleet::model::{Authentication, Broker, Embedded, Machine, Ports, ProviderKind};
use bear_core::fleet::{Instance, Spec};
use bear_core::name::{FleetName, GroupName, InstanceName};
use proptest::prelude::*;

/// The name of every fleet here.
pub(crate) fn fleet_name() -> FleetName {
    FleetName::new("demo").unwrap()
}

/// The name of the instance with this number.
pub(crate) fn name(number: usize) -> InstanceName {
    InstanceName::new(format!("demo-a-{number}")).unwrap()
}

/// What sets one instance apart from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Another one takes another machine.
    pub(crate) machine: u8,
    /// Another one takes another install.
    pub(crate) broker: u8,
}

/// An instance of that number and those traits.
pub(crate) fn instance(number: usize, traits: Traits) -> Instance {
    let machine = Machine { kind: format!("size-{}", traits.machine), image: "debian-13".into(), disk: None };
    let authentication = Authentication { username: format!("user-{}", traits.broker), password: None };
    let spec = Spec {
        provider: ProviderKind::Local,
        region: None,
        machine: Some(machine),
        host: None,
        install: None,
        broker: Broker::Embedded(Embedded { authentication: Some(authentication) }),
        ports: Ports::default(),
        keep_data: false,
    };
    Instance { name: name(number), group: GroupName::new("a").unwrap(), spec: Arc::new(spec) }
}

/// So many like instances, numbered from 1.
pub(crate) fn like(count: usize) -> Vec<Instance> {
    (1..=count).map(|number| instance(number, Traits::default())).collect()
}

/// How many instances a random fleet has at most.
pub(crate) const MOST: usize = 4;

/// A random fleet: which of the numbers from 1 are taken, and by what.
#[derive(Clone)]
pub(crate) struct Sketch([Option<Traits>; MOST]);

impl Sketch {
    pub(crate) fn instances(&self) -> Vec<Instance> {
        let taken = (1..).zip(&self.0).filter_map(|(number, traits)| Some((number, (*traits)?)));
        taken.map(|(number, traits)| instance(number, traits)).collect()
    }
}

/// Short, because a case that failed is shown with all its fleets: `[00, --, 01, 10]`.
impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.0.map(|traits| traits.map_or("--".into(), |it| format!("{}{}", it.machine, it.broker)));
        write!(f, "[{}]", shown.join(", "))
    }
}

/// Any fleet of up to [`MOST`] instances.
pub(crate) fn any_fleet() -> impl Strategy<Value = Sketch> {
    let traits = (0..2_u8, 0..2_u8).prop_map(|(machine, broker)| Traits { machine, broker });
    prop::array::uniform4(prop::option::weighted(0.8, traits)).prop_map(Sketch)
}
