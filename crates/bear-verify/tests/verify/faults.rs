//! For every way in which a broker can be broken: exactly which checks fail, and what people are told.

use std::time::Duration;

use bear_core::check::CheckResult;
use bear_lab::broken_broker::{BrokenBroker, Fault};
use bear_verify::{Limits, verify};
use futures_util::future::join_all;
use insta::assert_snapshot;

use crate::target;

/// The checks that a broker with `fault` fails, those with the same detail on one line, and what is left on the broker.
async fn check(fault: Fault) -> String {
    let broker = BrokenBroker::start(Some(fault)).await.expect("two free ports on loopback");
    let target = target(&broker);
    let findings = verify(&target, &Limits::default(), "01J00000000000000000000000", |_| {}).await;
    let failed: Vec<&CheckResult> =
        findings.iter().map(|finding| &finding.result).filter(|result| !result.ok).collect();
    let lines = failed.chunk_by(|one, next| one.detail == next.detail).map(|alike| {
        let names: Vec<&str> = alike.iter().map(|result| result.name.as_str()).collect();
        format!("    {}: {}\n", names.join(", "), alike[0].detail.as_deref().unwrap_or("no detail"))
    });
    let report = format!("{fault:?}\n{}{}", lines.collect::<String>(), left_behind(&broker).await);
    [(target.mqtts, "MQTTS"), (target.wss, "WSS")].iter().fold(report, |report, (port, name)| {
        port.map_or(report.clone(), |port| report.replace(&port.to_string(), name))
    })
}

