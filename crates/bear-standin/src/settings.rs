//! EMQX's settings, from the environment: `EMQX_` off, `__` to dots, the value read as HOCON.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::hocon::{self, Value};
use crate::known::{self, Known};
use crate::version::Dialect;

/// What the stand-in goes by; everything else that EMQX knows is taken and has no effect.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) node: String,
    pub(crate) cookie: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) dashboard: SocketAddr,
    pub(crate) listeners: Vec<ListenerSettings>,
    /// What EMQX logs of the variables that it found, secrets masked.
    pub(crate) overrides: Vec<String>,
    /// Variables below a root that EMQX knows, and with a field that it does not.
    pub(crate) unknown: Vec<String>,
}

/// One of the four listeners.
#[derive(Clone, Debug)]
pub(crate) struct ListenerSettings {
    pub(crate) kind: Kind,
    pub(crate) enabled: bool,
    pub(crate) bind: SocketAddr,
    pub(crate) acceptors: u32,
    pub(crate) max_connections: Option<u32>,
    /// The certificate and its key, if the stand-in's own is not wanted.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Ssl,
    Ws,
    Wss,
}

impl Kind {
    /// In the order in which EMQX lists them.
    const ALL: [(Self, u16); 4] = [(Self::Ssl, 8883), (Self::Tcp, 1883), (Self::Ws, 8083), (Self::Wss, 8084)];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ssl => "ssl",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::Wss)
    }

    pub(crate) fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// A value that EMQX's schema refuses: the boot ends here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "#{{kind => validation_error,path => \"{path}\",reason => #{{expected_type => <<\"{expected}\">>}},value => <<\"{value}\">>}}"
)]
pub(crate) struct Refused {
    path: String,
    expected: &'static str,
    value: String,
}

impl Settings {
    /// The settings that these variables make.
    pub(crate) fn read(environment: &BTreeMap<String, String>, dialect: Dialect) -> Result<Self, Refused> {
        let fields = Fields::of(environment, dialect);
        // The start script hands its own variable on under the name of the field, and it wins.
        let node = environment.get("EMQX_NODE_NAME").filter(|name| !name.is_empty()).cloned();
        let node = match node {
            Some(name) => name,
            None => fields.text("node.name", "emqx@127.0.0.1")?,
        };
        let legacy_cookie = environment.get("EMQX_NODE_COOKIE").filter(|cookie| !cookie.is_empty());
        Ok(Self {
            node,
            cookie: fields.text("node.cookie", legacy_cookie.map_or("emqxsecretcookie", String::as_str))?,
            username: fields.text("dashboard.default_username", "admin")?,
            password: fields.text("dashboard.default_password", "public")?,
            dashboard: fields.address("dashboard.listeners.http.bind", 18083)?,
            listeners: Kind::ALL
                .into_iter()
                .map(|(kind, port)| fields.listener(kind, port, dialect))
                .collect::<Result<_, _>>()?,
            overrides: fields.overrides,
            unknown: fields.unknown,
        })
    }
}

/// The variables that EMQX knows, by the paths of their fields.
struct Fields {
    values: BTreeMap<String, (String, Value)>,
    overrides: Vec<String>,
    unknown: Vec<String>,
}

impl Fields {
    fn of(environment: &BTreeMap<String, String>, dialect: Dialect) -> Self {
        let mut fields = Self { values: BTreeMap::new(), overrides: Vec::new(), unknown: Vec::new() };
        for (name, given) in environment {
            let Some(path) = name.strip_prefix("EMQX_") else { continue };
            let path = path.to_lowercase().replace("__", ".");
            match known::field(&path, dialect) {
                Known::UnknownRoot => {}
                Known::UnknownField => fields.unknown.push(name.clone()),
                Known::Field => {
                    let shown = masked(&path, given);
                    fields.overrides.push(format!("{path} = {name} = {shown}"));
                    fields.values.insert(path, (given.clone(), hocon::parse(given)));
                }
            }
        }
        fields
    }

    fn refuse<T>(&self, path: &str, expected: &'static str) -> Result<T, Refused> {
        let given = self.values.get(path).map_or("", |(given, _)| given);
        Err(Refused { path: path.to_owned(), expected, value: masked(path, given) })
    }

    fn value(&self, path: &str) -> Option<&Value> {
        self.values.get(path).map(|(_, value)| value)
    }

    fn text(&self, path: &str, default: &str) -> Result<String, Refused> {
        match self.value(path) {
            None => Ok(default.to_owned()),
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(Value::Empty) => Ok(String::new()),
            Some(_) => self.refuse(path, "binary()"),
        }
    }

