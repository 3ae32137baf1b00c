//! Clients that speak in bytes: what a well-behaved client library would never send, and every byte of the answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use rustix::process::Signal;

use crate::child::{DEADLINE, World};

/// CONNECT of MQTT 5: clean start, keep alive 120 s, no properties, client `raw`.
const CONNECT_5: &str = "10 10 0004 4d515454 05 02 0078 00 0003 726177";
/// CONNECT of MQTT 3.1.1: the same.
const CONNECT_311: &str = "10 0f 0004 4d515454 04 02 0078 0003 726177";
const DISCONNECT: &str = "e0 00";
/// The broker's CONNACK to the CONNECT of MQTT 5.
const CONNACK_BYTES: usize = 19;

/// Sends some packets and gives, in hexadecimal, all that comes until the broker closes.
fn check(packets: &[&str]) -> String {
    let world = World::running();
    answer(&world, packets)
}

fn answer(world: &World, packets: &[&str]) -> String {
    let mut stream = send(world, packets);
    stream.shutdown(Shutdown::Write).unwrap();
    read(&mut stream)
}

fn send(world: &World, packets: &[&str]) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, world.spec.ports.mqtt)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(&packets.iter().flat_map(|packet| bytes(packet)).collect::<Vec<_>>()).unwrap();
    stream
}

fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    hexadecimal(&answer)
}

fn read_bytes(stream: &mut TcpStream, count: usize) -> String {
    let mut answer = vec![0; count];
    stream.read_exact(&mut answer).unwrap();
    hexadecimal(&answer)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.split_whitespace().collect::<String>();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// What follows CONNACK, whose properties come in any order.
fn after_connack(answer: &str) -> &str {
    let length = usize::from_str_radix(&answer[2..4], 16).unwrap();
    &answer[4 + 2 * length..]
}

#[test]
fn who_does_not_begin_with_connect_gets_no_answer() {
    for packets in [
        ["47455420 2f20 48545450"],
        ["c0 00"],
        ["30 05 0001 61 6869"],
        ["10 ff ff ff ff"],
        ["10 04 0000 0000"],
    ] {
        assert_eq!(check(&packets), "", "{packets:?}");
    }
}

#[test]
fn another_version_of_mqtt_is_refused() {
    let answer = check(&["10 0f 0004 4d515454 06 02 0078 0003 726177"]);
    assert_eq!(answer, "20020001");
}

#[test]
fn a_kept_session_without_a_name_is_refused_before_mqtt_5() {
    assert_eq!(check(&["10 0c 0004 4d515454 04 00 0078 0000"]), "20020002");
}

#[test]
fn the_terms_of_the_broker_are_in_its_connack() {
    let world = World::running();
    let answer = answer(&world, &[CONNECT_5, DISCONNECT]);
    assert!(answer.starts_with("20110000"), "accepted, no session: {answer}");
    // Receive maximum 64, packets up to 1 MiB, 16 topic aliases, keep alive 60 s.
    for property in ["210040", "2700100000", "220010", "13003c"] {
        assert!(answer.contains(property), "{property} in {answer}");
    }
    assert_eq!(self::answer(&world, &[CONNECT_311, DISCONNECT]), "20020000");
}

#[test]
fn a_broken_rule_ends_the_connection_with_its_reason() {
    let reason = |packets: &[&str]| after_connack(&check(&[&[CONNECT_5], packets].concat())).to_owned();
    let publish_at_qos_2 =
        (0..65).map(|id| format!("34 07 0001 61 {:04x} 00 78", id + 1)).collect::<Vec<_>>();
    let publish_at_qos_2 = publish_at_qos_2.iter().map(String::as_str).collect::<Vec<_>>();
    let too_many = reason(&publish_at_qos_2);

    assert_eq!(reason(&[CONNECT_5]), "e00182", "connected twice: protocol error");
    assert_eq!(reason(&["30 04 0001 61 ff"]), "e00181", "no properties: malformed packet");
    assert_eq!(reason(&["30 81 80 80 01"]), "e00195", "over 1 MiB: packet too large");
    assert_eq!(reason(&["30 06 0000 03 23 0001"]), "e00194", "an alias of nothing: topic alias invalid");
    assert_eq!(reason(&["30 04 0001 2b 00"]), "e00190", "a wildcard to publish to: topic name invalid");
    assert_eq!(reason(&["32 06 0001 61 0000 00"]), "e00182", "packet identifier 0: protocol error");
    assert!(too_many.ends_with("50020040e00193"), "the 65th at QoS 2: receive maximum exceeded: {too_many}");
}

#[test]
fn a_topic_gets_the_aliases_and_a_message_the_size_that_the_client_takes() {
    // As above, with up to 1 topic alias (22) and packets of up to 24 bytes (27).
    let connect = "10 18 0004 4d515454 05 02 0078 08 220001 2700000018 0003 726177";
    let subscribe = "82 07 0001 00 0001 23 00";
    let small = "30 05 0001 61 00 78";
    let large = "30 24 0001 61 00 2e2e2e2e2e2e2e2e 2e2e2e2e2e2e2e2e 2e2e2e2e2e2e2e2e 2e2e2e2e2e2e2e2e";
    let world = World::running();
    let mut stream = send(&world, &[connect, subscribe, small, large, small]);

    let answer = read_bytes(&mut stream, CONNACK_BYTES + 6 + 10 + 9);
    let first = "30080001610323000178";
    let second = "300700000323000178";
    assert_eq!(after_connack(&answer), format!("900400010000{first}{second}"));
}

#[test]
fn who_is_connected_when_the_broker_stops_is_told() {
    let mut world = World::running();
    let mut stream = send(&world, &[CONNECT_5, "c0 00"]);
    assert_eq!(after_connack(&read_bytes(&mut stream, CONNACK_BYTES + 2)), "d000");

    world.signal(Signal::TERM);

    assert_eq!(read(&mut stream), "e0018b");
    drop(stream);
    assert!(world.wait().success());
}
