//! EMQX in a container.
//!
//! Nothing secret may show in `docker inspect`, which shows every variable that `docker run` was given, from a file or
//! not. So all settings lie in files that the container mounts, and a shell in front of EMQX's own start script reads
//! them. For EMQX they are environment variables like any others, which work the same way in every version.

mod environment;
mod settings;
mod upgrade;
mod version;

use std::net::{Ipv4Addr, SocketAddrV4};

use bear_core::fleet::model::Ports;

pub use self::upgrade::upgrade;
pub use self::version::{Dialect, Version, license};

use crate::image::{self, Image};
use crate::recipe::{Recipe, digest};
use crate::refusal::Refusal;
use crate::tls::{self, Certificate};
use crate::{apt, docker, mosquitto, ports, removal};

pub(crate) const API: &str = include_str!("../sh/emqx-api.sh");
const ALL: &[&str] = &[
    apt::CODE,
    image::CODE,
    ports::CODE,
    docker::CODE,
    mosquitto::PACKAGE,
    removal::CODE,
    API,
    include_str!("../sh/emqx.sh"),
];

/// A listener of EMQX.
struct Listener {
    /// Its name in a fleet file.
    name: &'static str,
    /// Its type in EMQX's settings.
    kind: &'static str,
    /// Its port inside the container, and on the host unless the fleet says otherwise.
    port: u16,
    /// Whether it needs a certificate.
    tls: bool,
}

const LISTENERS: [Listener; 4] = [
    Listener { name: "mqtt", kind: "tcp", port: 1883, tls: false },
    Listener { name: "mqtts", kind: "ssl", port: 8883, tls: true },
    Listener { name: "ws", kind: "ws", port: 8083, tls: false },
    Listener { name: "wss", kind: "wss", port: 8084, tls: true },
];
const DASHBOARD: u16 = 18083;

/// EMQX as a fleet wants it, on one host.
#[derive(Clone)]
pub struct Emqx {
    /// The version; the image's tag is the same.
    pub version: Version,
    /// The image.
    pub image: Image,
    /// The private address of the host (EMQX takes no IPv6 here). The node is `emqx@ADDRESS` for as long as its data
    /// lives, even if the address changes.
    pub address: Ipv4Addr,
    /// The ports on the host; what is left out is EMQX's own.
    pub ports: Ports,
    /// The address that the dashboard listens on: 127.0.0.1 where nothing else keeps strangers away.
    pub dashboard_address: Ipv4Addr,
    /// The certificate of the listeners with TLS; without one there are none.
    pub tls: Option<Certificate>,
    /// The password of the dashboard's `admin`.
    pub admin_password: String,
    /// What keeps the nodes of other clusters away: letters and digits, the first a letter.
    pub cookie: String,
    /// The licence key, if there is one.
    pub license_key: Option<String>,
}

impl Emqx {
    /// What puts it on a host, and ends when it is ready and the default password is proven refused.
    ///
    /// # Errors
    ///
    /// Settings that this version of EMQX would refuse or misread.
    pub fn install(&self) -> Result<Recipe, Refusal> {
        // Checked first, because its name stands in the settings too.
        let recipe = self.image.describe(Recipe::new("emqx", ALL))?;
        let configuration = self.configuration()?;
        let kinds: Vec<_> = self.listeners().map(|listener| listener.kind).collect();
        let recipe = tls::describe(self.tls.as_ref(), recipe)?
            .set("emqx_wanted_node", &self.node())?
            .set("emqx_version", &self.version.to_string())?
            .set("emqx_settings", &configuration.text)?
            .set("emqx_digest", &digest(&configuration.text))?
            .set("emqx_publish", &self.publish()?)?
            .set("emqx_listeners", &kinds.join(" "))?
            .set("emqx_api", &self.api()?)?
            .set("emqx_change_method", Dialect::of(&self.version).change_password)?
            .set("emqx_sysctl", include_str!("../sh/emqx-sysctl.conf"))?
            .set("emqx_keys", &self.keys()?)?
            .set("emqx_first_boot", &self.first_boot()?)?
            .set("emqx_password", &self.password()?)?
            .carrying(&self.admin_password)
            .carrying(&self.cookie);
        // From its image on, everything may be concerned: a secret that is in the files can change behind its name, the
        // container owes a restart then, and what it starts from is what the image says.
        let mut recipe = removal::instead_of("mosquitto mosquitto-container", recipe)?
            .block_of(&["emqx_api"], "emqx.tools", "emqx_tools")
            .block_of(&["emqx_sysctl"], "emqx.host-limits", "emqx_host_limits")
            .block("emqx.image", "image")
            .block("emqx.files", "emqx_files")
            .block("emqx.container", "emqx_container")
            .block("emqx.password", "emqx_password")
            .block("emqx.ready", "emqx_ready");
        if let Some(key) = &self.license_key {
            recipe = recipe.carrying(key);
        }
        recipe.configuration = Some(configuration);
        Ok(recipe)
    }

    /// The ports of the host that it listens on.
    ///
    /// # Errors
    ///
    /// A listener with TLS, and no certificate.
    pub fn listens(&self) -> Result<Ports, Refusal> {
        let wanted = self.ports;
        if self.tls.is_none() {
            tls::refuse_listeners("emqx", wanted)?;
        }
        let tls = |port: Option<u16>, own| self.tls.as_ref().map(|_| port.unwrap_or(own));
        let [mqtt, mqtts, ws, wss] = LISTENERS.map(|listener| listener.port);
        Ok(Ports {
            mqtt: Some(wanted.mqtt.unwrap_or(mqtt)),
            mqtts: tls(wanted.mqtts, mqtts),
            ws: Some(wanted.ws.unwrap_or(ws)),
            wss: tls(wanted.wss, wss),
            dashboard: Some(wanted.dashboard.unwrap_or(DASHBOARD)),
        })
    }

    /// The name that its node gets, unless data on the host has another one already.
    pub fn node(&self) -> String {
        format!("emqx@{}", self.address)
    }

    /// The listeners that are switched on.
    fn listeners(&self) -> impl Iterator<Item = &'static Listener> {
        LISTENERS.iter().filter(|listener| !listener.tls || self.tls.is_some())
    }

    /// The ports as `docker run` takes them, one a line.
    fn publish(&self) -> Result<String, Refusal> {
        let dashboard = self.dashboard_address;
        let lines = self.listens()?.iter().map(|(name, port)| {
            let inside = LISTENERS.iter().find(|listener| listener.name == name).map(|it| it.port);
            inside.map_or_else(
                || format!("{dashboard}:{port}:{DASHBOARD}\n"),
                |inside| format!("{port}:{inside}\n"),
            )
        });
        Ok(lines.collect())
    }

    /// Where the dashboard's API answers on the host itself.
    fn api(&self) -> Result<String, Refusal> {
        let port = self.listens()?.dashboard.unwrap_or(DASHBOARD);
        let any = self.dashboard_address.is_unspecified();
        let address = if any { Ipv4Addr::LOCALHOST } else { self.dashboard_address };
        Ok(SocketAddrV4::new(address, port).to_string())
    }
}
