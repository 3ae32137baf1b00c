//! The checks that verify runs: their names, and what one run of one check found.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing that verify proves about a broker.
///
/// The names are part of the JSON output: fixed once released, only ever added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CheckName {
    /// The host is the one that is known: it answers over SSH, with its own key. Told of only where it is not so.
    #[serde(rename = "host.known")]
    HostKnown,
    /// The MQTT port accepts a TCP connection.
    #[serde(rename = "tcp")]
    Tcp,
    /// A client of MQTT 3.1.1 is let in.
    #[serde(rename = "mqtt311.connect")]
    Mqtt311Connect,
    /// A client of MQTT 5 is let in.
    #[serde(rename = "mqtt5.connect")]
    Mqtt5Connect,
    /// A message at QoS 0 comes back as it was sent.
    #[serde(rename = "mqtt.qos0")]
    Qos0,
    /// A message at QoS 1 comes back as it was sent, and is acknowledged.
    #[serde(rename = "mqtt.qos1")]
    Qos1,
    /// A message at QoS 2 comes back exactly once.
    #[serde(rename = "mqtt.qos2")]
    Qos2,
    /// A retained message is handed to a late subscriber, and is gone once cleared.
    #[serde(rename = "mqtt.retained")]
    Retained,
    /// A persistent session receives what was sent while it was away.
    #[serde(rename = "mqtt.session")]
    Session,
    /// The will of a client whose socket dropped is published.
    #[serde(rename = "mqtt.will")]
    Will,
    /// A wrong password is refused.
    #[serde(rename = "mqtt.refuses_bad_password")]
    RefusesBadPassword,
    /// A client is let in over a websocket.
    #[serde(rename = "ws.connect")]
    WsConnect,
    /// A client is let in over TLS, with a certificate that holds for this broker.
    #[serde(rename = "tls.connect")]
    TlsConnect,
    /// A client is let in over a websocket within TLS.
    #[serde(rename = "wss.connect")]
    WssConnect,
    /// The dashboard says that the broker runs.
    #[serde(rename = "dashboard.http")]
    DashboardHttp,
    /// The dashboard refuses the password that every new broker has, and accepts the right one.
    #[serde(rename = "dashboard.default_password_refused")]
    DefaultPasswordRefused,
    /// The version that runs is the one that was asked for.
    #[serde(rename = "broker.version")]
    BrokerVersion,
}

impl CheckName {
    /// Every check, in the order in which people read them.
    pub const ALL: [Self; 17] = [
        Self::HostKnown,
        Self::Tcp,
        Self::Mqtt311Connect,
        Self::Mqtt5Connect,
        Self::Qos0,
        Self::Qos1,
        Self::Qos2,
        Self::Retained,
        Self::Session,
        Self::Will,
        Self::RefusesBadPassword,
        Self::WsConnect,
        Self::TlsConnect,
        Self::WssConnect,
        Self::DashboardHttp,
        Self::DefaultPasswordRefused,
        Self::BrokerVersion,
    ];

    /// The name as it stands in output and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostKnown => "host.known",
            Self::Tcp => "tcp",
            Self::Mqtt311Connect => "mqtt311.connect",
            Self::Mqtt5Connect => "mqtt5.connect",
            Self::Qos0 => "mqtt.qos0",
            Self::Qos1 => "mqtt.qos1",
            Self::Qos2 => "mqtt.qos2",
            Self::Retained => "mqtt.retained",
            Self::Session => "mqtt.session",
            Self::Will => "mqtt.will",
            Self::RefusesBadPassword => "mqtt.refuses_bad_password",
            Self::WsConnect => "ws.connect",
            Self::TlsConnect => "tls.connect",
            Self::WssConnect => "wss.connect",
            Self::DashboardHttp => "dashboard.http",
            Self::DefaultPasswordRefused => "dashboard.default_password_refused",
            Self::BrokerVersion => "broker.version",
        }
    }
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one run of one check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub name: CheckName,
    /// Whether the broker did what the check asks.
    pub ok: bool,
    /// How long the check took, in milliseconds with two decimals.
    pub millis: f64,
    /// What was expected and what came instead; only for a check that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl CheckResult {
    /// A check that the broker passed.
    pub fn passed(name: CheckName, took: Duration) -> Self {
        Self { name, ok: true, millis: millis(took), detail: None }
    }

    /// A check that the broker failed, with what was expected and what came instead.
    pub fn failed(name: CheckName, took: Duration, detail: impl Into<String>) -> Self {
        Self { name, ok: false, millis: millis(took), detail: Some(detail.into()) }
    }
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_written_the_same_in_text_and_in_json() {
        for name in CheckName::ALL {
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<CheckName>(&json).unwrap(), name);
        }
    }

    #[test]
    fn times_are_milliseconds_with_two_decimals() {
        let result = CheckResult::passed(CheckName::Tcp, Duration::from_micros(1_234));
        assert_eq!(serde_json::to_string(&result).unwrap(), r#"{"name":"tcp","ok":true,"millis":1.23}"#);
    }
}
