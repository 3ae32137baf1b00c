//! What `kill -9` must not take away.

use rumqttc::QoS;

use crate::child::World;
use crate::client::{Client, options};

#[tokio::test]
async fn kill_9_loses_nothing_that_was_acknowledged() {
    let mut world = World::running();
    let port = world.spec.ports.mqtt;
    let mut sub = Client::resume(port, "sub").await;
    assert!(!sub.session_present);
    sub.subscribe("queue/#").await;
    sub.leave().await;
    let mut publisher = Client::connect(options(port, "pub")).await;
    publisher.publish("kept", "retained", QoS::AtLeastOnce, true).await;
    let mut sent = Vec::new();
    for number in 0..50 {
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        publisher.publish("queue/a", &number.to_string(), qos, false).await;
        sent.push(format!("queue/a {number}"));
    }

    world.kill_and_restart();

    let mut sub = Client::resume(port, "sub").await;
    assert!(sub.session_present);
    let mut received = Vec::new();
    while received.len() < sent.len() {
        received.push(sub.next().await.0);
    }
    assert_eq!(received, sent);
    sub.subscribe("kept").await;
    assert_eq!(sub.next().await, ("kept retained".to_owned(), true));
}

#[tokio::test]
async fn kill_9_ends_no_subscription() {
    let mut world = World::running();
    let port = world.spec.ports.mqtt;
    let mut sub = Client::resume(port, "sub").await;
    sub.subscribe("a").await;
    drop(sub);
    world.kill_and_restart();
    world.kill_and_restart();

    let mut publisher = Client::connect(options(port, "pub")).await;
    publisher.publish("a", "later", QoS::ExactlyOnce, false).await;

    let mut sub = Client::resume(port, "sub").await;
    assert_eq!((sub.session_present, sub.next().await.0), (true, "a later".to_owned()));
}

#[tokio::test]
async fn a_clean_stop_loses_nothing_either() {
    let mut world = World::running();
    let port = world.spec.ports.mqtt;
    let mut publisher = Client::connect(options(port, "pub")).await;
    publisher.publish("kept", "retained", QoS::ExactlyOnce, true).await;
    world.signal(rustix::process::Signal::TERM);
    assert!(world.wait().success());
    world.start();

    let mut sub = Client::connect(options(port, "sub")).await;
    sub.subscribe("#").await;

    assert_eq!(sub.next().await, ("kept retained".to_owned(), true));
}
