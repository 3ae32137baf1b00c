//! EMQX in a container.
//!
//! Nothing secret may show in `docker inspect`, which shows every variable that `docker run` was given, from a file or
//! not. So all settings lie in files that the container mounts, and a shell in front of EMQX's own start script reads
//! them. For EMQX they are environment variables like any others, which work the same way in every version.

mod environment;
mod upgrade;
mod version;

use std::net::{IpAddr, Ipv4Addr};

use bear_core::fleet::model::Ports;

pub use self::upgrade::upgrade;
pub use self::version::{Dialect, Version, license};

use self::environment::Environment;
use crate::apt;
use crate::image::{self, Image};
use crate::recipe::{Configuration, Recipe, digest};
use crate::refusal::Refusal;

pub(crate) const CODE: &str = include_str!("../sh/emqx.sh");
const ALL: &[&str] = &[apt::CODE, image::CODE, CODE];

/// The listeners of EMQX: the name in a fleet file, the one in EMQX's settings and the port inside the container.
const LISTENERS: [(&str, &str, u16); 4] =
    [("mqtt", "tcp", 1883), ("mqtts", "ssl", 8883), ("ws", "ws", 8083), ("wss", "wss", 8084)];
const DASHBOARD: u16 = 18083;

/// EMQX as a fleet wants it, on one host.
#[derive(Clone)]
pub struct Emqx {
    /// The version; the image's tag is the same.
    pub version: Version,
    /// The image.
    pub image: Image,
    /// The private address of the host (EMQX takes no IPv6 here): the node is `emqx@ADDRESS` for as long as its data lives.
    pub address: Ipv4Addr,
    /// The ports on the host; what is left out is EMQX's own.
    pub ports: Ports,
    /// The address that the dashboard listens on: 127.0.0.1 where nothing else keeps strangers away.
    pub dashboard_address: IpAddr,
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
        let password = self.password()?;
        // Checked first, because its name stands in the settings too.
        let recipe = self.image.describe(Recipe::new("emqx", ALL))?;
        let configuration = self.configuration()?;
        let first_boot =
            Environment::default().text("EMQX_DASHBOARD__DEFAULT_PASSWORD", &self.admin_password)?;
        let recipe = recipe
            .set("emqx_node", &self.node())?
            .set("emqx_version", &self.version.to_string())?
            .set("emqx_settings", &configuration.text)?
            .set("emqx_digest", &digest(&configuration.text))?
            .set("emqx_publish", &self.publish())?
            .set("emqx_listeners", &LISTENERS.map(|(_, kind, _)| kind).join(" "))?
            .set("emqx_api", &self.api())?
            .set("emqx_change_method", Dialect::of(&self.version).change_password)?
            .set("emqx_sysctl", include_str!("../sh/emqx-sysctl.conf"))?
            .set("emqx_keys", &self.keys()?)?
            .set("emqx_first_boot", &first_boot.into_text())?
            .set("emqx_password", &password)?
            .carrying(&self.admin_password)
            .carrying(&self.cookie);
        let mut recipe = recipe
            .block("emqx.tools", "emqx_tools")
            .block("emqx.host-limits", "emqx_host_limits")
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

    /// What takes it off a host again: what bear put there, and nothing else.
    ///
    /// # Errors
    ///
    /// An image whose name is none.
    pub fn removal(image: &Image, keep_data: bool) -> Result<Recipe, Refusal> {
        Ok(image
            .describe(Recipe::new("emqx", ALL))?
            .set("emqx_keep_data", if keep_data { "yes" } else { "no" })?
            .block("emqx.gone", "emqx_gone"))
    }

    /// The name of the node.
    pub fn node(&self) -> String {
        format!("emqx@{}", self.address)
    }

    /// All settings without secrets. What `docker run` is told stands in comments, so that it is part of the plan's
    /// diff and of the digest.
    fn configuration(&self) -> Result<Configuration, Refusal> {
        let dialect = Dialect::of(&self.version);
        let mut comments = vec![
            String::from("Written by bear; changes made here are undone by its next apply."),
            format!("Image {}", self.image.reference()),
        ];
        comments.extend(self.publish().lines().map(|line| format!("Port {line}")));
        // Variables for the start script itself come without HOCON's quotes. Of the two names for the node's name,
        // this is the one that wins in every version.
        let mut environment = Environment::with_comments(&comments)
            .plain("EMQX_NODE_NAME", &self.node())?
            .plain(&format!("{}__ENABLE", dialect.log_console), "true")?;
        for (_, kind, _) in LISTENERS {
            let name =
                format!("EMQX_LISTENERS__{}__DEFAULT__{}", kind.to_uppercase(), dialect.listener_switch);
            environment = environment.plain(&name, "true")?;
        }
        Ok(Configuration { path: "/etc/bear/emqx/settings.env", text: environment.into_text() })
    }

    /// The secrets that a restart is needed for.
    fn keys(&self) -> Result<String, Refusal> {
        let fits = self.cookie.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.cookie.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && self.cookie.len() <= 255;
        if !fits {
            return Err(Refusal::Password(
                "the cookie is not made of letters and digits, the first a letter",
            ));
        }
        let mut keys = Environment::default().plain("EMQX_NODE__COOKIE", &self.cookie)?;
        if let Some(key) = &self.license_key {
            if key.is_empty() || key.contains(char::is_control) {
                return Err(Refusal::Password("the licence key is empty, or holds a control character"));
            }
            keys = keys.text("EMQX_LICENSE__KEY", key)?;
        }
        Ok(keys.into_text())
    }

    /// The password as JSON.
    fn password(&self) -> Result<String, Refusal> {
        let password = &self.admin_password;
        let wrong = |why| Err(Refusal::Password(why));
        if password.is_empty() {
            return wrong("it is empty, which locks everyone out");
        }
        if password == "public" {
            return wrong("it is the one that everybody knows");
        }
        if password.contains(char::is_control) {
            return wrong("it holds a control character");
        }
        if Dialect::of(&self.version).password_rule && !follows_rule(password) {
            return wrong("EMQX wants 8 to 64 characters of two kinds: letters, digits and others");
        }
        Ok(serde_json::Value::from(password.as_str()).to_string())
    }

    /// The ports as `docker run` takes them, one a line.
    fn publish(&self) -> String {
        let wanted = |name| self.ports.iter().find(|(given, _)| *given == name).map(|(_, port)| port);
        let listeners = LISTENERS.iter().map(|&(name, _, inside)| {
            format!(
                "{}:{inside}
",
                wanted(name).unwrap_or(inside)
            )
        });
        let dashboard = format!(
            "{}:{DASHBOARD}
",
            self.dashboard(self.dashboard_address)
        );
        listeners.chain([dashboard]).collect()
    }

    /// Where the dashboard's API answers on the host itself.
    fn api(&self) -> String {
        let address = match self.dashboard_address {
            IpAddr::V4(any) if any.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(any) if any.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            one => one,
        };
        self.dashboard(address)
    }

    fn dashboard(&self, address: IpAddr) -> String {
        std::net::SocketAddr::new(address, self.ports.dashboard.unwrap_or(DASHBOARD)).to_string()
    }
}

/// EMQX's rule for new passwords since 5.0.15.
fn follows_rule(password: &str) -> bool {
    let kinds = [
        password.contains(|c: char| c.is_ascii_alphabetic()),
        password.contains(|c: char| c.is_ascii_digit()),
        password.contains(|c: char| !c.is_ascii_alphanumeric()),
    ];
    (8..=64).contains(&password.len()) && kinds.iter().filter(|&&has| has).count() >= 2
}
