//! Fleets to run: small, and of all the differences that matter to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bear_core::fleet::model::{Authentication, Broker, Embedded, Machine, Ports, ProviderKind};
use bear_core::fleet::{Foundation, Instance, Spec};
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
    let kind = format!("size-{}", traits.machine);
    let machine = Machine { kind, image: "debian-13".into(), ..Machine::default() };
    let authentication = Authentication { username: format!("user-{}", traits.broker), password: None };
    let spec = Spec {
        provider: ProviderKind::Local,
        region: None,
        machine: Some(machine),
        host: None,
        login: None,
        install: None,
        broker: Broker::Embedded(Embedded { authentication: Some(authentication) }),
        ports: Ports::default(),
        keep_data: false,
    };
    Instance { name: name(number), group: GroupName::new("a").unwrap(), spec: Arc::new(spec) }
}

/// The regions that a fleet may be in.
pub(crate) const REGIONS: [&str; 2] = ["north", "south"];

/// The same instances in a region of a provider that makes machines.
pub(crate) fn in_region(region: &str, instances: Vec<Instance>) -> Vec<Instance> {
    let moved = |it: Instance| {
        let user = match &it.spec.broker {
            Broker::Embedded(embedded) => embedded.authentication.as_ref().map(|it| it.username.as_str()),
            _ => None,
        };
        let mqtt = if user == Some("user-0") { 1883 } else { 1884 };
        let ports = Ports { mqtt: Some(mqtt), ..Ports::default() };
        Instance { spec: Arc::new(Spec { region: Some(region.into()), ports, ..(*it.spec).clone() }), ..it }
    };
    instances.into_iter().map(moved).collect()
}

/// What instances in a region share: the rules for their ports.
pub(crate) fn foundation(instances: &[Instance]) -> Option<Foundation> {
    Some(Foundation {
        region: instances.first()?.spec.region.clone()?,
        profile: None,
        endpoint_url: None,
        network: None,
        listeners: instances.iter().filter_map(|instance| instance.spec.ports.mqtt).collect(),
        dashboards: BTreeSet::new(),
        cluster: false,
        vpc: None,
        subnets: Vec::new(),
        security_groups: Vec::new(),
        key_pair: None,
        tags: BTreeMap::new(),
    })
}

/// So many like instances, numbered from 1.
pub(crate) fn like(count: usize) -> Vec<Instance> {
    (1..=count).map(|number| instance(number, Traits::default())).collect()
}

/// How many instances a random fleet has at most.
pub(crate) const MOST: usize = 4;

/// A random fleet: which of the numbers from 1 are taken, and by what, and in which region, if in one.
#[derive(Clone)]
pub(crate) struct Sketch([Option<Traits>; MOST], Option<&'static str>);

impl Sketch {
    pub(crate) fn instances(&self) -> Vec<Instance> {
        let taken = (1..).zip(&self.0).filter_map(|(number, traits)| Some((number, (*traits)?)));
        let instances = taken.map(|(number, traits)| instance(number, traits)).collect();
        match self.1 {
            Some(region) => in_region(region, instances),
            None => instances,
        }
    }
}

/// Short, because a case that failed is shown with all its fleets: `[00, --, 01, 10] north`.
impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.0.map(|traits| traits.map_or("--".into(), |it| format!("{}{}", it.machine, it.broker)));
        write!(f, "[{}] {}", shown.join(", "), self.1.unwrap_or_default())
    }
}

/// Any fleet of up to [`MOST`] instances.
pub(crate) fn any_fleet() -> impl Strategy<Value = Sketch> {
    let traits = (0..2_u8, 0..2_u8).prop_map(|(machine, broker)| Traits { machine, broker });
    let instances = prop::array::uniform4(prop::option::weighted(0.8, traits));
    let region = prop::option::weighted(0.6, prop::sample::select(&REGIONS));
    (instances, region).prop_map(|(instances, region)| Sketch(instances, region))
}
