//! Fleets of a case: small, and of all the differences that matter to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use bear_core::fleet::model::{Authentication, Broker, Embedded, Machine, Ports, ProviderKind};
use bear_core::fleet::{Foundation, Host, Instance, Spec};
use bear_core::name::{FleetName, GroupName, InstanceName};

/// How many instances a fleet has at most.
pub const MOST: usize = 6;
/// So many of them are in the group `a`, the others in `b`.
const IN_A: usize = 4;
/// The regions that a fleet may be in.
pub(super) const REGIONS: [&str; 2] = ["north", "south"];

/// What sets one instance apart from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Another one takes another machine.
    pub machine: u8,
    /// Another one takes another install.
    pub broker: u8,
}

/// Where the machines of a fleet come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// They are made, and share nothing.
    #[default]
    Local,
    /// They are made in the region of that number, where they share a foundation.
    Region(u8),
    /// They are hosts that exist; the number turns the instances around on them.
    Hosts(u8),
}

/// A fleet file in short: which instances there are, as what, and where.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    /// What each instance is; none if it is not in the file.
    pub slots: [Option<Traits>; MOST],
    /// Where they are.
    pub place: Place,
    /// Whether they are in another network than usual. Only in regions.
    pub elsewhere: bool,
    /// Whether the group `b` is protected.
    pub protects_b: bool,
}

/// The name of every fleet here.
pub(super) fn fleet_name() -> FleetName {
    FleetName::new("demo").expect("a good name")
}

/// The group of the instance in a slot.
pub(super) fn group(slot: usize) -> GroupName {
    GroupName::new(if slot < IN_A { "a" } else { "b" }).expect("a good name")
}

/// The name of the instance in a slot.
pub(super) fn name(slot: usize) -> InstanceName {
    InstanceName::new(format!("demo-{}-{}", group(slot), slot + 1)).expect("a good name")
}

impl Sketch {
    /// The instances, in the order of the file.
    pub fn instances(&self) -> Vec<Instance> {
        let taken = self.slots.iter().enumerate().filter_map(|(slot, traits)| Some((slot, (*traits)?)));
        taken.map(|(slot, traits)| self.instance(slot, traits)).collect()
    }

    /// The instance that is, or would be, in a slot.
    pub fn instance(&self, slot: usize, traits: Traits) -> Instance {
        let kind = format!("size-{}", traits.machine);
        let machine = Machine { kind, image: "debian-13".into(), ..Machine::default() };
        let authentication = Authentication { username: format!("user-{}", traits.broker), password: None };
        let (region, host) = match self.place {
            Place::Local => (None, None),
            Place::Region(number) => (Some(REGIONS[usize::from(number) % REGIONS.len()].to_owned()), None),
            Place::Hosts(turn) => (None, Some(host((slot + usize::from(turn)) % MOST))),
        };
        // What machines share depends on the ports of their brokers.
        let mqtt = region.as_ref().map(|_| 1883 + u16::from(traits.broker));
        let spec = Spec {
            provider: match self.place {
                Place::Local => ProviderKind::Local,
                Place::Region(_) => ProviderKind::Aws,
                Place::Hosts(_) => ProviderKind::Hosts,
            },
            machine: Some(machine).filter(|_| host.is_none()),
            region,
            host,
            login: None,
            install: None,
            broker: Broker::Embedded(Embedded { authentication: Some(authentication) }),
            ports: Ports { mqtt, ..Ports::default() },
            keep_data: false,
        };
        Instance { name: name(slot), group: group(slot), spec: Arc::new(spec) }
    }

    /// What the instances share: the rules for their ports.
    pub fn foundation(&self) -> Option<Foundation> {
        let instances = self.instances();
        Some(Foundation {
            region: instances.first()?.spec.region.clone()?,
            profile: None,
            endpoint_url: None,
            network: None,
            listeners: instances.iter().filter_map(|instance| instance.spec.ports.mqtt).collect(),
            dashboards: BTreeSet::new(),
            cluster: false,
            vpc: self.elsewhere.then(|| "elsewhere".to_owned()),
            subnets: Vec::new(),
            security_groups: Vec::new(),
            key_pair: None,
            tags: BTreeMap::new(),
        })
    }
}

fn host(number: usize) -> Host {
    Host { address: format!("10.0.0.{number}"), port: None, user: None, identity: None, host_key: None }
}

/// Short, because a case that failed is shown with all its fleets: `[00 -- 01 10 -- --] north`.
impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.map(|traits| {
            traits.map_or_else(|| "--".to_owned(), |it| format!("{}{}", it.machine, it.broker))
        });
        write!(f, "[{}]", slots.join(" "))?;
        match self.place {
            Place::Local => {}
            Place::Region(number) => write!(f, " {}", REGIONS[usize::from(number) % REGIONS.len()])?,
            Place::Hosts(turn) => write!(f, " on hosts+{turn}")?,
        }
        if self.elsewhere {
            f.write_str(" elsewhere")?;
        }
        if self.protects_b {
            f.write_str(" b protected")?;
        }
        Ok(())
    }
}
