//! The dashboard's HTTP contract: what there is, who may ask for it, and the answers.

mod auth;
mod body;
mod broker;
mod users;

use serde_json::{Value, json};

use crate::http::{Request, Response};
use crate::node::Node;
use crate::version::Dialect;

/// A handler's answer; what stopped it is an answer too.
type Answer = Result<Response, Response>;

/// Answers a request.
pub(crate) fn answer(node: &Node, request: &Request) -> Response {
    let segments = request.segments();
    let Some(resource) = Resource::find(node.dialect, &segments) else {
        return absent(node.dialect, segments.first() == Some(&"api"));
    };
    let methods = resource.methods(node.dialect);
    let method = request.method.as_str();
    let asked = if method == "HEAD" { "GET" } else { method };
    if !methods.contains(&asked) {
        return Response::empty(405).with("allow", methods.join(", "));
    }
    if !resource.is_open()
        && let Err(refusal) = auth::check(node, request, segments.get(2).copied().unwrap_or_default())
    {
        return refusal;
    }
    handle(node, request, &resource).unwrap_or_else(|stopped| stopped)
}

/// What the dashboard has under a path.
#[derive(Debug)]
enum Resource<'a> {
    Page,
    Status,
    Login,
    Logout,
    Users,
    User(&'a str),
    ChangePassword(&'a str),
    ApiKeys,
    ApiKey(&'a str),
    Nodes,
    Node(&'a str),
    NodeStats(&'a str),
    Cluster,
    Topology,
    Invite,
    ForceLeave,
    Listeners,
    Listener(&'a str),
    ListenerAction(&'a str, &'a str),
    MonitorCurrent,
    MonitorNode(&'a str),
    Stats,
    Prometheus,
    License,
    /// What never changes here.
    Fixed(Value),
}

impl<'a> Resource<'a> {
    fn find(dialect: Dialect, segments: &[&'a str]) -> Option<Self> {
        let path = match segments {
            [] => return Some(Self::Page),
            ["status"] => return Some(Self::Status),
            ["api", "v5", path @ ..] => path,
            _ => return None,
        };
        Some(match path {
            ["status"] if dialect.api_status => Self::Status,
            ["login"] => Self::Login,
            ["logout"] => Self::Logout,
            ["users"] => Self::Users,
            ["users", name] => Self::User(name),
            ["users", name, "change_pwd"] => Self::ChangePassword(name),
            ["api_key"] => Self::ApiKeys,
            ["api_key", name] => Self::ApiKey(name),
            ["nodes"] => Self::Nodes,
            ["nodes", name] => Self::Node(name),
            ["nodes", name, "stats"] => Self::NodeStats(name),
            ["cluster"] => Self::Cluster,
            ["cluster", "topology"] if dialect.modern => Self::Topology,
            ["cluster", _, "invite"] => Self::Invite,
            ["cluster", _, "force_leave"] => Self::ForceLeave,
            ["listeners"] => Self::Listeners,
            ["listeners", id] => Self::Listener(id),
            ["listeners", id, action @ ("start" | "stop" | "restart")] => Self::ListenerAction(id, action),
            ["monitor_current"] => Self::MonitorCurrent,
            ["monitor_current", "nodes", name] => Self::MonitorNode(name),
            ["stats"] => Self::Stats,
            ["prometheus", "stats"] => Self::Prometheus,
            ["license"] if dialect.unified => Self::License,
            ["load_rebalance", "availability_check"] if dialect.unified => Self::Fixed(json!({})),
            ["alarms"] => Self::Fixed(json!({"data": [], "meta": {"count": 0, "limit": 100, "page": 1}})),
            ["authentication" | "plugins"] => Self::Fixed(json!([])),
            ["authorization", "settings"] => {
                let no_match = if dialect.six { "deny" } else { "allow" };
                Self::Fixed(json!({"deny_action": "ignore", "no_match": no_match}))
            }
            _ => return None,
        })
    }

    fn methods(&self, dialect: Dialect) -> &'static [&'static str] {
        match self {
            Self::ChangePassword(_) if dialect.change_password == "PUT" => &["PUT"],
            Self::ChangePassword(_) | Self::Login | Self::Logout | Self::ListenerAction(..) => &["POST"],
            Self::Users | Self::ApiKeys | Self::License => &["GET", "POST"],
            Self::User(_) | Self::ApiKey(_) | Self::ForceLeave => &["DELETE"],
            Self::Invite => &["PUT"],
            _ => &["GET"],
        }
    }

    /// Whether everybody may ask.
    fn is_open(&self) -> bool {
        match self {
            Self::Page | Self::Status | Self::Login | Self::Prometheus => true,
            Self::Fixed(value) => *value == json!({}),
            _ => false,
        }
    }
}

fn handle(node: &Node, request: &Request, resource: &Resource<'_>) -> Answer {
    let post = request.method == "POST";
    match *resource {
        Resource::Page => Ok(Response::text(200, "text/html", PAGE)),
        Resource::Status => Ok(broker::status(node, request)),
        Resource::Login => auth::login(node, request),
        Resource::Logout => auth::logout(node, request),
        Resource::Users if post => users::add(node, request),
        Resource::Users => Ok(users::list(node)),
        Resource::User(name) => users::remove(node, name),
        Resource::ChangePassword(name) => users::change_password(node, request, name),
        Resource::ApiKeys if post => users::add_key(node, request),
        Resource::ApiKeys => Ok(users::list_keys(node)),
        Resource::ApiKey(name) => users::remove_key(node, name),
        Resource::Nodes => Ok(Response::json(200, &json!([broker::node(node)]))),
        Resource::Node(name) => broker::known_node(node, name).map(|()| ok(&broker::node(node))),
        Resource::NodeStats(name) => broker::known_node(node, name).map(|()| ok(&broker::stats(node))),
        Resource::Cluster => Ok(broker::cluster(node)),
        Resource::Topology => Ok(ok(&json!([{"core_node": node.settings.node, "replicant_nodes": []}]))),
        Resource::Invite => Err(Response::error(400, "BAD_REQUEST", "nodedown")),
        Resource::ForceLeave => Err(Response::error(400, "BAD_REQUEST", "node_not_in_cluster")),
        Resource::Listeners => Ok(broker::listeners(node, request)),
        Resource::Listener(id) => broker::listener(node, id),
        Resource::ListenerAction(id, action) => broker::act_on_listener(node, id, action),
        Resource::MonitorCurrent => Ok(broker::monitor(node, false)),
        Resource::MonitorNode(name) => {
            broker::known_monitor(node, name).map(|()| broker::monitor(node, true))
        }
        Resource::Stats => Ok(ok(&json!([broker::stats(node)]))),
        Resource::Prometheus => Ok(Response::text(200, "text/plain", broker::prometheus(node))),
        Resource::License => Ok(broker::license()),
        Resource::Fixed(ref value) => Ok(ok(value)),
    }
}

const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>EMQX Dashboard</title>\n\
                    <p>A stand-in for EMQX, for tests.\n</html>\n";

fn ok(body: &Value) -> Response {
    Response::json(200, body)
}

/// What is not there: a part of the API, or one of the files of the dashboard.
fn absent(dialect: Dialect, api: bool) -> Response {
    match (api, dialect.modern) {
        (false, _) => Response::empty(404).with("accept-ranges", "bytes"),
        (true, false) => Response::text(
            404,
            "application/json",
            r#"{"code": "API_NOT_EXIST", "message": "Request Path Not Found"}"#,
        ),
        (true, true) => Response::text(
            404,
            "text/html",
            "<html><head><title>404 - NOT FOUND</title></head><body><h1>404 - NOT FOUND</h1></body></html>",
        ),
    }
}

/// What EMQX answers where it could not write.
fn broken(error: &std::io::Error) -> Response {
    Response::error(500, "INTERNAL_ERROR", &error.to_string())
}
