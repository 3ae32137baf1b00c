//! A second look from the host itself, after a check from here failed.

use std::io::{Read, Write};
use std::net::TcpListener;

use bear_core::fleet::model::Ports;

use crate::lab::{MOSQUITTO, lab};

#[tokio::test]
async fn it_tells_a_silent_broker_from_a_blocked_way() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (broker, silent, gone) = (listener(), listener(), listener());
    let ports = [&broker, &silent, &gone].map(port);
    drop(gone);
    let answering = std::thread::spawn(move || {
        let (mut client, _) = broker.accept().unwrap();
        // All of the CONNECT, or closing the connection would take the answer away.
        let mut header = [0; 2];
        client.read_exact(&mut header).unwrap();
        client.read_exact(&mut vec![0; usize::from(header[1])]).unwrap();
        // CONNACK, MQTT 3.1.1 section 3.2: not authorised, which is an answer as well.
        client.write_all(&[0x20, 2, 0, 5]).unwrap();
    });
    let listens = Ports { mqtt: Some(ports[0]), ws: Some(ports[1]), wss: Some(ports[2]), ..Ports::default() };
    let look = hosts.look(host.place(), listens).await;
    answering.join().unwrap();
    let told = ports.map(|port| look.detail(port).replace(&port.to_string(), "[port]"));
    insta::assert_snapshot!(told.join("\n"), @"
    the broker answers on the host but not from here: port [port] is blocked on the way
    the host itself can connect to it: port [port] is blocked on the way, or what listens there is stuck
    the broker does not answer on the host either
    ");

    // What takes connections and says nothing is no broker.
    let look = hosts.look(host.place(), Ports { mqtt: Some(ports[1]), ..Ports::default() }).await;
    let told = look.detail(ports[1]).replace(&ports[1].to_string(), "[port]");
    insta::assert_snapshot!(told, @"the broker does not answer on the host either, though something listens on port [port] there");
}

#[tokio::test]
async fn it_brings_the_last_lines_of_the_log() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let hosts = lab.hosts();
    host.install(&hosts).await.0.unwrap();
    std::fs::create_dir_all(host.root("var/log/mosquitto")).unwrap();
    std::fs::write(host.root("var/log/mosquitto/mosquitto.log"), "one line\nanother\n").unwrap();
    let look = hosts.look(host.place(), Ports::default()).await;
    assert_eq!(look.log().as_deref(), Some("one line\nanother"));
    assert_eq!(hosts.log(host.place(), 1).await.as_deref(), Some("another\n"));
}

#[tokio::test]
async fn a_forward_reaches_what_listens_on_the_host_only() {
    let lab = lab!();
    let host = lab.host("a", MOSQUITTO);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let forward = lab.hosts().forward(host.place(), port).await.unwrap();
    let mut here = std::net::TcpStream::connect(forward.local()).unwrap();
    here.write_all(b"through").unwrap();
    let (mut there, _) = listener.accept().unwrap();
    let mut bytes = [0; 7];
    there.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"through");
}
