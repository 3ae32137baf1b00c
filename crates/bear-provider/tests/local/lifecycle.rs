//! From nothing to a broker that runs, and back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bear_core::fleet::model::Ports;
use bear_core::observed::{BrokerSeen, Observation};
use bear_core::state::v1::Machine;
use bear_provider::Provider;
use bear_provider::local::{InstallArgs, SPEC_FILE};

use crate::stand_in::Behaviour;
use crate::world::{World, args, args_again, is_alive, kill_9, process, registry};

#[tokio::test]
async fn creating_twice_makes_one_machine() {
    let world = World::new();
    let machine = world.create("demo-broker-1").await.unwrap();
    let id = world.folder("demo-broker-1").to_str().unwrap().to_owned();
    assert_eq!(machine, Machine::new(id, "127.0.0.1"));
    assert_eq!(world.create("demo-broker-1").await.unwrap(), machine);
    let marker = fs::read_to_string(world.folder("demo-broker-1").join("instance.json")).unwrap();
    insta::assert_snapshot!(marker, @r#"{"version":1,"instance":"demo-broker-1","token":"token-of-demo-broker-1"}"#);
}

#[tokio::test]
async fn what_is_in_the_way_is_never_overwritten() {
    let world = World::new();
    world.create("demo-broker-1").await.unwrap();
    fs::create_dir(world.folder("demo-broker-2")).unwrap();
    fs::write(world.folder("demo-broker-2").join("thesis.tex"), "").unwrap();
    std::os::unix::fs::symlink(world.project.path(), world.folder("demo-broker-3")).unwrap();
    for (name, expected) in [
        ("demo-broker-1", "it belongs to another machine of that name"),
        ("demo-broker-2", "bear did not make it"),
        ("demo-broker-3", "it is not a folder"),
    ] {
        let refused = [
            world.create_with(name, "another").await.unwrap_err(),
            world.destroy_with(name, "another").await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.code, "bear::local::folder_taken");
            assert!(error.message.ends_with(expected), "{error}");
        }
        assert!(world.folder(name).exists());
    }
    // To the state, which knows other machines by these names, theirs are not there.
    assert_eq!(world.observe("demo-broker-2", None).await.unwrap(), Observation::Absent);
    assert_eq!(world.observe("demo-broker-3", None).await.unwrap(), Observation::Absent);
}

#[tokio::test]
async fn observing_tells_absent_stopped_and_running_apart() {
    let world = World::new();
    assert_eq!(world.observe("demo-broker-1", None).await.unwrap(), Observation::Absent);
    let machine = world.create("demo-broker-1").await.unwrap();
    let present = |broker| Observation::Present { machine: machine.clone(), changed: Vec::new(), broker };
    let stopped = |why: String| present(BrokerSeen::Stopped { why });
    let observed = world.observe("demo-broker-1", None).await.unwrap();
    assert_eq!(observed, stopped("no broker was installed".into()));

    let installed = world.install("demo-broker-1").await.unwrap();
    let observed = world.observe("demo-broker-1", Some(&installed)).await.unwrap();
    assert_eq!(observed, present(BrokerSeen::Running));

    let pid = process(&installed).pid;
    kill_9(pid);
    let observed = world.observe("demo-broker-1", Some(&installed)).await.unwrap();
    assert_eq!(observed, stopped(format!("process {pid} is gone")));
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_an_error_and_not_absent() {
    let world = World::new();
    world.create("demo-broker-1").await.unwrap();
    // Not even root can read a marker that is a folder.
    let marker = world.folder("demo-broker-1").join("instance.json");
    fs::remove_file(&marker).unwrap();
    fs::create_dir(&marker).unwrap();
    let error = world.observe("demo-broker-1", None).await.unwrap_err();
    assert_eq!(error.code, "bear::local::io");
    assert_eq!(world.destroy("demo-broker-1").await.unwrap_err().code, "bear::local::io");
}

#[tokio::test]
async fn a_broker_with_the_same_files_and_version_is_left_alone() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    let again = world.install_with(args_again("demo-broker-1", &first), Behaviour::Answers).await.unwrap();
    assert_eq!(again, first);

    let changed = args_again("demo-broker-1", &first);
    let other_files = world.install_with(changed, Behaviour::AnswersOtherwise).await.unwrap();
    assert_ne!(other_files.process, first.process);
    assert_eq!(other_files.ports, first.ports);

    let upgraded = InstallArgs { version: "1.1".into(), ..args_again("demo-broker-1", &first) };
    let other_version = world.install_with(upgraded, Behaviour::AnswersOtherwise).await.unwrap();
    assert_ne!(other_version.process, other_files.process);
    assert_eq!(world.brokers(), [process(&other_version).pid]);
}

