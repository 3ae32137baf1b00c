//! Ports of instances that come and go, on a machine of which every port is free unless a test says otherwise.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::Arc;

use bear_core::event::StepError;
use bear_core::fleet::model::Ports;
use bear_core::name::InstanceName;
use proptest::prelude::*;

use super::{Owner, Registry, Wish};
use crate::local::error;
use crate::local::machine::{self, Marker};

/// A registry and machines, on a machine of which every port is free.
struct World {
    folder: tempfile::TempDir,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry { folder: folder.path().join("registry"), is_free: |_| true };
        Self { folder, registry }
    }

    fn owner(&self, name: &str) -> Owner {
        let folder = self.folder.path().join("instances").join(name);
        machine::make(&folder, &Marker::new(InstanceName::new(name).unwrap(), "token".into())).unwrap();
        Owner::new(&folder, "token").unwrap()
    }

    fn claim(&self, owner: &Owner, wish: &Wish) -> Result<[u16; 3], StepError> {
        let ports = self.registry.claim(owner, wish)?;
        Ok([ports.mqtt, ports.ws, ports.dashboard].map(Option::unwrap))
    }
}

fn mqtt(port: u16) -> Ports {
    Ports { mqtt: Some(port), ..Ports::default() }
}

fn ws(port: u16) -> Ports {
    Ports { ws: Some(port), ..Ports::default() }
}

fn explicit(port: u16) -> Wish {
    Wish { explicit: mqtt(port), ..Wish::default() }
}

fn installed(port: u16) -> Wish {
    Wish { installed: mqtt(port), ..Wish::default() }
}

#[test]
fn ports_are_chosen_once_and_kept() {
    let world = World::new();
    let (a, b) = (world.owner("a"), world.owner("b"));
    for _ in 0..2 {
        assert_eq!(world.claim(&a, &Wish::default()).unwrap(), [20_000, 20_001, 20_002]);
        assert_eq!(world.claim(&b, &Wish::default()).unwrap(), [20_003, 20_004, 20_005]);
    }
}

#[test]
fn claims_of_machines_that_are_gone_are_taken_over() {
    let world = World::new();
    let a = world.owner("a");
    world.claim(&a, &Wish::default()).unwrap();
    fs::remove_dir_all(a.folder()).unwrap();
    assert_eq!(world.registry.read().unwrap().owner_of(20_000), None);
    assert_eq!(world.claim(&world.owner("b"), &explicit(20_001)).unwrap(), [20_001, 20_000, 20_002]);
}

#[test]
fn a_released_port_is_nobodys_and_a_replaced_one_is_released() {
    let world = World::new();
    let a = world.owner("a");
    world.claim(&a, &Wish::default()).unwrap();
    assert_eq!(world.claim(&a, &explicit(1883)).unwrap(), [1883, 20_001, 20_002]);
    assert_eq!(world.registry.read().unwrap().owner_of(20_000), None);
    assert_eq!(world.registry.read().unwrap().owner_of(1883), Some(&a));
    world.registry.release(&a).unwrap();
    assert_eq!(world.registry.read().unwrap().owner_of(1883), None);
}

#[test]
fn what_a_killed_writer_left_is_tidied_away() {
    let world = World::new();
    fs::create_dir(&world.registry.folder).unwrap();
    fs::write(world.registry.folder.join(".new-aB3xyz"), "{\"vers").unwrap();
    world.claim(&world.owner("a"), &Wish::default()).unwrap();
    let left = fs::read_dir(&world.registry.folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left = left.collect::<std::collections::BTreeSet<_>>();
    assert_eq!(left, ["lock", "ports.json"].map(Into::into).into());
}

#[test]
fn a_port_of_another_instance_is_refused_with_its_name() {
    let world = World::new();
    world.claim(&world.owner("a"), &Wish::default()).unwrap();
    let error = world.claim(&world.owner("b"), &explicit(20_002)).unwrap_err();
    assert_eq!(error.code, error::PORT_TAKEN);
    assert!(error.message.ends_with("/instances/a"), "{error}");
}

#[test]
fn a_port_that_is_in_use_is_kept_only_by_who_was_installed_with_it() {
    let mut world = World::new();
    let a = world.owner("a");
    let before = world.claim(&a, &Wish::default()).unwrap();
    world.registry.is_free = |port| port != 20_000;
    assert_eq!(world.claim(&a, &installed(before[0])).unwrap(), before);
    assert_eq!(world.claim(&a, &Wish::default()).unwrap(), [20_003, 20_001, 20_002]);
}

#[test]
fn ports_of_a_deleted_machine_that_are_anothers_by_now_are_replaced() {
    let world = World::new();
    let a = world.owner("a");
    let before = world.claim(&a, &Wish::default()).unwrap();
    fs::remove_dir_all(a.folder()).unwrap();
    assert_eq!(world.claim(&world.owner("b"), &Wish::default()).unwrap(), before);
    assert_eq!(world.claim(&world.owner("a"), &installed(before[0])).unwrap(), [20_003, 20_004, 20_005]);
}

#[test]
fn a_port_that_is_given_to_another_listener_is_replaced() {
    let world = World::new();
    let a = world.owner("a");
    world.claim(&a, &Wish::default()).unwrap();
    let swapped = Wish { explicit: ws(20_000), ..installed(20_000) };
    assert_eq!(world.claim(&a, &swapped).unwrap(), [20_003, 20_000, 20_002]);
}

#[test]
fn a_reserved_port_is_given_only_to_who_asks_for_it() {
    let world = World::new();
    let reserved = Arc::new(HashSet::from([20_000, 20_002]));
    let wish = Wish { reserved, ..Wish::default() };
    assert_eq!(world.claim(&world.owner("a"), &wish).unwrap(), [20_001, 20_003, 20_004]);
    let asked = Wish { explicit: mqtt(20_000), ..wish };
    assert_eq!(world.claim(&world.owner("b"), &asked).unwrap(), [20_000, 20_005, 20_006]);
}

#[test]
fn when_every_port_is_in_use_that_is_said() {
    let mut world = World::new();
    world.registry.is_free = |_| false;
    let error = world.claim(&world.owner("a"), &Wish::default()).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (error::NO_PORT_LEFT, "choosing a port: none from 20000 to 29999 is free")
    );
}

#[test]
fn a_registry_that_cannot_be_understood_is_an_error_and_left_alone() {
    #[track_caller]
    fn check(text: &str) {
        let world = World::new();
        fs::create_dir(&world.registry.folder).unwrap();
        fs::write(world.registry.file(), text).unwrap();
        assert_eq!(world.claim(&world.owner("a"), &Wish::default()).unwrap_err().code, error::IO);
        assert_eq!(fs::read_to_string(world.registry.file()).unwrap(), text);
    }
    check("{\"version\":1,\"por");
    check("{\"version\":2,\"ports\":{}}");
    check("");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever instances come and go: no two have a port in common, and nobody's ports change by themselves.
    #[test]
    fn no_port_ever_has_two_owners(steps in proptest::collection::vec((0..5_usize, any::<bool>()), 1..20)) {
        let world = World::new();
        let mut given = BTreeMap::<usize, [u16; 3]>::new();
        for (which, stays) in steps {
            let owner = world.owner(&format!("i{which}"));
            if stays {
                let ports = world.claim(&owner, &Wish::default()).unwrap();
                prop_assert_eq!(*given.entry(which).or_insert(ports), ports);
            } else {
                given.remove(&which);
                fs::remove_dir_all(owner.folder()).unwrap();
            }
            let all = given.values().flatten().collect::<Vec<_>>();
            prop_assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        }
    }
}
