//! What the broker says about itself: whether it runs, the node, its listeners, a few figures.

use std::fs;

use serde_json::{Map, Value, json};

use super::{Answer, ok};
use crate::http::{Request, Response};
use crate::listeners::Listener;
use crate::node::Node;

/// Whether it runs. Before 5.1 the answer is 200 in any case, and from then on it always says when to come again.
pub(super) fn status(node: &Node, request: &Request) -> Response {
    let running = node.is_running();
    let (broker, app) = if running { ("started", "running") } else { ("stopped", "not_running") };
    let name = &node.settings.node;
    let text = format!("Node {name} is {broker}\nemqx is {app}");
    if !node.dialect.modern {
        return Response::text(200, "text/plain", text);
    }
    let status = if running { 200 } else { 503 };
    let response = if request.query.get("format").is_some_and(|format| format == "json") {
        let (key, value) = if node.dialect.six {
            ("cluster", "emqxcl".into())
        } else {
            ("rel_vsn", format!("v{}", node.version))
        };
        let body = json!({key: value, "node_name": name, "broker_status": broker, "app_status": app});
        Response::json(status, &body)
    } else {
        Response::text(status, "text/plain", text)
    };
    response.with("retry-after", "15")
}

/// One row of `/nodes`.
pub(super) fn node(node: &Node) -> Value {
    let [one, five, fifteen] = loads().map(|load| {
        if node.dialect.modern { load.parse::<f64>().unwrap_or_default().into() } else { Value::from(load) }
    });
    let (total, used) = memory();
    let log = if node.dialect.modern {
        "log.file.enable is false, not logging to file."
    } else {
        "log.file_handler.default.enable is false,only log to console"
    };
    let mut row = json!({
        "connections": node.connections(),
        "load1": one,
        "load15": fifteen,
        "load5": five,
        "log_path": log,
        "max_fds": 1_048_576,
        "memory_total": gigabytes(total),
        "memory_used": gigabytes(used),
        "node": node.settings.node,
        "node_status": if node.is_running() { "running" } else { "stopped" },
        "otp_release": "24.2.1-1/12.2.1",
        "process_available": 2_097_152,
        "process_used": 423,
        "role": "core",
        "sys_path": "/opt/emqx",
        "uptime": milliseconds_up(node),
        "version": node.version,
    });
    if node.dialect.modern {
        row["cluster_sessions"] = json!(node.connections());
        row["edition"] = json!(if node.dialect.unified { "Enterprise" } else { "Opensource" });
        row["live_connections"] = json!(node.connections());
    }
    row
}

/// Whether it is this node, the only one that the stand-in knows.
pub(super) fn known_node(node: &Node, name: &str) -> Result<(), Response> {
    if name == node.settings.node {
        Ok(())
    } else if node.dialect.modern {
        Err(Response::error(404, "NOT_FOUND", &format!("Node not found: {name}")))
    } else {
        Err(Response::error(400, "SOURCE_ERROR", "rpc_failed"))
    }
}

/// The same, in the words of the monitor.
pub(super) fn known_monitor(node: &Node, name: &str) -> Result<(), Response> {
    known_node(node, name).map_err(|refusal| {
        if node.dialect.modern {
            refusal
        } else {
            Response::error(400, "BAD_RPC", &format!("Bad node '{name}', rpc failed nodedown"))
        }
    })
}

pub(super) fn cluster(node: &Node) -> Response {
    let name = &node.settings.node;
    let mut cluster = json!({"name": "emqxcl", "nodes": [name], "self": name});
    if node.dialect.six {
        cluster["description"] = json!("");
    }
    ok(&cluster)
}

pub(super) fn listeners(node: &Node, request: &Request) -> Response {
    let kind = request.query.get("type");
    let wanted = |listener: &&Listener| kind.is_none_or(|kind| kind == listener.settings.kind.name());
    ok(&node.listeners.iter().filter(wanted).map(|listener| row(node, listener)).collect())
}

fn row(node: &Node, listener: &Listener) -> Value {
    let settings = &listener.settings;
    let limit = settings.max_connections.map_or(json!("infinity"), Value::from);
    let running = listener.is_running();
    let status = json!({
        "current_connections": listener.connections(),
        "max_connections": limit,
        "running": running,
    });
    json!({
        "acceptors": settings.acceptors,
        "bind": settings.bind.to_string(),
        // In 5.0.9 a listener that was stopped counts as switched off.
        "enable": if node.dialect.modern { settings.enabled } else { running },
        "id": listener.id(),
        "name": "default",
        "node_status": [{"node": node.settings.node, "status": status}],
        "number": 1,
        "status": status,
        "type": settings.kind.name(),
    })
}