/// What stays on a broker. A client that gave up dropped its socket, which a broker takes a moment to see.
async fn left_behind(broker: &BrokenBroker) -> String {
    for _ in 0..100 {
        if broker.holdings().sessions == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let holdings = broker.holdings();
    match (holdings.sessions, holdings.retained) {
        (0, 0) => String::new(),
        (sessions, retained) => {
            format!("    left behind: {sessions} sessions, {retained} retained messages\n")
        }
    }
}

// Time is tokio's own and jumps to the next timer whenever nothing else is left to do. So no deadline is waited for,
// and none passes because the machine is busy.
#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "the faults are one table, and are read as one")]
async fn every_fault_fails_exactly_the_checks_that_it_breaks() {
    let reports = join_all(Fault::ALL.map(check)).await;
    assert_snapshot!(reports.concat(), @r#"
    Silent
        mqtt311.connect, mqtt5.connect: the broker accepted the connection, but no CONNACK came within 5 s
        mqtt.qos0, mqtt.qos1, mqtt.qos2, mqtt.retained, mqtt.session, mqtt.will, mqtt.refuses_bad_password, ws.connect: not tried, since the broker lets no client in
        tls.connect: 127.0.0.1:MQTTS accepted the connection, but nothing came within 5 s
        wss.connect: 127.0.0.1:WSS accepted the connection, but nothing came within 5 s
        broker.version: not tried, since the broker lets no client in
    Garbage
        mqtt311.connect, mqtt5.connect: the broker answered with bytes that are no MQTT: "HTTP/1.1 400 Bad Request"
        mqtt.qos0, mqtt.qos1, mqtt.qos2, mqtt.retained, mqtt.session, mqtt.will, mqtt.refuses_bad_password, ws.connect: not tried, since the broker lets no client in
        tls.connect: port MQTTS speaks no TLS: it answered with "HTTP/1.1 400 Bad Request"
        wss.connect: port WSS speaks no TLS: it answered with "HTTP/1.1 400 Bad Request"
        broker.version: not tried, since the broker lets no client in
    ClosesAfterConnect
        mqtt.qos0, mqtt.qos1, mqtt.qos2: the broker closed the connection where a SUBACK was due
        mqtt.retained: the broker closed the connection where a PUBACK was due
        mqtt.session, mqtt.will, ws.connect, tls.connect, wss.connect, broker.version: the broker closed the connection where a SUBACK was due
    RefusesMqtt5
        mqtt5.connect: the broker refuses MQTT 5
    AcceptsAnyPassword
        mqtt.refuses_bad_password: a client with a wrong password was let in
    RefusesAsUnavailable
        mqtt.refuses_bad_password: over MQTT 3.1.1 a client with a wrong password was not refused for it: the broker refused the connection: service unavailable; over MQTT 5 a client with a wrong password was not refused for it: the broker refused the connection: server unavailable
    ClosesWebsockets
        ws.connect, wss.connect: the broker closed the connection where a CONNACK was due
    NeverAcknowledges(1)
        mqtt.qos1, mqtt.retained, mqtt.session, ws.connect, tls.connect, wss.connect: no PUBACK came within 5 s
    NeverAcknowledges(2)
        mqtt.qos2, mqtt.session: no PUBREC came within 5 s
    Loses(0)
        mqtt.qos0: sent 1 message at QoS 0, received none within 5 s
    Loses(1)
        mqtt.qos1: sent 1 message at QoS 1, received none within 5 s
        mqtt.retained: a message sent to a subscriber of the cleared topic did not come within 5 s
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received none within 5 s
        mqtt.will: the socket of a client with a will was dropped, its will was not published within 5 s
        ws.connect, tls.connect, wss.connect: sent 1 message at QoS 1, received none within 5 s
    Loses(2)
        mqtt.qos2: sent 1 message at QoS 2, received none within 5 s
        mqtt.session: while the session was away: sent 3 messages at QoS 2, received none within 5 s
    Duplicates(0)
        mqtt.qos0: sent 1 message at QoS 0, received it 2 times
    Duplicates(1)
        mqtt.qos1: sent 1 message at QoS 1, received it 2 times
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received one of them 2 times
        ws.connect, tls.connect, wss.connect: sent 1 message at QoS 1, received it 2 times
    Duplicates(2)
        mqtt.qos2: sent 1 message at QoS 2, received it 2 times
        mqtt.session: while the session was away: sent 3 messages at QoS 2, received one of them 2 times
    RepeatsLater
        mqtt.qos0: sent 1 message at QoS 0, received it 2 times
    CorruptsPayload
        mqtt.qos0: the payload came back changed: 1 of 300 bytes differ
        mqtt.qos1: the payload came back changed: 1 of 20000 bytes differ
        mqtt.qos2: the payload came back changed: 1 of 5000 bytes differ
        mqtt.retained: the retained payload came back changed: 1 of 300 bytes differ
        mqtt.session: while the session was away: the payload came back changed: 1 of 300 bytes differ
        mqtt.will: the will came changed: 1 of 300 bytes differ
        ws.connect, tls.connect, wss.connect: the payload came back changed: 1 of 20000 bytes differ
        broker.version: the version that the broker tells is no Mosquitto's: "losquitto version 2.0.11"
    TruncatesPayload
        mqtt.qos0: the payload came back changed: sent 300 bytes, received 299
        mqtt.qos1: the payload came back changed: sent 20000 bytes, received 19999
        mqtt.qos2: the payload came back changed: sent 5000 bytes, received 4999
        mqtt.retained: the retained payload came back changed: sent 300 bytes, received 299
        mqtt.session: while the session was away: the payload came back changed: sent 300 bytes, received 299
        mqtt.will: the will came changed: sent 300 bytes, received 299
        ws.connect, tls.connect, wss.connect: the payload came back changed: sent 20000 bytes, received 19999
        broker.version: mosquitto runs version 2.0.1, expected 2.0.11
    GrantsLess
        mqtt.qos2, mqtt.session: asked to subscribe at QoS 2, the broker granted QoS 1
    DowngradesQos
        mqtt.qos1: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
        mqtt.qos2: sent at QoS 2 to a subscription at QoS 2, delivered at QoS 1
        mqtt.session: while the session was away: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
        ws.connect, tls.connect, wss.connect: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
    ForgetsSubscriptions
        mqtt.qos0, mqtt.qos1, mqtt.qos2: each level passes alone, but not all on one connection: sent 1 message at QoS 0, received none within 5 s
    NeverReleases
        mqtt.qos2, mqtt.session: no PUBREL came within 5 s
    ForgetsRetained
        mqtt.retained: a late subscriber was sent no retained message within 5 s
    RetainsWithoutFlag
        mqtt.retained: a late subscriber was sent the retained message without its retain flag
    NeverClearsRetained
        mqtt.retained: a retained message was still sent after an empty one had cleared it
        left behind: 0 sessions, 2 retained messages
    ForgetsSessions
        mqtt.session: a client came back to its session, the broker said that it has none
    LosesQueue
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received none, though one sent later came
    ReversesQueue
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received them in another order
    NoWill
        mqtt.will: the socket of a client with a will was dropped, its will was not published within 5 s
    PlainBehindTls
        tls.connect: port MQTTS speaks MQTT without TLS
        wss.connect: port WSS opens websockets without TLS
    RefusesHandshakes
        tls.connect, wss.connect: the broker refused the TLS handshake: handshake failure
    SilentWithinTls
        tls.connect, wss.connect: no CONNACK came within 5 s
    WantsClientCertificates
        tls.connect, wss.connect: the broker asks its clients for certificates of their own
    CertificateExpired
        tls.connect, wss.connect: the certificate expired on 2020-12-31
    CertificateNotYetValid
        tls.connect, wss.connect: the certificate is not valid before 2099-01-01; are the clocks right?
    CertificateOfAnother
        tls.connect, wss.connect: the certificate is for broker.example.com, 10.77.0.9, not for 127.0.0.1
    CertificateSelfSigned
        tls.connect, wss.connect: the certificate was signed by nobody but itself
    CertificateOfUnknownAuthority
        tls.connect, wss.connect: the certificate was signed by an authority that is not trusted here
    CertificateOfTheAuthority
        tls.connect, wss.connect: the certificate is an authority's own, where one that an authority signed is needed
    TellsNoVersion
        broker.version: the broker told no version at $SYS/broker/version within 5 s
    OtherVersion
        broker.version: mosquitto runs version 2.0.18, expected 2.0.11
    "#);
}

/// Which failures of a broker with `fault` are worth a look from its host.
async fn causes(fault: Fault) -> String {
    let broker = BrokenBroker::start(Some(fault)).await.expect("four free ports on loopback");
    let findings = verify(&target(&broker), &Limits::default(), "01J00000000000000000000001", |_| {}).await;
    let failed = findings.iter().filter_map(|finding| Some((finding, finding.cause?)));
    let lines = failed.map(|(finding, cause)| {
        let look = if cause.may_differ_on_the_host() { ", worth a look from the host" } else { "" };
        format!("    {}: {cause:?}{look}\n", finding.result.name)
    });
    format!("{fault:?}\n{}", lines.collect::<String>())
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_whether_a_look_from_the_host_may_explain_it() {
    let faults = [
        Fault::Silent,
        Fault::Garbage,
        Fault::ClosesWebsockets,
        Fault::NeverAcknowledges(2),
        Fault::SilentWithinTls,
        Fault::CertificateExpired,
    ];
    let reports = join_all(faults.map(causes)).await;
    assert_snapshot!(reports.concat(), @"
    Silent
        mqtt311.connect: Unanswered, worth a look from the host
        mqtt5.connect: Unanswered, worth a look from the host
        mqtt.qos0: NotTried
        mqtt.qos1: NotTried
        mqtt.qos2: NotTried
        mqtt.retained: NotTried
        mqtt.session: NotTried
        mqtt.will: NotTried
        mqtt.refuses_bad_password: NotTried
        ws.connect: NotTried
        tls.connect: Unanswered, worth a look from the host
        wss.connect: Unanswered, worth a look from the host
        broker.version: NotTried
    Garbage
        mqtt311.connect: Wrong
        mqtt5.connect: Wrong
        mqtt.qos0: NotTried
        mqtt.qos1: NotTried
        mqtt.qos2: NotTried
        mqtt.retained: NotTried
        mqtt.session: NotTried
        mqtt.will: NotTried
        mqtt.refuses_bad_password: NotTried
        ws.connect: NotTried
        tls.connect: Wrong
        wss.connect: Wrong
        broker.version: NotTried
    ClosesWebsockets
        ws.connect: Unanswered, worth a look from the host
        wss.connect: Unanswered, worth a look from the host
    NeverAcknowledges(2)
        mqtt.qos2: Wrong
        mqtt.session: Wrong
    SilentWithinTls
        tls.connect: Unanswered, worth a look from the host
        wss.connect: Unanswered, worth a look from the host
    CertificateExpired
        tls.connect: Wrong
        wss.connect: Wrong
    ");
}
