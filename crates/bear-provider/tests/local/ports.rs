//! Ports: never shared, chosen once, kept, and what is said when somebody else has one.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;

use bear_core::fleet::Instance;
use bear_core::fleet::model::Ports;
use bear_core::name::GroupName;
use bear_provider::local::InstallArgs;
use futures_util::future::join_all;

use crate::stand_in::Behaviour;
use crate::world::{World, args, args_again, instance, kill_9, process, provider, spec};

/// A listener of another program, on a port that no broker is given by chance.
fn foreign() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn mqtt(port: u16) -> Ports {
    Ports { mqtt: Some(port), ..Ports::default() }
}

#[tokio::test]
async fn instances_of_two_projects_that_start_at_once_have_no_port_in_common() {
    let (one, other) = (World::new(), World::new());
    let deploy = async |world: &World| {
        let names = (1..=10).map(|n| format!("demo-broker-{n}")).collect::<Vec<_>>();
        join_all(names.iter().map(|name| world.deploy(name))).await
    };
    let (of_one, of_other) = tokio::join!(deploy(&one), deploy(&other));
    let ports =
        of_one.iter().chain(&of_other).flat_map(|installed| installed.ports.iter()).collect::<Vec<_>>();
    let different = ports.iter().map(|&(_, port)| port).collect::<HashSet<_>>();
    assert_eq!((ports.len(), different.len()), (60, 60));
    assert!(different.iter().all(|port| (20_000..30_000).contains(port)));
    assert_eq!((one.brokers().len(), other.brokers().len()), (10, 10));
}

#[tokio::test]
async fn ports_are_kept_when_a_broker_dies_and_is_started_again() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    kill_9(process(&first).pid);
    let again = world.install_with(args_again("demo-broker-1", &first), Behaviour::Answers).await.unwrap();
    assert_eq!(again.ports, first.ports);
    assert_ne!(again.process, first.process);
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_an_error_that_names_it() {
    let world = World::new();
    let (_listener, port) = foreign();
    world.create("demo-broker-1").await.unwrap();
    let wanted = InstallArgs { ports: mqtt(port), ..args("demo-broker-1") };
    let error = world.install_with(wanted, Behaviour::Answers).await.unwrap_err();
    assert_eq!((error.code, error.transient), ("bear::local::port_taken", false));
    let text = world.redacted(&format!("{}\n{}", error.message, error.help.unwrap()), &mqtt(port));
    insta::assert_snapshot!(text, @r"
    port [mqtt] for mqtt can't be had: [this test] listens there
    free the port, or write another one as `ports.mqtt` in the fleet file
    ");
    assert!(world.brokers().is_empty());
}

#[tokio::test]
async fn a_broker_that_runs_is_not_stopped_for_a_port_that_cannot_be_had() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    let (_listener, port) = foreign();
    let moved = InstallArgs { ports: mqtt(port), ..args_again("demo-broker-1", &first) };
    let error = world.install_with(moved, Behaviour::Answers).await.unwrap_err();
    assert_eq!(error.code, "bear::local::port_taken");
    assert_eq!(world.brokers(), [process(&first).pid]);
}

#[tokio::test]
async fn a_broker_never_moves_by_itself_from_a_port_that_was_taken_while_it_was_down() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    kill_9(process(&first).pid);
    let _squatter = TcpListener::bind(("127.0.0.1", first.ports.ws.unwrap())).unwrap();
    let again = args_again("demo-broker-1", &first);
    let error = world.install_with(again, Behaviour::Answers).await.unwrap_err();
    let text = world.redacted(&error.message, &first.ports);
    insta::assert_snapshot!(text, @"port [ws] for ws can't be had: [this test] listens there");
    assert!(!error.transient);

    // One that no client has ever seen may move.
    let moved = world.install("demo-broker-1").await.unwrap();
    assert_eq!(moved.ports.mqtt, first.ports.mqtt);
    assert_ne!(moved.ports.ws, first.ports.ws);
}

#[tokio::test]
async fn a_port_of_another_instance_is_refused_even_while_its_broker_is_down() {
    let world = World::new();
    let first = world.deploy("demo-broker-1").await;
    kill_9(process(&first).pid);
    world.create("demo-broker-2").await.unwrap();
    let wanted = InstallArgs { ports: first.ports, ..args("demo-broker-2") };
    let error = world.install_with(wanted, Behaviour::Answers).await.unwrap_err();
    insta::assert_snapshot!(world.redacted(&error.message, &first.ports), @"port [mqtt] for mqtt can't be had: it belongs to the instance in [project]/instances/demo-broker-1");
}

#[tokio::test]
async fn a_port_that_the_fleet_file_gives_to_one_instance_is_given_to_no_other() {
    let mut world = World::new();
    let first = world.deploy("demo-broker-1").await;
    world.destroy("demo-broker-1").await.unwrap();
    let reserved = first.ports.iter().map(|(_, port)| port);
    world.provider = provider(&world.project.path().join("instances")).reserving(reserved);
    let other = world.deploy("demo-broker-2").await;
    assert!(other.ports.iter().all(|(_, port)| first.ports.iter().all(|(_, reserved)| reserved != port)));
}

#[tokio::test]
async fn preflight_finds_what_others_hold_and_nothing_of_its_own() {
    let world = World::new();
    let (_listener, port) = foreign();
    let own = world.deploy("demo-broker-1").await;
    let stranger = World::new();
    let theirs = stranger.deploy("other-broker-1").await;
    kill_9(process(&theirs).pid);

    let wants = |name: &str, ports: Ports| Instance {
        name: instance(name),
        group: GroupName::new("broker").unwrap(),
        spec: Arc::new(bear_core::fleet::Spec { ports, ..spec() }),
    };
    let wanted = [
        wants("demo-broker-1", own.ports),
        wants("demo-broker-2", mqtt(port)),
        wants("demo-broker-3", Ports { dashboard: theirs.ports.dashboard, ..Ports::default() }),
        wants("demo-broker-4", Ports::default()),
    ];
    let problems = world.provider.preflight(&wanted).unwrap();
    let lines = problems.iter().map(|problem| {
        format!("{} {} {}: {}", problem.instance, problem.listener, problem.port, problem.why)
    });
    let text = world.redacted(&lines.collect::<Vec<_>>().join("\n"), &mqtt(port));
    let text = stranger.redacted(&text, &theirs.ports);
    insta::assert_snapshot!(text, @r"
    demo-broker-2 mqtt [mqtt]: [this test] listens there
    demo-broker-3 dashboard [dashboard]: it belongs to the instance in [project]/instances/other-broker-1
    ");
}
