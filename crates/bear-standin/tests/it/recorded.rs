//! The dashboard's contract, held against exchanges that were recorded from real brokers of 5.0.9 and 5.8.9.
//!
//! Status, headers that matter, every error and every text must be the same; of JSON that is no error the keys and
//! types, and the values of the keys in [`SAME`]. From the recordings these are left out:
//!
//! - `/publish`, `/mqtt/retainer`: the broker inside has no way in but MQTT.
//! - `/configs`, `/listeners/ID` of one that is there, `/authorization/sources`, `/prometheus`, `/telemetry`: they show
//!   settings that the stand-in does not have.
//! - `/clients`, `/metrics`, `/monitor`: figures that it does not count.
//! - `POST /api_key` with an end: it knows only keys without one.
//! - `POST /logout` with an API key on 5.0.9: a crash of EMQX's, whose text is of Erlang.
//! - `GET /` and `/api-docs`, and `/prometheus/stats` of 5.8.9: the recorded brokers were built without these files,
//!   and failed in what the image does.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::http::{Answer, ask, basic};
use crate::world::{Setup, StandIn, folder};

/// Headers that are recorded.
const HEADERS: [&str; 7] =
    ["WWW-Authenticate", "accept-ranges", "allow", "connection", "content-type", "retry-after", "server"];

/// Keys whose values must be the recorded ones.
const SAME: [&str; 20] = [
    "acceptors",
    "app_status",
    "broker_status",
    "core_node",
    "description",
    "edition",
    "enable",
    "id",
    "log_path",
    "max_connections",
    "no_match",
    "node",
    "node_status",
    "nodes",
    "rel_vsn",
    "role",
    "running",
    "self",
    "type",
    "version",
];

/// What was sent and what came back. Lines of the first begin with `>`, of the second with `<`, and where a `|`
/// follows they are the body; `< ?` is a body that was not kept.
#[derive(Default)]
struct Exchange {
    line: String,
    headers: Vec<String>,
    sent: String,
    status: u16,
    expected: Vec<String>,
    body: Option<String>,
}

impl Exchange {
    fn parse(block: &str) -> Self {
        let mut exchange = Self { body: Some(String::new()), ..Self::default() };
        let mut bodies = (Vec::new(), Vec::new());
        for line in block.lines() {
            match (line.split_at(2), line.get(2..4)) {
                (("> ", _), Some("| ")) => bodies.0.push(&line[4..]),
                (("< ", _), Some("| ")) => bodies.1.push(&line[4..]),
                (("> ", first), _) if exchange.line.is_empty() => first.clone_into(&mut exchange.line),
                (("> ", header), _) => exchange.headers.push(header.to_owned()),
                (("< ", "?"), _) => exchange.body = None,
                (("< ", status), _) if exchange.status == 0 => exchange.status = status.parse().unwrap(),
                (("< ", header), _) => exchange.expected.push(header.to_owned()),
                _ => panic!("no line of an exchange: {line}"),
            }
        }
        exchange.sent = bodies.0.join("\n");
        exchange.body = exchange.body.map(|_| bodies.1.join("\n"));
        exchange
    }

    /// What the answer has, and what it should have, where they differ.
    fn differences(&self, answer: &Answer) -> Vec<String> {
        let mut differences = Vec::new();
        if answer.status != self.status {
            differences.push(format!("status {}, not {}: {}", answer.status, self.status, answer.body));
        }
        let headers = answer.headers.iter().filter(|(name, _)| HEADERS.contains(&name.as_str()));
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
        if headers != self.expected {
            differences.push(format!("headers {headers:?}, not {:?}", self.expected));
        }
        if let Some(expected) = &self.body {
            let json = (serde_json::from_str(expected), serde_json::from_str(&answer.body));
            match json {
                (Ok(expected), Ok(body)) if self.status < 400 => {
                    compare("", &expected, &body, &mut differences);
                }
                _ if *expected != answer.body => {
                    differences.push(format!("body {}, not {expected}", answer.body));
                }
                _ => {}
            }
        }
        differences
    }
}

/// Compares keys and types, and the values of some keys.
fn compare(at: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    let key = at.rsplit('.').next().unwrap_or_default();
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let [wanted, there] = [expected, found].map(|it| it.keys().collect::<BTreeSet<_>>());
            if wanted != there {
                differences.push(format!("{at} has {there:?}, not {wanted:?}"));
            }
            for (key, expected) in expected {
                let found = found.get(key).unwrap_or(&Value::Null);
                compare(&format!("{at}.{key}"), expected, found, differences);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (expected, found) in expected.iter().zip(found) {
                compare(at, expected, found, differences);
            }
        }
        _ if std::mem::discriminant(expected) != std::mem::discriminant(found) => {
            differences.push(format!("{at} is {found}, not {expected}"));
        }
        _ if SAME.contains(&key) && expected != found => {
            differences.push(format!("{at} is {found}, not {expected}"));
        }
        _ => {}
    }
}

/// A session, with what later requests take from earlier answers.
struct Session<'a> {
    standin: &'a StandIn,
    token: String,
    key: String,
    secret: String,
}

impl Session<'_> {
    fn replay(&mut self, exchange: &Exchange) -> Vec<String> {
        let (method, path) = exchange.line.split_once(' ').unwrap();
        let headers: Vec<_> = exchange.headers.iter().map(|header| self.header(header)).collect();
        let answer = ask(self.standin.dashboard(), method, path, &headers, &exchange.sent);
        if let Ok(body) = serde_json::from_str::<Value>(&answer.body) {
            let take = |field: &str, to: &mut String| {
                if let Some(text) = body[field].as_str() {
                    text.clone_into(to);
                }
            };
            take("token", &mut self.token);
            take("api_key", &mut self.key);
            take("api_secret", &mut self.secret);
        }
        exchange.differences(&answer)
    }

    fn header(&self, recorded: &str) -> String {
        match recorded.strip_prefix("user: ") {
            Some(user) => basic(&user.replace("KEY", &self.key).replace("SECRET", &self.secret)),
            None => recorded.replace("TOKEN", &self.token),
        }
    }
}

#[track_caller]
fn check(name: &str, count: usize, setup: impl FnOnce(Setup) -> Setup) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.txt"));
    let text = std::fs::read_to_string(file).unwrap();
    let folder = folder();
    let version = name.split('-').next().unwrap();
    let standin = setup(Setup::new(version, folder.path())).start();
    let mut session =
        Session { standin: &standin, token: String::new(), key: String::new(), secret: String::new() };
    let (mut replayed, mut wrong) = (0, Vec::new());
    for block in text.split("\n\n").map(str::trim_end) {
        if let Some(login) = block.strip_prefix("* login ") {
            let (user, password) = login.split_once(' ').unwrap();
            session.token = standin.token(user, password);
        } else if !block.starts_with('#') {
            replayed += 1;
            for difference in session.replay(&Exchange::parse(block)) {
                wrong.push(format!("{}: {difference}", block.lines().next().unwrap()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(replayed, count, "every exchange of the recording is replayed");
}

#[test]
fn answers_of_5_0_9_are_as_recorded() {
    check("5.0.9", 97, |setup| setup);
}

#[test]
fn answers_of_5_8_9_are_as_recorded() {
    check("5.8.9", 39, |setup| setup);
}

#[test]
fn answers_of_stopped_brokers_are_as_recorded() {
    check("5.0.9-stopped", 1, |setup| setup.with("EMQX_STANDIN_FAULTS", "never-ready"));
    check("5.8.9-stopped", 2, |setup| setup.with("EMQX_STANDIN_FAULTS", "never-ready"));
}
