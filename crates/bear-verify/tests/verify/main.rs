//! Verify and probe as their callers see them.

mod dashboards;
mod faults;

use std::time::Duration;

use bear_lab::broken_broker::{BrokenBroker, Fault, Holdings, PASSWORD, USERNAME, VERSION};
use bear_verify::{Credentials, ExpectedVersion, Limits, Target, Tls, probe, verify};
use futures_util::future::join;
use insta::assert_snapshot;
use tokio::net::TcpListener;

/// Longer than any check here takes: nothing in this file waits for a deadline but one probe.
const LIMITS: Limits = Limits { check: Duration::from_secs(5) };

/// All of what a broken broker offers.
fn target(broker: &BrokenBroker) -> Target {
    Target {
        ws: Some(broker.ws()),
        mqtts: Some(broker.mqtts()),
        wss: Some(broker.wss()),
        tls: Tls { roots: Some(BrokenBroker::authority()), server_name: None },
        credentials: Some(Credentials { username: USERNAME.to_owned(), password: PASSWORD.to_owned() }),
        version: Some(ExpectedVersion::Mosquitto(VERSION.to_owned())),
        ..Target::new("127.0.0.1", broker.mqtt())
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
    let findings = verify(target, &LIMITS, run, |finding| reported.push(finding.clone())).await;
    assert_eq!(reported, findings);
    let lines = findings.iter().map(|finding| match &finding.result.detail {
        None => format!("{}: ok\n", finding.result.name),
        Some(detail) => format!("{}: {detail}\n", finding.result.name),
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
    tls.connect: ok
    wss.connect: ok
    broker.version: ok
    ");
    assert_eq!(broker.holdings(), Holdings { retained: 0, sessions: 0 });
}

#[tokio::test]
async fn what_a_target_does_not_have_is_not_checked() {
    let open_to_all = BrokenBroker::start(Some(Fault::AcceptsAnyPassword)).await.unwrap();
    let target = Target::new("127.0.0.1", open_to_all.mqtt());
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
    let target = Target::new("127.0.0.1", nobody);
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
async fn a_port_for_tls_is_tried_even_if_the_other_cannot_be_reached() {
    let broker = BrokenBroker::start(None).await.unwrap();
    let nobody = port_of_nobody().await;
    let target =
        Target { mqtt: nobody, ws: None, credentials: target(&broker).credentials, ..target(&broker) };
    let told = check(&target, "01J00000000000000000000006").await;
    let last = told.lines().filter(|line| !line.starts_with("mqtt")).collect::<Vec<_>>().join("\n");
    assert_snapshot!(last, @"
    tcp: 127.0.0.1:PORT can't be reached: connection refused
    tls.connect: ok
    wss.connect: ok
    broker.version: not tried, since the port can't be reached
    ");
}

#[tokio::test]
async fn a_certificate_is_held_against_the_name_that_was_asked_for() {
    let broker = BrokenBroker::start(None).await.unwrap();
    let mut told = Vec::new();
    let roots = Some(BrokenBroker::authority());
    let named = |name: &str| Tls { roots: roots.clone(), server_name: Some(name.to_owned()) };
    for tls in [
        named("localhost"),
        named("broker.example.com"),
        named("not a name"),
        Tls::default(),
        Tls { roots: Some(b"no certificate".to_vec()), server_name: None },
    ] {
        let target = Target { tls, ws: None, ..target(&broker) };
        let lines = check(&target, "01J00000000000000000000007").await;
        told.extend(
            lines.lines().filter(|line| line.contains("tls.") || line.contains("wss.")).map(str::to_owned),
        );
    }
    assert_snapshot!(told.join("\n"), @r#"
    tls.connect: ok
    wss.connect: ok
    tls.connect: the certificate is for localhost, 127.0.0.1, not for broker.example.com
    wss.connect: the certificate is for localhost, 127.0.0.1, not for broker.example.com
    tls.connect: no certificate can be for the name "not a name"
    wss.connect: no certificate can be for the name "not a name"
    tls.connect: the certificate was signed by an authority that is not trusted here
    wss.connect: the certificate was signed by an authority that is not trusted here
    tls.connect: there is no certificate among those to trust
    wss.connect: there is no certificate among those to trust
    "#);
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
    let target = Target::new("127.0.0.1", nobody);
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
    assert!(task.await.unwrap().iter().all(|finding| finding.cause.is_none()));
}
