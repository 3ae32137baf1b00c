//! Comparing what was sent with what arrived: each message once, whole, at its level, and in order.

use std::time::Duration;

use rumqttc::QoS;

use crate::client::Heard;
use crate::failure::{Failure, humane};

/// A message that was published.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) payload: Vec<u8>,
    pub(super) qos: QoS,
}

/// Whether `heard` is exactly `sent`, in order at each level, and `fences`.
///
/// QoS 1 promises *at least* once, but a broker has no cause to repeat a message to a client that acknowledges at once
/// on a connection that holds, and MQTT 5 forbids it (4.4). So a second copy is a fault at every level.
pub(super) fn judge(sent: &[Sent], fences: &[Sent], heard: &Heard, limit: Duration) -> Result<(), Failure> {
    let known: Vec<&Sent> = sent.iter().chain(fences).collect();
    for message in &heard.messages {
        if !known.iter().any(|known| known.payload == message.payload) {
            let difference = closest_difference(sent, &message.payload);
            return Err(Failure::wrong(format!("the payload came back changed: {difference}")));
        }
    }
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let at_level: Vec<&Sent> = sent.iter().filter(|sent| sent.qos == qos).collect();
        let with_fences: Vec<&Sent> = known.iter().copied().filter(|sent| sent.qos == qos).collect();
        all_came(&at_level, qos, heard, limit)?;
        none_came_twice(&with_fences, at_level.len(), qos, heard)?;
        all_at_their_level(&with_fences, qos, heard)?;
        all_in_order(&at_level, qos, heard)?;
    }
    if heard.complete {
        Ok(())
    } else {
        Err(Failure::wrong(format!("a message sent after the others did not come within {}", humane(limit))))
    }
}

/// Where `received` parts from `sent`, in words.
pub(super) fn difference(sent: &[u8], received: &[u8]) -> String {
    if sent.len() != received.len() {
        return format!("sent {} bytes, received {}", sent.len(), received.len());
    }
    let differing = sent.iter().zip(received).filter(|(sent, received)| sent != received).count();
    format!("{differing} of {} bytes differ", sent.len())
}

fn closest_difference(sent: &[Sent], received: &[u8]) -> String {
    let closest = sent.iter().min_by_key(|sent| sent.payload.len().abs_diff(received.len()));
    difference(closest.map_or(&[], |sent| sent.payload.as_slice()), received)
}

fn copies(sent: &Sent, heard: &Heard) -> usize {
    heard.messages.iter().filter(|message| message.payload == sent.payload).count()
}

fn all_came(sent: &[&Sent], qos: QoS, heard: &Heard, limit: Duration) -> Result<(), Failure> {
    let came = sent.iter().filter(|sent| copies(sent, heard) > 0).count();
    if came == sent.len() {
        return Ok(());
    }
    let received = if came == 0 { "none".to_owned() } else { came.to_string() };
    let when = if heard.complete {
        ", though one sent later came".to_owned()
    } else {
        format!(" within {}", humane(limit))
    };
    Err(Failure::wrong(format!("sent {}, received {received}{when}", count(sent.len(), qos))))
}

fn none_came_twice(sent: &[&Sent], counted: usize, qos: QoS, heard: &Heard) -> Result<(), Failure> {
    match sent.iter().map(|sent| copies(sent, heard)).max() {
        Some(most) if most > 1 => {
            let which = if counted == 1 { "it" } else { "one of them" };
            Err(Failure::wrong(format!("sent {}, received {which} {most} times", count(counted, qos))))
        }
        _ => Ok(()),
    }
}

fn all_at_their_level(sent: &[&Sent], qos: QoS, heard: &Heard) -> Result<(), Failure> {
    let wrong = heard
        .messages
        .iter()
        .find(|message| message.qos != qos && sent.iter().any(|sent| sent.payload == message.payload));
    match wrong {
        Some(message) => Err(Failure::wrong(format!(
            "sent at QoS {level} to a subscription at QoS {level}, delivered at QoS {}",
            message.qos as u8,
            level = qos as u8,
        ))),
        None => Ok(()),
    }
}

fn all_in_order(sent: &[&Sent], qos: QoS, heard: &Heard) -> Result<(), Failure> {
    let position = |sent: &&Sent| heard.messages.iter().position(|message| message.payload == sent.payload);
    if sent.iter().map(position).is_sorted() {
        Ok(())
    } else {
        Err(Failure::wrong(format!("sent {}, received them in another order", count(sent.len(), qos))))
    }
}

fn count(messages: usize, qos: QoS) -> String {
    let plural = if messages == 1 { "" } else { "s" };
    format!("{messages} message{plural} at QoS {}", qos as u8)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::wire::Message;

    /// What is said when `a`, `b` and `c` were sent at QoS 2 and then `fence`, and `heard` arrived.
    fn check(heard: &[(&str, QoS)]) -> String {
        let sent = |payload: &str| Sent { payload: payload.into(), qos: QoS::ExactlyOnce };
        let message = |(payload, qos): &(&str, QoS)| Message {
            payload: (*payload).into(),
            qos: *qos,
            retain: false,
            packet_id: 1,
        };
        let complete = heard.iter().any(|(payload, _)| *payload == "fence");
        let heard = Heard { messages: heard.iter().map(message).collect(), complete };
        let verdict =
            judge(&["a", "b", "c"].map(sent), &[sent("fence")], &heard, Duration::from_millis(1500));
        verdict.map_or_else(|failure| failure.to_string(), |()| "as sent".to_owned())
    }

    #[test]
    fn what_arrived_is_compared_with_what_was_sent() {
        const Q: QoS = QoS::ExactlyOnce;
        let cases = [
            vec![("a", Q), ("b", Q), ("c", Q), ("fence", Q)],
            vec![("a", Q), ("c", Q), ("fence", Q)],
            vec![("a", Q), ("b", Q), ("c", Q)],
            vec![("a", Q), ("b", Q)],
            vec![],
            vec![("a", Q), ("b", Q), ("c", Q), ("fence", Q), ("b", Q)],
            vec![("a", Q), ("b", Q), ("c", Q), ("fence", Q), ("fence", Q)],
            vec![("a", Q), ("c", Q), ("b", Q), ("fence", Q)],
            vec![("a", Q), ("b", QoS::AtMostOnce), ("c", Q), ("fence", Q)],
            vec![("a", Q), ("x", Q), ("c", Q), ("fence", Q)],
            vec![("a", Q), ("b", Q), ("c", Q), ("", Q), ("fence", Q)],
        ];
        let told: Vec<String> = cases.iter().map(|heard| check(heard)).collect();
        assert_snapshot!(told.join("\n"), @"
        as sent
        sent 3 messages at QoS 2, received 2, though one sent later came
        a message sent after the others did not come within 1500 ms
        sent 3 messages at QoS 2, received 2 within 1500 ms
        sent 3 messages at QoS 2, received none within 1500 ms
        sent 3 messages at QoS 2, received one of them 2 times
        sent 3 messages at QoS 2, received one of them 2 times
        sent 3 messages at QoS 2, received them in another order
        sent at QoS 2 to a subscription at QoS 2, delivered at QoS 0
        the payload came back changed: 1 of 1 bytes differ
        the payload came back changed: sent 1 bytes, received 0
        ");
    }
}
