//! Between the codec's packets and what the core knows of: messages, subscriptions, wills.

use std::num::NonZeroU16;

use bytes::Bytes;
use mqtt5_protocol::packet::connect::ConnectPacket;
use mqtt5_protocol::packet::publish::PublishPacket;
use mqtt5_protocol::packet::subscribe_options::SubscriptionOptions;
use mqtt5_protocol::{self as codec, PropertyId, PropertyValue, QoS};

use super::core::message::{Delivery, Message, Properties, Qos, RetainHandling, Subscription, Will};

/// The message of a PUBLISH under the topic name that its alias stands for.
pub(super) fn message(packet: &PublishPacket, topic: String, now: u64) -> Message {
    let mut message = Message {
        topic,
        // A copy: a few bytes that wait for long must not hold on to the buffer that they came in.
        payload: Bytes::copy_from_slice(&packet.payload),
        qos: qos(packet.qos),
        retain: packet.retain,
        expires_at: None,
        properties: properties(&packet.properties),
    };
    message.expire_after(packet.properties.get_message_expiry_interval(), now);
    message
}

/// The will of a CONNECT.
pub(super) fn will(packet: &ConnectPacket) -> Option<Will> {
    let will = packet.will.as_ref()?;
    let message = Message {
        topic: will.topic.clone(),
        payload: Bytes::copy_from_slice(&will.payload),
        qos: qos(will.qos),
        retain: will.retain,
        expires_at: None,
        properties: properties(&packet.will_properties),
    };
    let delay_seconds = will.properties.will_delay_interval.unwrap_or(0);
    Some(Will {
        message,
        delay_seconds,
        expiry_seconds: packet.will_properties.get_message_expiry_interval(),
    })
}

pub(super) fn subscription(options: SubscriptionOptions, id: Option<u32>) -> (Subscription, RetainHandling) {
    let subscription = Subscription {
        qos: qos(options.qos),
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        id,
    };
    let handling = match options.retain_handling {
        codec::packet::subscribe::RetainHandling::SendAtSubscribe => RetainHandling::Always,
        codec::packet::subscribe::RetainHandling::SendAtSubscribeIfNew => RetainHandling::IfNew,
        codec::packet::subscribe::RetainHandling::DoNotSend => RetainHandling::Never,
    };
    (subscription, handling)
}

/// The PUBLISH that takes a message to a client, before any alias.
pub(super) fn publish(
    message: &Message,
    delivery: &Delivery,
    packet_id: Option<u16>,
    again: bool,
    version: u8,
    now: u64,
) -> PublishPacket {
    let mut properties = codec_properties(&message.properties);
    if let Some(expires_at) = message.expires_at {
        let seconds = expires_at.saturating_sub(now).div_ceil(1000);
        properties.set_message_expiry_interval(u32::try_from(seconds).unwrap_or(u32::MAX));
    }
    delivery.subscription_ids.iter().for_each(|id| properties.set_subscription_identifier(*id));
    PublishPacket {
        topic_name: message.topic.clone(),
        packet_id,
        payload: message.payload.clone(),
        qos: match delivery.qos {
            Qos::AtMostOnce => QoS::AtMostOnce,
            Qos::AtLeastOnce => QoS::AtLeastOnce,
            Qos::ExactlyOnce => QoS::ExactlyOnce,
        },
        retain: delivery.retain,
        dup: again,
        properties,
        protocol_version: version,
        stream_id: None,
    }
}

/// The packet identifier of a packet that must have one.
pub(super) fn packet_id(packet_id: Option<u16>) -> Option<u16> {
    packet_id.and_then(NonZeroU16::new).map(NonZeroU16::get)
}

fn qos(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}

fn properties(from: &codec::Properties) -> Properties {
    let text = |id| match from.get(id) {
        Some(PropertyValue::Utf8String(text)) => Some(text.clone()),
        _ => None,
    };
    let user =
        from.get_all(PropertyId::UserProperty).unwrap_or_default().iter().filter_map(|pair| match pair {
            PropertyValue::Utf8StringPair(key, value) => Some((key.clone(), value.clone())),
            _ => None,
        });
    Properties {
        payload_is_text: match from.get(PropertyId::PayloadFormatIndicator) {
            Some(PropertyValue::Byte(indicator)) => Some(*indicator == 1),
            _ => None,
        },
        content_type: text(PropertyId::ContentType),
        response_topic: text(PropertyId::ResponseTopic),
        correlation_data: match from.get(PropertyId::CorrelationData) {
            Some(PropertyValue::BinaryData(data)) => Some(Bytes::copy_from_slice(data)),
            _ => None,
        },
        user: user.collect(),
    }
}

fn codec_properties(from: &Properties) -> codec::Properties {
    let mut properties = codec::Properties::new();
    if let Some(is_text) = from.payload_is_text {
        properties.set_payload_format_indicator(is_text);
    }
    if let Some(content_type) = &from.content_type {
        properties.set_content_type(content_type.clone());
    }
    if let Some(response_topic) = &from.response_topic {
        properties.set_response_topic(response_topic.clone());
    }
    if let Some(correlation_data) = &from.correlation_data {
        properties.set_correlation_data(correlation_data.clone());
    }
    for (key, value) in &from.user {
        properties.add_user_property(key.clone(), value.clone());
    }
    properties
}
