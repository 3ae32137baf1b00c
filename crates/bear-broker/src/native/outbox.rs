//! What waits to be written to one client, within what that client takes.

use bytes::BytesMut;
use mqtt5_protocol::Packet;

use super::alias::{Naming, Outgoing};
use super::core::message::{Delivery, Message};
use super::{clock, packets, wire};
use crate::limits;

/// A buffer that grew beyond this is given back when it is empty.
const KEPT_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) buffer: BytesMut,
    version: u8,
    packet_bytes: usize,
    aliases: Outgoing,
}

impl Outbox {
    /// For a client that takes packets up to this length, and this many topic aliases.
    pub(super) fn new(version: u8, packet_bytes: usize, aliases: u16) -> Self {
        Self { buffer: BytesMut::new(), version, packet_bytes, aliases: Outgoing::new(aliases) }
    }

    pub(super) fn has_room(&self) -> bool {
        self.buffer.len() < limits::OUTBOX_BYTES
    }

    pub(super) fn push(&mut self, packet: &Packet) {
        if let Err(error) = wire::encode(packet, &mut self.buffer) {
            tracing::error!(packet = packet.packet_type_name(), "could not encode a packet: {error}");
        }
    }

    /// Adds a message; false where it is longer than the client takes, or can't be encoded for it.
    pub(super) fn publish(
        &mut self,
        message: &Message,
        delivery: &Delivery,
        packet_id: Option<u16>,
        again: bool,
    ) -> bool {
        let mut packet = packets::publish(message, delivery, packet_id, again, self.version, clock::now());
        let naming = self.aliases.name(&message.topic);
        match naming {
            Naming::Name => {}
            Naming::NameAndAlias(alias) => packet.properties.set_topic_alias(alias),
            Naming::Alias(alias) => {
                packet.topic_name.clear();
                packet.properties.set_topic_alias(alias);
            }
        }
        let before = self.buffer.len();
        let encoded = wire::encode(&Packet::Publish(packet), &mut self.buffer).is_ok();
        if !encoded || self.buffer.len() - before > self.packet_bytes {
            self.buffer.truncate(before);
            return false;
        }
        if let Naming::NameAndAlias(alias) = naming {
            self.aliases.told(&message.topic, alias);
        }
        true
    }

    /// Gives back the memory of a burst that is over.
    pub(super) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer = BytesMut::new();
        }
    }
}
