//! `broker.version`: what runs is what was asked for, by the broker's own word.

use hyper::StatusCode;
use rumqttc::QoS;
use serde_json::Value;

use super::dashboard::log_in;
use crate::Dashboard;
use crate::client::Client;
use crate::failure::{Deadline, Failure};
use crate::first_words::excerpt;
use crate::http;
use crate::trial::Trial;
use crate::wire::Version;

/// Where Mosquitto keeps its version, retained: `mosquitto version 2.0.11`. A topic, and no filter with a wildcard.
const MOSQUITTO_VERSION: &str = "$SYS/broker/version";

/// Each node that runs has the version `expected`.
pub(super) async fn of_emqx(
    dashboard: &Dashboard,
    expected: &str,
    deadline: Deadline,
) -> Result<(), Failure> {
    let login = log_in(dashboard, deadline).await?;
    let answer = http::get(dashboard, "/api/v5/nodes", Some(&login.token), deadline).await?;
    let nodes = match answer.json() {
        Some(Value::Array(nodes)) => nodes,
        _ if answer.status == StatusCode::NOT_FOUND => Vec::new(),
        _ => {
            let words = answer.words();
            return Err(Failure::wrong(format!("GET /api/v5/nodes was answered with {words} and no nodes")));
        }
    };
    let mut told = false;
    for node in nodes.iter().filter(|node| text(node, "node_status") != Some("stopped")) {
        told = true;
        let name = excerpt(text(node, "node").unwrap_or("a node without a name").as_bytes());
        match text(node, "version") {
            Some(version) => as_expected(version, expected, &name)?,
            None => return Err(Failure::wrong(format!("{name} tells no version"))),
        }
    }
    match login.version {
        Some(version) if !told => as_expected(&version, expected, "EMQX"),
        None if !told => Err(Failure::wrong("the dashboard tells no version")),
        _ => Ok(()),
    }
}

fn text<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

fn as_expected(version: &str, expected: &str, who: &str) -> Result<(), Failure> {
    if version == expected {
        return Ok(());
    }
    let version = excerpt(version.as_bytes());
    Err(Failure::wrong(format!("{who} runs version {version}, expected {expected}")))
}

/// A Mosquitto says that it has the version `expected`.
pub(super) async fn of_mosquitto(trial: &Trial<'_>, version: Version, expected: &str) -> Result<(), Failure> {
    let mut reader = Client::connect(&trial.hello(version, "vr"), trial.deadline()).await?;
    reader.subscribe(MOSQUITTO_VERSION, QoS::AtMostOnce).await?;
    let message = reader.message().await;
    let message =
        message.map_err(|failure| failure.if_late("the broker told no version at $SYS/broker/version"))?;
    reader.disconnect().await?;
    let told = str::from_utf8(&message.payload).ok();
    let Some(told) = told.and_then(|told| told.strip_prefix("mosquitto version ")) else {
        let told = excerpt(&message.payload);
        return Err(Failure::wrong(format!(
            "the version that the broker tells is no Mosquitto's: \"{told}\""
        )));
    };
    as_expected(told.trim_end(), expected, "mosquitto")
}
