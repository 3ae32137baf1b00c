//! The commands that need the node, with the texts and exit statuses of EMQX: nearly all end with 0.

use std::fmt::Write as _;
use std::io;

use super::Said;
use crate::node::Node;
use crate::users::UserError;

/// Does what the words behind `emqx` ask for.
pub(super) fn run(node: &Node, words: &[&str]) -> Said {
    match words {
        ["ping"] => Said::new("pong\n"),
        ["pid"] => Said::new(format!("{}\n", std::process::id())),
        ["ctl", words @ ..] => ctl(node, words),
        _ => Said { text: String::from("unknown command\n"), code: 1 },
    }
}

fn ctl(node: &Node, words: &[&str]) -> Said {
    match words {
        ["status"] => {
            let (name, version) = (&node.settings.node, &node.version);
            Said::new(format!("Node '{name}' {version} is started\n"))
        }
        ["broker"] => Said::new(broker(node)),
        ["cluster", words @ ..] => Said::new(cluster(node, words)),
        ["listeners", words @ ..] => Said::new(listeners(node, words)),
        ["admins", words @ ..] => Said::new(admins(node, words)),
        _ => Said { text: usage(), code: 1 },
    }
}

fn broker(node: &Node) -> String {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.9f+00:00");
    let up = node.since.elapsed().as_secs();
    let uptime =
        if up < 60 { format!("{up} seconds") } else { format!("{} minutes, {} seconds", up / 60, up % 60) };
    let version = &node.version;
    format!("sysdescr  : EMQX\nversion   : {version}\ndatetime  : {now}\nuptime    : {uptime}\n")
}

fn cluster(node: &Node, words: &[&str]) -> String {
    let name = &node.settings.node;
    let host = name.split('@').nth(1).unwrap_or_default();
    match words {
        ["status"] => {
            format!("Cluster status: #{{running_nodes => ['{name}'],stopped_nodes => []}}\n")
        }
        // Up to 5.2 an empty array is taken for a text.
        ["status", "--json"] if !node.dialect.empty_arrays => format!(
            "{{\n    \"running_nodes\": [\n        \"{name}\"\n    ],\n    \"stopped_nodes\": [\n        91,\n        93\n    ]\n}}\n"
        ),
        ["status", "--json"] => format!(
            "{{\n  \"stopped_nodes\" : [\n    \n  ],\n  \"running_nodes\" : [\n    \"{name}\"\n  ]\n}}\n"
        ),
        ["join", other] => {
            let other = if other.contains('@') { (*other).to_owned() } else { format!("{other}@{host}") };
            format!("Failed to join the cluster: {{node_down,'{other}'}}\n")
        }
        ["leave"] => String::from("Failed to leave the cluster: node_not_in_cluster\n"),
        ["force-leave", other] if other == name => String::from("Ignore.\n"),
        ["force-leave", _] => String::from("Failed to remove the node from cluster: node_not_in_cluster\n"),
        _ => CLUSTER.to_owned(),
    }
}

fn listeners(node: &Node, words: &[&str]) -> String {
    match words {
        [] => node.listeners.iter().fold(String::new(), |mut text, listener| {
            let settings = &listener.settings;
            let limit = settings.max_connections.map_or(String::from("infinity"), |limit| limit.to_string());
            let _ = write!(
                text,
                "{}\n  listen_on       : {}\n  acceptors       : {}\n  proxy_protocol  : false\n  \
                 running         : {}\n  current_conn    : {}\n  max_conns       : {limit}\n",
                listener.id(),
                settings.bind,
                settings.acceptors,
                listener.is_running(),
                listener.connections(),
            );
            text
        }),
        [action @ ("stop" | "start" | "restart"), id] => {
            let Some(listener) = node.listeners.iter().find(|listener| listener.id() == *id) else {
                return format!("Failed to {action} {id} listener: not_found\n");
            };
            if *action != "start" {
                listener.stop();
            }
            match if *action == "stop" { Ok(()) } else { listener.start() } {
                Ok(()) => format!("{action} {id} listener successfully.\n"),
                Err(error) => format!("Failed to {action} {id} listener: {error}\n"),
            }
        }
        _ => LISTENERS.to_owned(),
    }
}

fn admins(node: &Node, words: &[&str]) -> String {
    let mut users = node.users();
    let (name, done) = match *words {
        ["add", name, password] => (name, users.add(name, password, "", node.dialect)),
        ["add", name, password, description] => (name, users.add(name, password, description, node.dialect)),
        ["passwd", name, password] => (name, users.set_password(name, password, node.dialect)),
        ["del", name] => (name, users.remove(name, &node.settings.username)),
        _ => return ADMINS.to_owned(),
    };
    if matches!((words.first(), &done), (Some(&("passwd" | "del")), Ok(Ok(())))) {
        node.sessions().end(name);
    }
    said(done)
}

fn said(done: io::Result<Result<(), UserError>>) -> String {
    match done {
        Ok(Ok(())) => String::from("ok\n"),
        Ok(Err(error)) => format!("Error: {error}\n"),
        Err(error) => format!("Error: {error}\n"),
    }
}

fn usage() -> String {
    let line = "-".repeat(110);
    let parts = [
        "status # Show broker status\n",
        "broker         # Show broker version, uptime and description\n",
        CLUSTER,
        LISTENERS,
        ADMINS,
    ];
    parts.iter().fold(String::from("Usage: emqx_ctl\n"), |text, part| format!("{text}{line}\n{part}"))
}

const CLUSTER: &str = "cluster join <Node>        # Join the cluster\n\
                       cluster leave              # Leave the cluster\n\
                       cluster force-leave <Node> # Force the node leave from cluster\n\
                       cluster status [--json]    # Cluster status\n";

const LISTENERS: &str = "listeners                      # List listeners\n\
                         listeners stop    <Identifier> # Stop a listener\n\
                         listeners start   <Identifier> # Start a listener\n\
                         listeners restart <Identifier> # Restart a listener\n";

const ADMINS: &str = "admins add <Username> <Password> <Description> # Add dashboard user\n\
                      admins passwd <Username> <Password>            # Reset dashboard user password\n\
                      admins del <Username>                          # Delete dashboard user\n";
