//! The spec: what one broker is to be, as a JSON file of version 1. A stored format: fields are only ever added.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::BrokerError;
use crate::files;

const VERSION: u32 = 1;

/// What one embedded broker is to be.
///
/// ```json
/// {"version": 1, "name": "demo-broker-1", "listen": "127.0.0.1",
///  "ports": {"mqtt": 21883, "ws": 21884, "dashboard": 21885}, "credentials": "credentials.json"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The version of this format: 1.
    pub version: u32,
    /// The instance that the broker belongs to; shown on its status page.
    pub name: String,
    /// The broker's folder, which must exist. Left out: the folder that the spec is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The address to listen on; always a loopback address.
    pub listen: IpAddr,
    /// The ports to listen on.
    pub ports: Ports,
    /// The credentials file ([`Credentials`](crate::Credentials)), relative to the folder. Written: every client needs
    /// one of its passwords. Left out: every client is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
}

/// The three ports of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// MQTT 3.1.1 and 5.
    pub mqtt: u16,
    /// The same over websockets: path `/mqtt`, subprotocol `mqtt`.
    pub ws: u16,
    /// The status page: `GET /` and `GET /status`.
    pub dashboard: u16,
}

impl Spec {
    /// A broker on 127.0.0.1 that lets every client in and keeps its things beside its spec.
    pub fn new(name: impl Into<String>, ports: Ports) -> Self {
        let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { version: VERSION, name: name.into(), folder: None, listen, ports, credentials: None }
    }

    /// Reads a spec and fills in its folder. One that can't be run is refused with the reason.
    pub fn load(path: &Path) -> Result<Self, BrokerError> {
        let mut spec = files::read::<Self>(path, "spec of a broker", VERSION)?;
        spec.check()?;
        let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = spec.folder.take().unwrap_or_else(|| beside.to_owned());
        spec.credentials = spec.credentials.map(|file| folder.join(file));
        spec.folder = Some(folder);
        Ok(spec)
    }

    /// Writes the spec, replacing the file as one step.
    pub fn save(&self, path: &Path) -> Result<(), BrokerError> {
        let json = serde_json::to_vec_pretty(self).map_err(|source| BrokerError::Malformed {
            what: "spec of a broker",
            path: path.to_owned(),
            source,
        })?;
        files::replace(path, &json, 0o600)
    }

    pub(crate) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.listen, port)
    }

    fn check(&self) -> Result<(), BrokerError> {
        let Ports { mqtt, ws, dashboard } = self.ports;
        let fault = if self.name.is_empty() {
            "`name` is empty".to_owned()
        } else if !self.listen.is_loopback() {
            format!("`listen` is {}, and an embedded broker listens on a loopback address only", self.listen)
        } else if [mqtt, ws, dashboard].contains(&0) {
            "a port is 0".to_owned()
        } else if mqtt == ws || mqtt == dashboard || ws == dashboard {
            format!("the ports {mqtt}, {ws} and {dashboard} must differ")
        } else {
            return Ok(());
        };
        Err(BrokerError::Spec(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        std::fs::write(&path, json).unwrap();
        let spec = Spec::load(&path);
        let said = match &spec {
            Ok(spec) => format!("{} {:?}", spec.name, spec.folder),
            Err(error) => {
                let source = std::error::Error::source(error).map(|source| format!(": {source}"));
                format!("{error}{}", source.unwrap_or_default())
            }
        };
        said.replace(&folder.path().display().to_string(), "DIR")
    }

    #[test]
    fn a_spec_is_read_or_refused_with_the_reason() {
        let spec = |changed: &str| {
            let ports = r#""ports":{"mqtt":1883,"ws":8083,"dashboard":18083}"#;
            let whole = format!(r#"{{"version":1,"name":"a","listen":"127.0.0.1",{ports}}}"#);
            let (from, to) = changed.split_once("=>").unwrap_or_default();
            check(&whole.replace(from, to))
        };
        insta::assert_snapshot!(spec(""), @r#"a Some("DIR")"#);
        insta::assert_snapshot!(spec("127.0.0.1=>0.0.0.0"), @"the spec can't be run: `listen` is 0.0.0.0, and an embedded broker listens on a loopback address only");
        insta::assert_snapshot!(spec("8083=>1883"), @"the spec can't be run: the ports 1883, 1883 and 11883 must differ");
        insta::assert_snapshot!(spec("8083=>0"), @"the spec can't be run: a port is 0");
        insta::assert_snapshot!(spec(r#""a"=>"a","colour":"red""#), @"`DIR/spec.json` is no spec of a broker: unknown field `colour`, expected one of `version`, `name`, `folder`, `listen`, `ports`, `credentials` at line 1 column 32");
        insta::assert_snapshot!(spec(r#""version":1=>"version":2,"new":0"#), @"`DIR/spec.json` is of version 2, and this bear reads up to version 1; use the newer bear");
        insta::assert_snapshot!(check("half a fi"), @"`DIR/spec.json` is no spec of a broker: expected value at line 1 column 1");
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.json");
        let mut spec = Spec::new("a", Ports { mqtt: 1883, ws: 8083, dashboard: 18083 });
        spec.credentials = Some("credentials.json".into());
        spec.save(&path).unwrap();

        let loaded = Spec::load(&path).unwrap();

        assert_eq!(loaded.credentials, Some(folder.path().join("credentials.json")));
        assert_eq!(Spec { folder: None, credentials: spec.credentials.clone(), ..loaded }, spec);
    }
}
