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
    let results = verify(&target(&broker), &Limits::default(), "01J00000000000000000000000", |_| {}).await;
    let failed: Vec<&CheckResult> = results.iter().filter(|result| !result.ok).collect();
    let lines = failed.chunk_by(|one, next| one.detail == next.detail).map(|alike| {
        let names: Vec<&str> = alike.iter().map(|result| result.name.as_str()).collect();
        format!("    {}: {}\n", names.join(", "), alike[0].detail.as_deref().unwrap_or("no detail"))
    });
    format!("{fault:?}\n{}{}", lines.collect::<String>(), left_behind(&broker).await)
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
async fn every_fault_fails_exactly_the_checks_that_it_breaks() {
    let reports = join_all(Fault::ALL.map(check)).await;
    assert_snapshot!(reports.concat(), @r#"
    Silent
        mqtt311.connect, mqtt5.connect: the broker accepted the connection, but no CONNACK came within 5 s
        mqtt.qos0, mqtt.qos1, mqtt.qos2, mqtt.retained, mqtt.session, mqtt.will, mqtt.refuses_bad_password, ws.connect: not tried, since the broker lets no client in
    Garbage
        mqtt311.connect, mqtt5.connect: the broker answered with bytes that are no MQTT: "HTTP/1.1 400 Bad Request"
        mqtt.qos0, mqtt.qos1, mqtt.qos2, mqtt.retained, mqtt.session, mqtt.will, mqtt.refuses_bad_password, ws.connect: not tried, since the broker lets no client in
    ClosesAfterConnect
        mqtt.qos0, mqtt.qos1, mqtt.qos2: the broker closed the connection where a SUBACK was due
        mqtt.retained: the broker closed the connection where a PUBACK was due
        mqtt.session, mqtt.will, ws.connect: the broker closed the connection where a SUBACK was due
    RefusesMqtt5
        mqtt5.connect: the broker refuses MQTT 5
    AcceptsAnyPassword
        mqtt.refuses_bad_password: a client with a wrong password was let in
    RefusesAsUnavailable
        mqtt.refuses_bad_password: over MQTT 3.1.1 a client with a wrong password was not refused for it: the broker refused the connection: service unavailable; over MQTT 5 a client with a wrong password was not refused for it: the broker refused the connection: server unavailable
    ClosesWebsockets
        ws.connect: the broker closed the connection where a CONNACK was due
    NeverAcknowledges(1)
        mqtt.qos1, mqtt.retained, mqtt.session, ws.connect: no PUBACK came within 5 s
    NeverAcknowledges(2)
        mqtt.qos2, mqtt.session: no PUBREC came within 5 s
    Loses(0)
        mqtt.qos0: sent 1 message at QoS 0, received none within 5 s
    Loses(1)
        mqtt.qos1: sent 1 message at QoS 1, received none within 5 s
        mqtt.retained: a message sent to a subscriber of the cleared topic did not come within 5 s
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received none within 5 s
        mqtt.will: the socket of a client with a will was dropped, its will was not published within 5 s
        ws.connect: sent 1 message at QoS 1, received none within 5 s
    Loses(2)
        mqtt.qos2: sent 1 message at QoS 2, received none within 5 s
        mqtt.session: while the session was away: sent 3 messages at QoS 2, received none within 5 s
    Duplicates(0)
        mqtt.qos0: sent 1 message at QoS 0, received it 2 times
    Duplicates(1)
        mqtt.qos1: sent 1 message at QoS 1, received it 2 times
        mqtt.session: while the session was away: sent 3 messages at QoS 1, received one of them 2 times
        ws.connect: sent 1 message at QoS 1, received it 2 times
    Duplicates(2)
        mqtt.qos2: sent 1 message at QoS 2, received it 2 times
        mqtt.session: while the session was away: sent 3 messages at QoS 2, received one of them 2 times
    CorruptsPayload
        mqtt.qos0: the payload came back changed: 1 of 300 bytes differ
        mqtt.qos1: the payload came back changed: 1 of 20000 bytes differ
        mqtt.qos2: the payload came back changed: 1 of 5000 bytes differ
        mqtt.retained: the retained payload came back changed: 1 of 300 bytes differ
        mqtt.session: while the session was away: the payload came back changed: 1 of 300 bytes differ
        mqtt.will: the will came changed: 1 of 300 bytes differ
        ws.connect: the payload came back changed: 1 of 20000 bytes differ
    TruncatesPayload
        mqtt.qos0: the payload came back changed: sent 300 bytes, received 299
        mqtt.qos1: the payload came back changed: sent 20000 bytes, received 19999
        mqtt.qos2: the payload came back changed: sent 5000 bytes, received 4999
        mqtt.retained: the retained payload came back changed: sent 300 bytes, received 299
        mqtt.session: while the session was away: the payload came back changed: sent 300 bytes, received 299
        mqtt.will: the will came changed: sent 300 bytes, received 299
        ws.connect: the payload came back changed: sent 20000 bytes, received 19999
    GrantsLess
        mqtt.qos2, mqtt.session: asked to subscribe at QoS 2, the broker granted QoS 1
    DowngradesQos
        mqtt.qos1: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
        mqtt.qos2: sent at QoS 2 to a subscription at QoS 2, delivered at QoS 1
        mqtt.session: while the session was away: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
        ws.connect: sent at QoS 1 to a subscription at QoS 1, delivered at QoS 0
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
    "#);
}
