//! Packets out of bytes and into bytes, with the length checked before anything is kept in memory.

use bytes::{Buf, BytesMut};
use mqtt5_protocol::packet::MqttPacket;
use mqtt5_protocol::{FixedHeader, MqttError, Packet, ReasonCode};

use crate::limits;

/// The versions of MQTT by the number in their CONNECT.
pub(super) const V311: u8 = 4;
pub(super) const V5: u8 = 5;

/// Takes the next packet off the buffer; none while it is not whole. `version` is that of the connection.
pub(super) fn decode(buffer: &mut BytesMut, version: u8) -> Result<Option<Packet>, ReasonCode> {
    let Some((header, head_bytes)) = decode_header(buffer)? else { return Ok(None) };
    let body_bytes = usize::try_from(header.remaining_length).unwrap_or(usize::MAX);
    if body_bytes.saturating_add(head_bytes) > limits::PACKET_BYTES {
        return Err(ReasonCode::PacketTooLarge);
    }
    if buffer.len() < head_bytes + body_bytes {
        buffer.reserve(head_bytes + body_bytes - buffer.len());
        return Ok(None);
    }
    buffer.advance(head_bytes);
    let mut body = buffer.split_to(body_bytes);
    let packet = Packet::decode_from_body_with_version(header.packet_type, &header, &mut body, version);
    let packet = packet.map_err(|error| reason(&error))?;
    // What follows the last field is no part of any packet but PUBLISH, which takes it as payload.
    if body.has_remaining() { Err(ReasonCode::MalformedPacket) } else { Ok(Some(packet)) }
}

/// Reads the fixed header, without taking it off the buffer, and tells how long it is.
fn decode_header(buffer: &BytesMut) -> Result<Option<(FixedHeader, usize)>, ReasonCode> {
    let mut bytes = &buffer[..];
    // One byte, then up to four whose highest bit says that another follows.
    let is_whole = bytes.iter().skip(1).take(4).any(|byte| byte & 0x80 == 0);
    if !is_whole && bytes.len() < 5 {
        return Ok(None);
    }
    let header = FixedHeader::decode(&mut bytes).map_err(|_| ReasonCode::MalformedPacket)?;
    Ok(Some((header, buffer.len() - bytes.len())))
}

/// Puts a packet at the end of the buffer. One that can't be encoded is left out and said to be: nothing was written.
pub(super) fn encode(packet: &Packet, buffer: &mut BytesMut) -> Result<(), MqttError> {
    let length = buffer.len();
    let encoded = match packet {
        Packet::ConnAck(packet) => packet.encode(buffer),
        Packet::Publish(packet) => packet.encode(buffer),
        Packet::PubAck(packet) => packet.encode(buffer),
        Packet::PubRec(packet) => packet.encode(buffer),
        Packet::PubRel(packet) => packet.encode(buffer),
        Packet::PubComp(packet) => packet.encode(buffer),
        Packet::SubAck(packet) => packet.encode(buffer),
        Packet::UnsubAck(packet) => packet.encode(buffer),
        Packet::Disconnect(packet) => packet.encode(buffer),
        // PINGRESP has no fields, and the codec no type for it (MQTT 5, section 3.13).
        Packet::PingResp => {
            buffer.extend_from_slice(&[0xd0, 0]);
            Ok(())
        }
        _ => Err(MqttError::ProtocolError("a packet that only clients send".to_owned())),
    };
    encoded.inspect_err(|_| buffer.truncate(length))
}

fn reason(error: &MqttError) -> ReasonCode {
    match error {
        MqttError::ProtocolError(_) | MqttError::DuplicatePropertyId(_) => ReasonCode::ProtocolError,
        MqttError::UnsupportedProtocolVersion => ReasonCode::UnsupportedProtocolVersion,
        _ => ReasonCode::MalformedPacket,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic_or_stand_still(
            head in prop::sample::select(vec![0x10u8, 0x30, 0x32, 0x34, 0x40, 0x62, 0x82, 0xa2, 0xc0, 0xe0, 0xf0, 0xff]),
            body in prop::collection::vec(any::<u8>(), 0..120),
            version in V311..=V5,
        ) {
            let mut buffer = BytesMut::from(&[head, u8::try_from(body.len()).unwrap()][..]);
            buffer.extend_from_slice(&body);
            let decoded = decode(&mut buffer, version);
            prop_assert!(decoded.is_err() || buffer.is_empty());
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_bytes_come() {
        let mut buffer = BytesMut::from(&[0x30, 0xff, 0xff, 0xff, 0x7f][..]);
        assert_eq!(decode(&mut buffer, V5).unwrap_err(), ReasonCode::PacketTooLarge);
    }

    #[test]
    fn half_a_header_is_waited_for() {
        for half in [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x80, 0x80, 0x80]] {
            assert!(decode(&mut BytesMut::from(half), V5).unwrap().is_none(), "{half:?}");
        }
        assert_eq!(
            decode(&mut BytesMut::from(&[0x30, 0x80, 0x80, 0x80, 0x80][..]), V5).unwrap_err(),
            ReasonCode::MalformedPacket
        );
    }
}
