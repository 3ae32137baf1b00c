//! After crashes and after hands that meddled: nothing runs twice, nothing is forgotten, nobody else is touched.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use bear_core::fleet::model::Ports;
use bear_core::observed::{BrokerSeen, Observation};
use bear_provider::local::InstallArgs;

use crate::stand_in::Behaviour;
use crate::world::{World, args, args_again, instance, is_alive, kill_9, process, render};

#[tokio::test]
async fn a_broker_that_was_started_and_not_recorded_is_found_again() {
    let world = World::new();
    let unrecorded = world.deploy("demo-broker-1").await;
    let found = world.install("demo-broker-1").await.unwrap();
    assert_eq!(found, unrecorded);
    assert_eq!(world.brokers(), [process(&found).pid]);
}

#[tokio::test]
async fn an_install_that_is_cut_off_at_any_moment_is_finished_by_the_next() {
    for millis in [0, 1, 2, 5, 10, 20] {
        let world = World::new();
        world.create("demo-broker-1").await.unwrap();
        let cut_off =
            tokio::time::timeout(std::time::Duration::from_millis(millis), world.install("demo-broker-1"));
        let _ = cut_off.await;
        let installed = world.install("demo-broker-1").await.unwrap();
        // One that lost the race for the folder may take a moment to end.
        while world.brokers().len() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        assert_eq!(world.brokers(), [process(&installed).pid]);
    }
}

