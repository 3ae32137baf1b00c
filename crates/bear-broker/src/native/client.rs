//! A client that was let in: what each of its packets asks for, and what it gets.

use bytes::BytesMut;
use mqtt5_protocol::packet::disconnect::DisconnectPacket;
use mqtt5_protocol::packet::puback::PubAckPacket;
use mqtt5_protocol::packet::pubcomp::PubCompPacket;
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::packet::pubrec::PubRecPacket;
use mqtt5_protocol::packet::pubrel::PubRelPacket;
use mqtt5_protocol::packet::suback::{SubAckPacket, SubAckReasonCode};
use mqtt5_protocol::packet::subscribe::{SubscribePacket, TopicFilter};
use mqtt5_protocol::packet::unsuback::{UnsubAckPacket, UnsubAckReasonCode};
use mqtt5_protocol::packet::unsubscribe::UnsubscribePacket;
use mqtt5_protocol::{Packet, QoS, ReasonCode};

use super::connection::Close;
use super::core::link::{End, Fault, LinkId, Outgoing};
use super::core::topic::is_topic_name;
use super::handshake::Known;
use super::outbox::Outbox;
use super::server::Shared;
use super::wire::V5;
use super::{alias, clock, packets, wire};

pub(super) struct Client<'a> {
    shared: &'a Shared,
    link: LinkId,
    version: u8,
    pub(super) outbox: Outbox,
    aliases: alias::Incoming,
}

impl<'a> Client<'a> {
    pub(super) fn new(known: Known, shared: &'a Shared) -> Self {
        let Known { link, version, outbox } = known;
        Self { shared, link, version, outbox, aliases: alias::Incoming::default() }
    }

    /// Does what every whole packet in the inbox asks for.
    pub(super) fn take_all(&mut self, inbox: &mut BytesMut) -> Result<(), Close> {
        while let Some(packet) = wire::decode(inbox, self.version).map_err(Close::Ended)? {
            self.take(packet)?;
        }
        Ok(())
    }

