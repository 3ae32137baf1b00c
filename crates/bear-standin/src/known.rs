//! Which variables EMQX knows: an unknown root it passes over in silence, an unknown field below a known one it warns of.

use crate::version::Dialect;

/// What EMQX makes of the path of a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Field,
    UnknownField,
    UnknownRoot,
}

const DASHBOARD: [&str; 12] = [
    "default_username",
    "default_password",
    "listeners",
    "sample_interval",
    "token_expired_time",
    "password_expired_time",
    "cors",
    "i18n_lang",
    "bootstrap_users_file",
    "swagger_support",
    "proxy_header",
    "sso",
];

const LISTENER: [&str; 16] = [
    "bind",
    "acceptors",
    "max_connections",
    "max_conn_rate",
    "messages_rate",
    "mountpoint",
    "zone",
    "limiter",
    "access_rules",
    "enable_authn",
    "proxy_protocol",
    "proxy_protocol_timeout",
    "tcp_options",
    "ssl_options",
    "websocket",
    "authentication",
];

const NODE: [&str; 14] = [
    "name",
    "cookie",
    "data_dir",
    "role",
    "process_limit",
    "max_ports",
    "dist_buffer_size",
    "max_ets_tables",
    "cluster_call",
    "db_backend",
    "db_role",
    "etc_dir",
    "config_files",
    "global_gc_interval",
];

/// Roots whose fields the stand-in does not know: every one counts as EMQX's.
const TRUSTED: [&str; 18] = [
    "api_key",
    "authentication",
    "authorization",
    "bridges",
    "broker",
    "cluster",
    "delayed",
    "exhook",
    "gateway",
    "mqtt",
    "prometheus",
    "retainer",
    "rpc",
    "rule_engine",
    "sys_topics",
    "sysmon",
    "telemetry",
    "zones",
];

/// What EMQX makes of a path such as `listeners.tcp.default.bind`.
pub(crate) fn field(path: &str, dialect: Dialect) -> Known {
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut rest = rest.split('.');
    let first = rest.next().unwrap_or_default();
    let known = match root {
        "dashboard" => DASHBOARD.contains(&first),
        "node" => NODE.contains(&first),
        "log" => ["to", "file", "file_handlers"].contains(&first) || dialect.log_consoles.contains(&first),
        "license" if dialect.unified => first == "key",
        "listeners" => {
            let field = rest.nth(1).unwrap_or_default();
            ["tcp", "ssl", "ws", "wss", "quic"].contains(&first)
                && (LISTENER.contains(&field) || dialect.listener_switches.contains(&field))
        }
        root if TRUSTED.contains(&root) => true,
        _ => return Known::UnknownRoot,
    };
    if known { Known::Field } else { Known::UnknownField }
}