#[tokio::test]
async fn a_file_that_was_never_finished_goes_with_the_next_install() {
    let world = World::new();
    let before = world.deploy("demo-broker-1").await;
    let unfinished = world.folder("demo-broker-1").join(".new-aB3xyz");
    fs::write(&unfinished, "{\"vers").unwrap();
    let after = world.install_with(args_again("demo-broker-1", &before), Behaviour::Answers).await.unwrap();
    assert_eq!(after.process, before.process);
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn two_installs_at_once_end_with_one_broker() {
    let world = World::new();
    world.create("demo-broker-1").await.unwrap();
    let (one, other) = tokio::join!(world.install("demo-broker-1"), world.install("demo-broker-1"));
    assert_eq!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn files_that_were_replaced_under_a_broker_restart_it() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    // An install of another configuration, cut off before it could restart the broker.
    let other = render(&first.ports, Behaviour::AnswersOtherwise);
    fs::write(world.folder("demo-broker-1").join(other.name), other.bytes).unwrap();
    let again = world.install_with(args_again("demo-broker-1", &first), Behaviour::Answers).await.unwrap();
    assert_ne!(again.process, first.process);
    assert_eq!(world.brokers(), [process(&again).pid]);
}

#[tokio::test]
async fn a_process_that_only_has_the_id_of_the_broker_is_left_alone() {
    let world = World::new();
    let installed = world.deploy("demo-broker-1").await;
    kill_9(process(&installed).pid);
    let mut innocent = Command::new("sleep").arg("30").spawn().unwrap();
    // What a reused id looks like: the lock file and the state name a process that started at another time.
    let lock = format!(r#"{{"version":1,"pid":{},"start_time":1}}"#, innocent.id());
    fs::write(world.folder("demo-broker-1").join("broker.lock"), lock).unwrap();
    let observed = world.observe("demo-broker-1", Some(&installed)).await.unwrap();
    assert!(matches!(observed, Observation::Present { broker: BrokerSeen::Stopped { .. }, .. }));
    world.destroy("demo-broker-1").await.unwrap();
    let spared = is_alive(innocent.id());
    innocent.kill().unwrap();
    innocent.wait().unwrap();
    assert!(spared);
}

#[tokio::test]
async fn a_copy_of_a_project_does_not_touch_the_brokers_of_the_original() {
    let original = World::new();
    let installed = original.deploy("demo-broker-1").await;
    let copy = World::new();
    let instances = copy.project.path().join("instances");
    let source = original.project.path().join("instances");
    assert!(Command::new("cp").arg("-r").args([&source, &instances]).status().unwrap().success());
    let observed = copy.observe("demo-broker-1", Some(&installed)).await.unwrap();
    assert!(matches!(observed, Observation::Present { broker: BrokerSeen::Stopped { .. }, .. }));
    copy.destroy("demo-broker-1").await.unwrap();
    assert!(is_alive(process(&installed).pid));
    // Nor has the copy given away the ports of the original.
    let found = original.install("demo-broker-1").await.unwrap();
    assert_eq!(found, installed);
}

#[tokio::test]
async fn a_project_that_was_moved_finds_its_brokers() {
    let mut world = World::new();
    let installed = world.deploy("demo-broker-1").await;
    let moved = world.project.path().join("moved");
    fs::rename(world.project.path().join("instances"), &moved).unwrap();
    world.provider = crate::world::provider(&moved);
    let observed = world.observe("demo-broker-1", Some(&installed)).await.unwrap();
    assert!(matches!(observed, Observation::Present { broker: BrokerSeen::Running, .. }));
    let kept = world.install_with(args_again("demo-broker-1", &installed), Behaviour::Answers).await.unwrap();
    assert_eq!(kept, installed);
    world.destroy("demo-broker-1").await.unwrap();
    assert!(world.brokers().is_empty());
}

#[tokio::test]
async fn a_broker_whose_folder_was_deleted_is_ended_by_destroy() {
    let world = World::new();
    world.deploy("demo-broker-1").await;
    let other = world.deploy("demo-broker-2").await;
    fs::remove_dir_all(world.folder("demo-broker-1")).unwrap();
    world.destroy("demo-broker-1").await.unwrap();
    assert_eq!(world.brokers(), [process(&other).pid]);
}

#[tokio::test]
async fn a_broker_whose_folder_was_deleted_is_ended_before_another_takes_its_place() {
    let world = World::new();
    let orphan = world.deploy("demo-broker-1").await;
    fs::remove_dir_all(world.project.path().join("instances")).unwrap();
    assert_eq!(world.observe("demo-broker-1", Some(&orphan)).await.unwrap(), Observation::Absent);
    world.create_with("demo-broker-1", "another").await.unwrap();
    let heir = world.install("demo-broker-1").await.unwrap();
    assert_eq!(world.brokers(), [process(&heir).pid]);
}

#[tokio::test]
async fn a_removal_that_was_cut_off_is_finished_by_the_next() {
    #[track_caller]
    fn remove(world: &World, what: &str) {
        let path = world.folder("demo-broker-1").join(what);
        fs::remove_file(path).unwrap();
    }
    let parts = ["broker.lock", "broker.log", "broker.json", "instance.json"];
    for cut_off_after in 0..=parts.len() {
        let world = World::new();
        let installed = world.deploy("demo-broker-1").await;
        kill_9(process(&installed).pid);
        parts[..cut_off_after].iter().for_each(|part| remove(&world, part));
        world.destroy("demo-broker-1").await.unwrap();
        assert!(!world.folder("demo-broker-1").exists());
        assert!(!world.provider.log_path(&instance("demo-broker-1")).exists());
        world.create_with("demo-broker-1", "the next").await.unwrap();
        world.install_with(args("demo-broker-1"), Behaviour::Answers).await.unwrap();
    }
}

#[tokio::test]
async fn a_machine_has_its_ports_for_as_long_as_it_is_there() {
    let mut world = World::new();
    let registry = world.project.path().join("registry");
    world.provider = crate::world::provider_with(&world.project.path().join("instances"), &registry);
    world.create("demo-broker-1").await.unwrap();
    // A registry that can't be locked stands for the moment in which a bear is killed.
    fs::create_dir_all(registry.join("lock")).unwrap();
    fs::write(registry.join("ports.json"), r#"{"version":1,"ports":{}}"#).unwrap();
    let error = world.destroy("demo-broker-1").await.unwrap_err();
    assert!(error.message.contains("registry/lock"), "{error}");
    assert!(!world.folder("demo-broker-1").exists());
    fs::remove_dir(registry.join("lock")).unwrap();
    world.destroy("demo-broker-1").await.unwrap();
}

#[tokio::test]
async fn a_broker_whose_lock_file_was_deleted_is_ended_before_another_takes_its_place() {
    let world = World::new();
    let hidden = world.deploy("demo-broker-1").await;
    fs::remove_file(world.folder("demo-broker-1").join("broker.lock")).unwrap();
    let observed = world.observe("demo-broker-1", Some(&hidden)).await.unwrap();
    let Observation::Present { broker: BrokerSeen::Stopped { why }, .. } = observed else {
        panic!("{observed:?}")
    };
    assert_eq!(why, format!("process {} has lost its lock file", process(&hidden).pid));
    // On other ports, where the old one would not even be in the way.
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let ports = Ports { mqtt: Some(free), ..Ports::default() };
    let elsewhere = InstallArgs { previous: None, ports, ..args("demo-broker-1") };
    for args in [args_again("demo-broker-1", &hidden), elsewhere] {
        let heir = world.install_with(args, Behaviour::Answers).await.unwrap();
        assert_eq!(world.brokers(), [process(&heir).pid]);
        fs::remove_file(world.folder("demo-broker-1").join("broker.lock")).unwrap();
    }
}