    /// Moves messages from the session to the outbox, as far as there are any and it has room.
    pub(super) fn fill_outbox(&mut self) -> Result<(), Close> {
        while self.outbox.has_room() {
            let next = self.shared.broker().next(&self.link, clock::now());
            match next.map_err(|fault| self.close(fault))? {
                None => return Ok(()),
                Some(Outgoing::Release { packet_id }) => {
                    self.outbox.push(&Packet::PubRel(PubRelPacket::new(packet_id)));
                }
                Some(Outgoing::Publish { packet_id, again, message, delivery }) => {
                    let fits = self.outbox.publish(&message, &delivery, packet_id, again);
                    // What is too long for a client counts as delivered (MQTT 5, section 3.1.2.11.4).
                    if let Some(packet_id) = packet_id.filter(|_| !fits) {
                        self.broker_done(packet_id)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells the broker that the connection is over. Gives what is still to be said to the client.
    pub(super) fn end(mut self, close: Close) -> BytesMut {
        tracing::debug!(client = self.link.client, ?close, "disconnected");
        let end = match close {
            Close::Left(end) => end,
            Close::Gone | Close::Ended(_) => End::Lost { expiry_seconds: None },
        };
        match self.shared.broker().end(&self.link, end, clock::now()) {
            Ok(()) | Err(Fault::TakenOver) => {}
            Err(fault) => tracing::error!(client = self.link.client, "could not end a connection: {fault}"),
        }
        if let Close::Ended(reason) = close
            && self.version == V5
        {
            self.outbox.push(&Packet::Disconnect(DisconnectPacket::new(reason)));
        }
        self.outbox.buffer
    }

    fn take(&mut self, packet: Packet) -> Result<(), Close> {
        match packet {
            Packet::Publish(publish) => self.publish(publish),
            Packet::PubAck(ack) => self.broker_done(ack.packet_id),
            Packet::PubComp(ack) => self.broker_done(ack.packet_id),
            Packet::PubRec(ack) if ack.reason_code.is_error() => self.broker_done(ack.packet_id),
            Packet::PubRec(ack) => self.release(ack.packet_id),
            Packet::PubRel(ack) => self.complete(ack.packet_id),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe),
            Packet::PingReq => {
                self.outbox.push(&Packet::PingResp);
                Ok(())
            }
            Packet::Disconnect(disconnect) => {
                let expiry_seconds = disconnect.properties.get_session_expiry_interval();
                Err(Close::Left(match disconnect.reason_code {
                    ReasonCode::Success => End::Left { expiry_seconds },
                    _ => End::Lost { expiry_seconds },
                }))
            }
            _ => Err(Close::Ended(ReasonCode::ProtocolError)),
        }
    }

    fn publish(&mut self, mut publish: PublishPacket) -> Result<(), Close> {
        let refused = |reason| Err(Close::Ended(reason));
        let alias = publish.properties.get_topic_alias();
        let Some(topic) = self.aliases.resolve(std::mem::take(&mut publish.topic_name), alias) else {
            return refused(if alias.is_some() {
                ReasonCode::TopicAliasInvalid
            } else {
                ReasonCode::TopicNameInvalid
            });
        };
        if !is_topic_name(&topic) {
            return refused(ReasonCode::TopicNameInvalid);
        }
        let packet_id = packets::packet_id(publish.packet_id);
        let nameless = publish.qos != QoS::AtMostOnce && packet_id.is_none();
        if nameless || publish.properties.get_subscription_identifier().is_some() {
            return refused(ReasonCode::ProtocolError);
        }
        let packet_id = packet_id.unwrap_or_default();
        let now = clock::now();
        let message = packets::message(&publish, topic, now);
        let taken = self.shared.broker().publish(&self.link, packet_id, message, now);
        taken.map_err(|fault| self.close(fault))?;
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.outbox.push(&Packet::PubAck(PubAckPacket::new(packet_id))),
            QoS::ExactlyOnce => self.outbox.push(&Packet::PubRec(PubRecPacket::new(packet_id))),
        }
        Ok(())
    }

    /// The client has a message at QoS 2: from now on it is only to be released.
    fn release(&mut self, packet_id: u16) -> Result<(), Close> {
        let received = self.shared.broker().received(&self.link, packet_id);
        let known = received.map_err(|fault| self.close(fault))?;
        let mut release = PubRelPacket::new(packet_id);
        release.reason_code = self.known(known);
        self.outbox.push(&Packet::PubRel(release));
        Ok(())
    }

    /// The client released a message that it published at QoS 2.
    fn complete(&mut self, packet_id: u16) -> Result<(), Close> {
        let released = self.shared.broker().released(&self.link, packet_id);
        let known = released.map_err(|fault| self.close(fault))?;
        let mut complete = PubCompPacket::new(packet_id);
        complete.reason_code = self.known(known);
        self.outbox.push(&Packet::PubComp(complete));
        Ok(())
    }

    fn subscribe(&mut self, subscribe: &SubscribePacket) -> Result<(), Close> {
        let id = subscribe.properties.get_subscription_identifier();
        if packets::packet_id(Some(subscribe.packet_id)).is_none() || id == Some(0) {
            return Err(Close::Ended(ReasonCode::ProtocolError));
        }
        let mut answer = match self.version {
            V5 => SubAckPacket::new(subscribe.packet_id),
            _ => SubAckPacket::new_v311(subscribe.packet_id),
        };
        for filter in &subscribe.filters {
            answer = answer.add_reason_code(self.subscribe_to(filter, id)?);
        }
        self.outbox.push(&Packet::SubAck(answer));
        Ok(())
    }

    fn subscribe_to(&mut self, filter: &TopicFilter, id: Option<u32>) -> Result<SubAckReasonCode, Close> {
        // Every member of a group would have to be another publisher (MQTT 5, section 3.8.3.1).
        if filter.options.no_local && filter.filter.starts_with("$share/") {
            return Err(Close::Ended(ReasonCode::ProtocolError));
        }
        let (subscription, handling) = packets::subscription(filter.options, id);
        let now = clock::now();
        let subscribed =
            self.shared.broker().subscribe(&self.link, &filter.filter, subscription, handling, now);
        match subscribed {
            Ok(()) => Ok(SubAckReasonCode::from_qos(filter.options.qos)),
            Err(Fault::NoFilter) => Ok(SubAckReasonCode::TopicFilterInvalid),
            Err(Fault::TooManySubscriptions) => Ok(SubAckReasonCode::QuotaExceeded),
            Err(fault) => Err(self.close(fault)),
        }
    }

    fn unsubscribe(&mut self, unsubscribe: &UnsubscribePacket) -> Result<(), Close> {
        if packets::packet_id(Some(unsubscribe.packet_id)).is_none() {
            return Err(Close::Ended(ReasonCode::ProtocolError));
        }
        let mut answer = match self.version {
            V5 => UnsubAckPacket::new(unsubscribe.packet_id),
            _ => UnsubAckPacket::new_v311(unsubscribe.packet_id),
        };
        for filter in &unsubscribe.filters {
            let ended = self.shared.broker().unsubscribe(&self.link, filter);
            let existed = ended.map_err(|fault| self.close(fault))?;
            let code =
                if existed { UnsubAckReasonCode::Success } else { UnsubAckReasonCode::NoSubscriptionExisted };
            answer = answer.add_reason_code(code);
        }
        self.outbox.push(&Packet::UnsubAck(answer));
        Ok(())
    }

    fn broker_done(&mut self, packet_id: u16) -> Result<(), Close> {
        let done = self.shared.broker().done(&self.link, packet_id);
        done.map_err(|fault| self.close(fault))
    }

    /// What acknowledgements say about a packet identifier; before MQTT 5 they can't say anything.
    fn known(&self, known: bool) -> ReasonCode {
        if known || self.version != V5 { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound }
    }

    fn close(&self, fault: Fault) -> Close {
        Close::Ended(match fault {
            Fault::TakenOver => ReasonCode::SessionTakenOver,
            Fault::TooManyIncoming => ReasonCode::ReceiveMaximumExceeded,
            Fault::NoFilter => ReasonCode::TopicFilterInvalid,
            Fault::TooManySessions | Fault::TooManySubscriptions => ReasonCode::QuotaExceeded,
            Fault::Journal(error) => {
                tracing::error!(client = self.link.client, "could not write the journal: {error}");
                ReasonCode::UnspecifiedError
            }
        })
    }
}
