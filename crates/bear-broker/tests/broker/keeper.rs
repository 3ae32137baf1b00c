//! What whoever starts and stops brokers relies on: one broker a folder, clear refusals, a clean end, a status page.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use bear_broker::{Holder, start_time};
use rustix::process::Signal;

use crate::child::World;

#[test]
fn a_second_broker_in_one_folder_is_refused() {
    let mut world = World::running();
    let holder = Holder::of(world.folder.path()).unwrap().unwrap();
    assert_eq!((holder.pid, Some(holder.start_time)), (world.pid(), start_time(world.pid())));

    let said = world.fail_to_start().replace(&world.pid().to_string(), "PID");

    insta::assert_snapshot!(said, @"another broker (process PID) runs in `DIR`");
    world.signal(Signal::KILL);
    world.wait();
    assert_eq!(Holder::of(world.folder.path()).unwrap(), None);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let check = |port: fn(&mut World) -> &mut u16| {
        let mut world = World::new();
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = other.local_addr().unwrap().port();
        *port(&mut world) = taken;
        world.fail_to_start().replace(&taken.to_string(), "PORT")
    };
    insta::assert_snapshot!(check(|world| &mut world.spec.ports.mqtt), @"could not listen on port PORT for MQTT");
    insta::assert_snapshot!(check(|world| &mut world.spec.ports.ws), @"could not listen on port PORT for MQTT over websockets");
    insta::assert_snapshot!(check(|world| &mut world.spec.ports.dashboard), @"could not listen on port PORT for the status page");
}

#[test]
fn a_broker_without_its_credentials_does_not_run_open() {
    let mut world = World::new();
    world.spec.credentials = Some("credentials.json".into());

    insta::assert_snapshot!(world.fail_to_start(), @"could not read `DIR/credentials.json`");
}

#[test]
fn it_outlives_its_terminal_and_ends_when_told_to() {
    let mut world = World::running();
    world.signal(Signal::HUP);
    assert!(get(&world, "/status").contains("running"));

    world.signal(Signal::TERM);

    assert!(world.wait().success());
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, world.spec.ports.mqtt)).is_err());
}

#[test]
fn the_status_page_tells_what_runs() {
    let world = World::running();

    let answer = get(&world, "/status");

    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    let status = serde_json::from_str::<serde_json::Value>(body).unwrap();
    assert_eq!((&status["status"], &status["name"]), (&"running".into(), &"test-broker-1".into()));
    assert_eq!((&status["version"], &status["pid"]), (&bear_broker::VERSION.into(), &world.pid().into()));
    assert!(get(&world, "/").contains("<h1>test-broker-1</h1>"));
}

#[test]
fn a_request_that_is_too_long_is_refused() {
    let world = World::running();
    let answer = get(&world, &"a".repeat(20_000));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

fn get(world: &World, path: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, world.spec.ports.dashboard)).unwrap();
    stream.set_read_timeout(Some(crate::child::DEADLINE)).unwrap();
    // A server that has read enough may close before it was told everything.
    _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