    fn switch(&self, path: &str) -> Result<Option<bool>, Refused> {
        match self.value(path) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(Value::Text(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(_) => self.refuse(path, "boolean()"),
        }
    }

    fn count(&self, path: &str) -> Result<Option<u32>, Refused> {
        match self.value(path) {
            None => Ok(None),
            Some(Value::Text(text)) if text == "infinity" => Ok(None),
            Some(Value::Number(text) | Value::Text(text)) => {
                text.parse().map(Some).or_else(|_| self.refuse(path, "pos_integer()"))
            }
            Some(_) => self.refuse(path, "pos_integer()"),
        }
    }

    /// An address with a port, or a port alone.
    fn address(&self, path: &str, default: u16) -> Result<SocketAddr, Refused> {
        let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let text = match self.value(path) {
            None => return Ok(any(default)),
            Some(Value::Number(text) | Value::Text(text)) => text,
            Some(_) => return self.refuse(path, "emqx_schema:ip_port()"),
        };
        let port = text.strip_prefix(':').unwrap_or(text).parse().map(any);
        text.parse().or(port).or_else(|_| self.refuse(path, "emqx_schema:ip_port()"))
    }

    fn listener(&self, kind: Kind, port: u16, dialect: Dialect) -> Result<ListenerSettings, Refused> {
        let path = |field: &str| format!("listeners.{}.default.{field}", kind.name());
        let mut enabled = None;
        for switch in dialect.listener_switches {
            enabled = enabled.or(self.switch(&path(switch))?);
        }
        let limit = match (dialect.modern, kind.is_tls()) {
            (true, _) => None,
            (false, true) => Some(512_000),
            (false, false) => Some(1_024_000),
        };
        let file = |field| self.text(&path(&format!("ssl_options.{field}")), "");
        let (certificate, key) = (file("certfile")?, file("keyfile")?);
        Ok(ListenerSettings {
            kind,
            enabled: enabled.unwrap_or(true),
            bind: self.address(&path("bind"), port)?,
            acceptors: self.count(&path("acceptors"))?.unwrap_or(16),
            max_connections: self.count(&path("max_connections"))?.or(limit),
            certificate: (!certificate.is_empty()).then(|| (certificate.into(), key.into())),
        })
    }
}

fn masked(path: &str, given: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or_default();
    let secret = ["default_password", "password", "cookie", "key", "secret"].contains(&last);
    if secret { String::from("******") } else { given.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: &str, variables: &[(&str, &str)]) -> Result<Settings, Refused> {
        let environment = variables.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        Settings::read(&environment, Dialect::of(&version.parse().unwrap()))
    }

    #[test]
    fn without_variables_everything_is_emqx_s_own() {
        let settings = read("5.0.9", &[]).unwrap();
        assert_eq!((settings.username.as_str(), settings.password.as_str()), ("admin", "public"));
        let listeners: Vec<_> =
            settings.listeners.iter().map(|it| (it.kind.name(), it.bind.port())).collect();
        assert_eq!(listeners, [("ssl", 8883), ("tcp", 1883), ("ws", 8083), ("wss", 8084)]);
    }

    #[test]
    fn a_value_of_another_type_refuses_the_boot() {
        let refused = |name: &str, value: &str| read("5.0.9", &[(name, value)]).unwrap_err().to_string();
        insta::assert_snapshot!(
            refused("EMQX_DASHBOARD__DEFAULT_PASSWORD", "12345678"),
            @r#"#{kind => validation_error,path => "dashboard.default_password",reason => #{expected_type => <<"binary()">>},value => <<"******">>}"#
        );
        insta::assert_snapshot!(
            refused("EMQX_LISTENERS__TCP__DEFAULT__BIND", "0.0.0.0:1883"),
            @r#"#{kind => validation_error,path => "listeners.tcp.default.bind",reason => #{expected_type => <<"emqx_schema:ip_port()">>},value => <<"0.0.0.0:1883">>}"#
        );
    }

    #[test]
    fn the_variable_of_the_start_script_names_the_node() {
        let both = [("EMQX_NODE_NAME", "emqx@10.0.0.1"), ("EMQX_NODE__NAME", "\"emqx@10.0.0.2\"")];
        assert_eq!(read("5.0.9", &both).unwrap().node, "emqx@10.0.0.1");
        assert_eq!(read("5.0.9", &both[1..]).unwrap().node, "emqx@10.0.0.2");
    }

    #[test]
    fn switches_have_another_name_since_5_2() {
        let switch = |version, name: &str| {
            let settings = read(version, &[(name, "false")]).unwrap();
            let tcp = settings.listeners.iter().find(|it| it.kind == Kind::Tcp).unwrap().enabled;
            (tcp, settings.unknown.len())
        };
        assert_eq!(switch("5.0.9", "EMQX_LISTENERS__TCP__DEFAULT__ENABLED"), (false, 0));
        assert_eq!(switch("5.0.9", "EMQX_LISTENERS__TCP__DEFAULT__ENABLE"), (true, 1));
        assert_eq!(switch("5.8.9", "EMQX_LISTENERS__TCP__DEFAULT__ENABLE"), (false, 0));
    }

    #[test]
    fn unknown_fields_are_told_and_unknown_roots_are_not_and_secrets_are_masked() {
        let variables = [
            ("EMQX_DASHBOARD__NOPE", "1"),
            ("EMQX_NOPE__X", "2"),
            ("EMQX_NODE__COOKIE", "secret"),
            ("EMQX_STANDIN_FAULTS", "crash"),
        ];
        let settings = read("5.0.9", &variables).unwrap();
        assert_eq!(settings.unknown, ["EMQX_DASHBOARD__NOPE"]);
        assert_eq!(settings.overrides, ["node.cookie = EMQX_NODE__COOKIE = ******"]);
    }
}
