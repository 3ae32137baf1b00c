//! Verify and probe as their callers see them.

mod faults;

use std::time::Duration;

use bear_lab::broken_broker::{BrokenBroker, Fault, Holdings, PASSWORD, USERNAME};
use bear_verify::{Credentials, Limits, Target, probe, verify};
use futures_util::future::join;
use insta::assert_snapshot;
use tokio::net::TcpListener;

/// Longer than any check here takes: nothing in this file waits for a deadline but one probe.
const LIMITS: Limits = Limits { check: Duration::from_secs(5) };

/// All of what a broken broker offers.
fn target(broker: &BrokenBroker) -> Target {
    Target {
        host: "127.0.0.1".to_owned(),
        mqtt: broker.mqtt(),
        ws: Some(broker.ws()),
        credentials: Some(Credentials { username: USERNAME.to_owned(), password: PASSWORD.to_owned() }),
    }
}

/// A port that nobody listens on any more.
async fn port_of_nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
    listener.local_addr().expect("the address of a listener that is bound").port()
}

/// One line for each result, in the order of the report, which must be that of the answer.
async fn check(target: &Target, run: &str) -> String {
    let mut reported = Vec::new();
    let results = verify(target, &LIMITS, run, |result| reported.push(result.clone())).await;
    assert_eq!(reported, results);
    let lines = results.iter().map(|result| match &result.detail {
        None => format!("{}: ok\n", result.name),
        Some(detail) => format!("{}: {detail}\n", result.name),
    });
    lines.collect::<String>().replace(&target.mqtt.to_string(), "PORT")
}

#[tokio::test]
async fn a_healthy_broker_passes_every_check_and_is_left_as_it_was() {
    let broker = BrokenBroker::start(None).await.unwrap();
    assert_snapshot!(check(&target(&broker), "01J00000000000000000000001").await, @"
    tcp: ok
    mqtt311.connect: ok
    mqtt5.connect: ok
    mqtt.qos0: ok
    mqtt.qos1: ok
    mqtt.qos2: ok
    mqtt.retained: ok
    mqtt.session: ok
    mqtt.will: ok
    mqtt.refuses_bad_password: ok
    ws.connect: ok
    ");
    assert_eq!(broker.holdings(), Holdings { retained: 0, sessions: 0 });
}

#[tokio::test]
async fn what_a_target_does_not_have_is_not_checked() {
    let open_to_all = BrokenBroker::start(Some(Fault::AcceptsAnyPassword)).await.unwrap();
    let target = Target { ws: None, credentials: None, ..target(&open_to_all) };
    assert_snapshot!(check(&target, "01J00000000000000000000002").await, @"
    tcp: ok
    mqtt311.connect: ok
    mqtt5.connect: ok
    mqtt.qos0: ok
    mqtt.qos1: ok
    mqtt.qos2: ok
    mqtt.retained: ok
    mqtt.session: ok
    mqtt.will: ok
    ");
}

#[tokio::test]
async fn two_runs_at_once_do_not_disturb_each_other() {
    let broker = BrokenBroker::start(None).await.unwrap();
    let target = target(&broker);
    let (one, other) =
        join(check(&target, "01J0000000000000000000000A"), check(&target, "01J0000000000000000000000B"))
            .await;
    assert_eq!(one, other);
    assert!(one.lines().all(|line| line.ends_with(": ok")), "{one}");
}

#[tokio::test]
async fn a_port_that_cannot_be_reached_fails_everything_at_once() {
    let nobody = port_of_nobody().await;
    let target = Target { host: "127.0.0.1".to_owned(), mqtt: nobody, ws: None, credentials: None };
    assert_snapshot!(check(&target, "01J00000000000000000000003").await, @"
    tcp: 127.0.0.1:PORT can't be reached: connection refused
    mqtt311.connect: not tried, since the port can't be reached
    mqtt5.connect: not tried, since the port can't be reached
    mqtt.qos0: not tried, since the port can't be reached
    mqtt.qos1: not tried, since the port can't be reached
    mqtt.qos2: not tried, since the port can't be reached
    mqtt.retained: not tried, since the port can't be reached
    mqtt.session: not tried, since the port can't be reached
    mqtt.will: not tried, since the port can't be reached
    ");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let broker = BrokenBroker::start(None).await.unwrap();
    let credentials = Credentials { username: USERNAME.to_owned(), password: "hunter2".to_owned() };
    let target = Target { credentials: Some(credentials), ..target(&broker) };
    let told = check(&target, "01J00000000000000000000004").await;
    assert_snapshot!(told.lines().take(3).collect::<Vec<_>>().join("\n"), @"
    tcp: ok
    mqtt311.connect: the broker refused the connection: bad user name or password
    mqtt5.connect: the broker refused the connection: bad user name or password
    ");
    assert!(!told.contains("hunter2"));
    assert_snapshot!(format!("{:?}", target.credentials), @r#"Some(Credentials { username: "bear", .. })"#);
}

#[tokio::test]
async fn a_probe_tells_in_words_why_a_broker_lets_nobody_in() {
    let mut told = Vec::new();
    for fault in [Fault::Garbage, Fault::Silent] {
        let broker = BrokenBroker::start(Some(fault)).await.unwrap();
        let problem = probe(&target(&broker), Duration::from_millis(200)).await.unwrap_err();
        told.push(format!("{fault:?}: {problem}"));
    }
    let nobody = port_of_nobody().await;
    let target = Target { host: "127.0.0.1".to_owned(), mqtt: nobody, ws: None, credentials: None };
    let problem = probe(&target, Duration::from_secs(5)).await.unwrap_err();
    told.push(format!("nobody: {}", problem.replace(&nobody.to_string(), "PORT")));
    assert_snapshot!(told.join("\n"), @r#"
    Garbage: the broker answered with bytes that are no MQTT: "HTTP/1.1 400 Bad Request"
    Silent: the broker accepted the connection, but no CONNACK came within 200 ms
    nobody: 127.0.0.1:PORT can't be reached: connection refused
    "#);
}

#[tokio::test]
async fn a_probe_of_a_healthy_broker_leaves_nothing() {
    let broker = BrokenBroker::start(None).await.unwrap();
    probe(&target(&broker), Duration::from_secs(5)).await.unwrap();
    assert_eq!(broker.holdings(), Holdings { retained: 0, sessions: 0 });
}

#[tokio::test]
async fn verify_can_run_as_a_task_of_its_own() {
    let broker = BrokenBroker::start(None).await.unwrap();
    let target = target(&broker);
    let task =
        tokio::spawn(async move { verify(&target, &LIMITS, "01J00000000000000000000005", |_| {}).await });
    assert!(task.await.unwrap().iter().all(|result| result.ok));
}