#[tokio::test]
async fn the_broker_is_detached_and_gets_nothing_of_the_environment() {
    let world = World::new();
    let pid = process(&world.deploy("demo-broker-1").await).pid;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let group = stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap();
    assert_eq!(group, pid.to_string());
    assert_eq!(fs::read_link(format!("/proc/{pid}/fd/0")).unwrap().to_str(), Some("/dev/null"));
    let log = world.provider.log_path(&crate::world::instance("demo-broker-1"));
    assert_eq!(fs::read_link(format!("/proc/{pid}/fd/2")).unwrap(), log);
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);

    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    let names = environment.split_terminator('\0').filter_map(|entry| Some(entry.split_once('=')?.0));
    for name in names {
        let expected = ["BEAR_BROKER_FOLDER", "BEAR_BROKER_DIGEST", "RUST_LOG", "RUST_BACKTRACE"];
        // The shell that becomes the stand-in adds these.
        let by_the_shell = ["PWD", "OLDPWD", "SHLVL", "_", crate::stand_in::ROLE_VARIABLE];
        assert!(expected.contains(&name) || by_the_shell.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_broker_that_ends_at_once_is_an_error_with_its_last_lines() {
    let world = World::new();
    world.create("demo-broker-1").await.unwrap();
    let error = world.install_with(args("demo-broker-1"), Behaviour::Ends).await.unwrap_err();
    assert_eq!(error.code, "bear::local::broker_ended");
    assert_eq!(error.message, "the broker ended before it answered: exit status: 1");
    let help = world.redacted(&error.help.unwrap(), &Ports::default());
    assert_eq!(help, "its log is [project]/instances/demo-broker-1/broker.log");
    assert!(error.last_lines.iter().any(|line| line == "the stored messages are unreadable"));
    assert!(world.brokers().is_empty());

    // A later error does not repeat what an earlier start wrote.
    let log = world.provider.log_path(&crate::world::instance("demo-broker-1"));
    fs::write(&log, "of an earlier start\n").unwrap();
    let error = world.install_with(args("demo-broker-1"), Behaviour::Ends).await.unwrap_err();
    assert!(!error.last_lines.iter().any(|line| line == "of an earlier start"));
}

#[tokio::test]
async fn destroying_ends_that_broker_only() {
    let world = World::new();
    let doomed = world.deploy("demo-broker-1").await;
    let other = world.deploy("demo-broker-2").await;
    fs::create_dir_all(world.folder("demo-broker-1").join("data/deep")).unwrap();
    world.destroy("demo-broker-1").await.unwrap();
    assert!(!is_alive(process(&doomed).pid) && is_alive(process(&other).pid));
    assert!(!world.folder("demo-broker-1").exists());
    let observed = world.observe("demo-broker-1", Some(&doomed)).await.unwrap();
    assert_eq!(observed, Observation::Absent);

    world.destroy("demo-broker-1").await.unwrap();
    world.destroy("demo-broker-1-never-made").await.unwrap();
    let claims = fs::read_to_string(registry().join("ports.json")).unwrap();
    let has_claims = |name| claims.contains(&format!("{:?}", world.folder(name)));
    assert!(!has_claims("demo-broker-1") && has_claims("demo-broker-2"));
}

#[tokio::test]
async fn a_batch_is_answered_in_the_order_of_its_requests() {
    let world = World::new();
    let names = (1..=40).map(|n| format!("demo-broker-{n}")).collect::<Vec<_>>();
    let request = |name: &String| bear_provider::CreateRequest {
        instance: crate::world::instance(name),
        token: crate::world::token(name),
        launch: crate::world::token(name),
        again: false,
        spec: crate::world::spec(),
    };
    fs::create_dir(world.project.path().join("instances")).unwrap();
    fs::write(world.folder("demo-broker-7"), "in the way").unwrap();
    let machines = world.provider.create(&names.iter().map(request).collect::<Vec<_>>()).await;
    for (name, machine) in names.iter().zip(machines) {
        match name.as_str() {
            "demo-broker-7" => assert!(machine.is_err()),
            _ => assert_eq!(machine.unwrap().id, world.folder(name).to_str().unwrap()),
        }
    }
}

#[tokio::test]
async fn an_install_needs_a_machine_and_leaves_no_file_without_one() {
    let world = World::new();
    let error = world.install("demo-broker-1").await.unwrap_err();
    assert_eq!(error.code, "bear::local::no_machine");
    assert!(!world.folder("demo-broker-1").join(SPEC_FILE).exists());
}
