//! One MQTT client of a check: every call ends with what it waits for, with a failure, or at the deadline.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rumqttc::QoS;

use crate::failure::{Awaited, Deadline, Failure};
use crate::wire::{Hello, Message, Packet, Verdict, Wire};

/// How long a client listens on for a second copy after the last message that it waits for. A copy is sent right
/// behind the first one, so this need not grow with the way to the broker.
const GRACE: Duration = Duration::from_millis(10);

/// How long a client that said goodbye waits for the broker to close the connection, as it must.
const GOODBYE: Duration = Duration::from_millis(100);

/// Verify sends a handful of messages to a client; a broker that sends this many is out of its mind.
const INBOX: usize = 100;

pub(crate) struct Client {
    wire: Wire,
    deadline: Deadline,
    /// Whether the broker said that it kept a session for this client.
    pub(crate) session_present: bool,
    inbox: VecDeque<Message>,
    /// Packet ids received at QoS 2 that the broker has not released yet.
    unreleased: BTreeSet<u16>,
}

/// What a client received.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) messages: Vec<Message>,
    /// Whether the last message of all came before the deadline.
    pub(crate) complete: bool,
}

impl Client {
    /// Connects and is let in. Whatever this client waits for later ends at `deadline` too.
    pub(crate) async fn connect(hello: &Hello<'_>, deadline: Deadline) -> Result<Self, Failure> {
        let wire = Wire::new(hello, deadline.limit);
        let mut client = Self {
            wire,
            deadline,
            session_present: false,
            inbox: VecDeque::new(),
            unreleased: BTreeSet::new(),
        };
        client.session_present = client
            .wait(Awaited::ConnAck, |packet| match packet {
                Packet::ConnAck { session_present } => Ok(session_present),
                other => Err(other),
            })
            .await?;
        Ok(client)
    }

    /// Subscribes to `topic` and insists on being granted `qos`.
    pub(crate) async fn subscribe(&mut self, topic: &str, qos: QoS) -> Result<(), Failure> {
        self.wire.subscribe(topic, qos).await?;
        let granted = self.wait(Awaited::SubAck, |packet| match packet {
            Packet::SubAck { granted } => Ok(granted),
            other => Err(other),
        });
        match granted.await? {
            Ok(granted) if granted == qos => Ok(()),
            Ok(granted) => Err(Failure::wrong(format!(
                "asked to subscribe at QoS {}, the broker granted QoS {}",
                qos as u8, granted as u8
            ))),
            Err(reason) => Err(Failure::wrong(format!("the broker refused the subscription: {reason}"))),
        }
    }

    /// Publishes a message and waits until the broker has taken it over, as far as `qos` says so.
    pub(crate) async fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        retain: bool,
    ) -> Result<(), Failure> {
        self.wire.publish(topic, payload, qos, retain).await?;
        match qos {
            QoS::AtMostOnce => {
                self.wait(Awaited::Message, |packet| match packet {
                    Packet::Written => Ok(()),
                    other => Err(other),
                })
                .await
            }
            QoS::AtLeastOnce => {
                let answer = self.wait(Awaited::PubAck, |packet| match packet {
                    Packet::PubAck(verdict) => Ok(verdict),
                    other => Err(other),
                });
                taken_over(answer.await?, qos)
            }
            QoS::ExactlyOnce => {
                let received = self.wait(Awaited::PubRec, |packet| match packet {
                    Packet::PubRec(verdict) => Ok(verdict),
                    other => Err(other),
                });
                taken_over(received.await?, qos)?;
                let completed = self.wait(Awaited::PubComp, |packet| match packet {
                    Packet::PubComp(verdict) => Ok(verdict),
                    other => Err(other),
                });
                taken_over(completed.await?, qos)
            }
        }
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Result<Message, Failure> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Ok(message);
            }
            let packet = self.next(Awaited::Message).await?;
            self.keep(packet)?;
        }
    }

    /// Every message until all of `fences` have come, and those of a moment more.
    ///
    /// A fence is a message sent after the ones that matter, the same way: once it is here, nothing before it is still
    /// on its way, so a loss shows at once and a second copy needs no long wait to be seen.
    pub(crate) async fn listen_until(&mut self, fences: &[&[u8]]) -> Result<Heard, Failure> {
        let mut messages: Vec<Message> = Vec::new();
        let mut missing = fences.to_vec();
        while !missing.is_empty() {
            match self.message().await {
                Ok(message) => {
                    missing.retain(|fence| *fence != message.payload);
                    messages.push(message);
                }
                Err(Failure::Late { .. }) => {
                    return Ok(Heard { messages, complete: false });
                }
                Err(failure) => return Err(failure),
            }
        }
        let grace = Deadline::after(GRACE);
        while let Some(late) = grace.bound(self.message()).await {
            messages.push(late?);
        }
        Ok(Heard { messages, complete: true })
    }

    /// Completes what is under way at QoS 2, says goodbye and waits for the broker to close the connection.
    pub(crate) async fn disconnect(mut self) -> Result<(), Failure> {
        while !self.unreleased.is_empty() {
            let packet = self.next(Awaited::PubRel).await?;
            self.keep(packet)?;
        }
        self.wire.disconnect().await?;
        let goodbye = Deadline::after(GOODBYE);
        while let Some(Ok(_)) = goodbye.bound(self.wire.next(Awaited::Message)).await {}
        Ok(())
    }

    async fn wait<T>(
        &mut self,
        awaited: Awaited,
        pick: impl Fn(Packet) -> Result<T, Packet>,
    ) -> Result<T, Failure> {
        loop {
            match pick(self.next(awaited).await?) {
                Ok(found) => return Ok(found),
                Err(other) => self.keep(other)?,
            }
        }
    }

    async fn next(&mut self, awaited: Awaited) -> Result<Packet, Failure> {
        let packet = self.deadline.bound(self.wire.next(awaited)).await;
        packet.ok_or(Failure::Late { awaited, limit: self.deadline.limit })?
    }

    fn keep(&mut self, packet: Packet) -> Result<(), Failure> {
        match packet {
            Packet::Message(_) if self.inbox.len() == INBOX => {
                Err(Failure::wrong(format!("the broker sent more than {INBOX} messages to one client")))
            }
            Packet::Message(message) => {
                if message.qos == QoS::ExactlyOnce {
                    self.unreleased.insert(message.packet_id);
                }
                self.inbox.push_back(message);
                Ok(())
            }
            Packet::PubRel(packet_id) => {
                self.unreleased.remove(&packet_id);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn taken_over(verdict: Verdict<()>, qos: QoS) -> Result<(), Failure> {
    verdict.map_err(|reason| {
        Failure::wrong(format!("the broker refused a message at QoS {}: {reason}", qos as u8))
    })
}