fn find<'a>(node: &'a Node, id: &str) -> Result<&'a Listener, Response> {
    let listener = node.listeners.iter().find(|listener| listener.id() == id);
    listener.ok_or_else(|| Response::error(404, "BAD_LISTENER_ID", "Listener id not found"))
}

/// One listener, without most of its settings.
pub(super) fn listener(node: &Node, id: &str) -> Answer {
    find(node, id).map(|listener| ok(&row(node, listener)))
}

pub(super) fn act_on_listener(node: &Node, id: &str, action: &str) -> Answer {
    let listener = find(node, id)?;
    if action != "start" {
        listener.stop();
    }
    if action != "stop" {
        listener.start().map_err(|error| Response::error(400, "BAD_REQUEST", &error.to_string()))?;
    }
    Ok(Response::empty(200))
}

/// What passes through at the moment. The stand-in counts connections only; all else is 0.
pub(super) fn monitor(node: &Node, of_one_node: bool) -> Response {
    let mut keys = vec![
        "connections",
        "dropped_msg_rate",
        "received_msg_rate",
        "sent_msg_rate",
        "subscriptions",
        "topics",
    ];
    if node.dialect.modern {
        keys.extend([
            "live_connections",
            "persisted_rate",
            "retained_msg_count",
            "shared_subscriptions",
            "transformation_failed_rate",
            "transformation_succeeded_rate",
            "validation_failed_rate",
            "validation_succeeded_rate",
        ]);
        keys.extend(if of_one_node { &["node_uptime"][..] } else { &OF_A_CLUSTER });
    }
    keys.sort_unstable();
    let figure = |key| match key {
        "connections" | "live_connections" => json!(node.connections()),
        "node_uptime" => json!(milliseconds_up(node)),
        _ => json!(0),
    };
    ok(&Value::Object(keys.into_iter().map(|key| (key.to_owned(), figure(key))).collect()))
}

const OF_A_CLUSTER: [&str; 3] =
    ["disconnected_durable_sessions", "subscriptions_durable", "subscriptions_ram"];

pub(super) fn stats(node: &Node) -> Value {
    let counted = ["channels", "connections", "live_connections", "sessions"];
    let not_counted = [
        "delayed",
        "retained",
        "suboptions",
        "subscribers",
        "subscriptions",
        "subscriptions.shared",
        "topics",
    ];
    let mut stats = Map::new();
    for name in counted.into_iter().chain(not_counted) {
        let figure = if counted.contains(&name) { node.connections() } else { 0 };
        stats.insert(format!("{name}.count"), json!(figure));
        stats.insert(format!("{name}.max"), json!(figure));
    }
    stats.insert(String::from("node"), json!(node.settings.node));
    Value::Object(stats)
}

pub(super) fn prometheus(node: &Node) -> String {
    let figures = [
        ("emqx_connections_count", node.connections()),
        ("emqx_connections_max", node.connections()),
        ("emqx_sessions_count", node.connections()),
        ("emqx_cluster_nodes_running", usize::from(node.is_running())),
        ("emqx_cluster_nodes_stopped", usize::from(!node.is_running())),
    ];
    let lines = |(name, figure)| format!("# TYPE {name} gauge\n# HELP {name} \n{name} {figure}\n");
    figures.into_iter().map(lines).collect()
}

/// The licence that every new installation has: one node, no customer.
pub(super) fn license() -> Response {
    ok(&json!({
        "customer": "EMQ Technologies Co., Ltd",
        "customer_type": 5,
        "deployment": "community",
        "expiry": false,
        "expiry_at": "2034-12-31",
        "max_sessions": 10_000_000,
        "start_at": "2025-01-01",
        "type": "community",
    }))
}

fn milliseconds_up(node: &Node) -> u64 {
    u64::try_from(node.since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn loads() -> [String; 3] {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut words = text.split(' ').map(str::to_owned);
    std::array::from_fn(|_| words.next().unwrap_or_else(|| String::from("0.00")))
}

/// The machine's memory in kibibytes: all of it, and what is in use.
fn memory() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().split(' ').next()?.parse::<u64>().ok()
    };
    let total = field("MemTotal:").unwrap_or_default();
    (total, total.saturating_sub(field("MemAvailable:").unwrap_or_default()))
}

/// Such as `23.54G`.
fn gigabytes(kibibytes: u64) -> String {
    let hundredths = kibibytes * 100 / (1024 * 1024);
    format!("{}.{:02}G", hundredths / 100, hundredths % 100)
}
