//! Eclipse Mosquitto: from a pinned package of Debian or Ubuntu, or in a container.

use std::fmt::Write;

use bear_core::fleet::model::Ports;

use crate::image::{self, Image};
use crate::recipe::{Configuration, Recipe, digest};
use crate::refusal::{Refusal, one_word};
use crate::tls::{self, Certificate};
use crate::{apt, docker, ports, removal};

pub(crate) const PACKAGE: &str = include_str!("sh/mosquitto.sh");
/// The settings of the package's broker.
pub(crate) const SETTINGS: &str = "/etc/mosquitto/conf.d/bear.conf";
const CONTAINER: &str = include_str!("sh/mosquitto-container.sh");
const ALL: &[&str] = &[apt::CODE, image::CODE, ports::CODE, docker::CODE, removal::CODE, PACKAGE, CONTAINER];

/// Mosquitto as a fleet wants it.
#[derive(Clone)]
pub struct Mosquitto {
    /// Where it comes from.
    pub form: Form,
    /// The ports of its listeners: `mqtt` (1883 if left out), `ws` if it is to be one, and with a certificate `mqtts`
    /// (8883 if left out) and `wss` if it is to be one.
    pub ports: Ports,
    /// The certificate of the listeners with TLS; without one there are none.
    pub tls: Option<Certificate>,
    /// The user that clients must present; anyone is let in if there is none.
    pub user: Option<User>,
}

/// Where Mosquitto comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// The distribution's package of exactly this version.
    Package(String),
    /// A container.
    Container(Image),
}

/// A user name and a password that clients must present.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Mosquitto {
    /// What puts it on a host.
    ///
    /// # Errors
    ///
    /// Settings that Mosquitto's files can't hold.
    pub fn install(&self) -> Result<Recipe, Refusal> {
        let users = self.users()?;
        let configuration = self.configuration()?;
        let text = configuration.text.clone();
        let recipe = tls::describe(self.tls.as_ref(), Recipe::new("mosquitto", ALL))?
            .set("mosquitto_configuration", &text)?
            .set("mosquitto_users", &users)?;
        // A password or a private key can change behind its name.
        let users: &[&str] = if self.user.is_some() { &[] } else { &["mosquitto_users"] };
        let settings: &[&str] = if self.tls.is_some() { &[] } else { &["mosquitto_configuration"] };
        let mut recipe = match &self.form {
            Form::Package(version) => {
                let ports: String = self.listens()?.iter().map(|(_, port)| format!("{port} ")).collect();
                let recipe = tls::describe_sums(self.tls.as_ref(), recipe)?;
                removal::instead_of("emqx mosquitto-container", recipe)?
                    .set("mosquitto_version", one_word("the version", version)?)?
                    .set("mosquitto_ports", &ports)?
                    .set("mosquitto_sum", &digest(&text))?
                    .block_of(&["mosquitto_version"], "mosquitto.package", "mosquitto_package")
                    .block_of(users, "mosquitto.users", "mosquitto_users")
                    .block_of(settings, "mosquitto.configuration", "mosquitto_configuration")
                    .block("mosquitto.running", "mosquitto_running")
            }
            Form::Container(image) => image
                .describe(removal::instead_of("emqx mosquitto", recipe)?)?
                .set("mosquitto_digest", &digest(&text))?
                .set("mosquitto_publish", &self.publish()?)?
                .block("mosquitto.image", "image")
                .block_of(settings, "mosquitto.settings", "mosquitto_settings")
                .block_of(users, "mosquitto.users", "mosquitto_passwords")
                .block("mosquitto.container", "mosquitto_container"),
        };
        if let Some(user) = &self.user {
            recipe = recipe.carrying(&user.password);
        }
        recipe.configuration = Some(configuration);
        Ok(recipe)
    }

    /// The ports of the host that it listens on.
    ///
    /// # Errors
    ///
    /// A listener with TLS and no certificate, or one that Mosquitto does not have.
    pub fn listens(&self) -> Result<Ports, Refusal> {
        let wanted = self.ports;
        if wanted.dashboard.is_some() {
            let why = "it has no dashboard";
            return Err(Refusal::Listener { broker: "mosquitto", listener: "dashboard", why });
        }
        if self.tls.is_none() {
            tls::refuse_listeners("mosquitto", wanted)?;
        }
        Ok(Ports {
            mqtt: Some(wanted.mqtt.unwrap_or(1883)),
            mqtts: self.tls.as_ref().map(|_| wanted.mqtts.unwrap_or(8883)),
            ..wanted
        })
    }

    /// The settings, as Mosquitto reads them.
    fn configuration(&self) -> Result<Configuration, Refusal> {
        // A folder, and how the names of the files in it begin.
        let (path, files) = match self.form {
            Form::Package(_) => (SETTINGS, "/etc/mosquitto/bear."),
            Form::Container(_) => ("/etc/bear/mosquitto/mosquitto.conf", "/mosquitto/config/"),
        };
        let mut text = String::from("# Written by bear; changes made here are undone by its next apply.\n");
        if let Form::Container(image) = &self.form {
            let _ = writeln!(text, "# Image {}", image.reference());
            // The package's own settings say this already, and saying it twice is an error.
            text.push_str("persistence true\npersistence_location /mosquitto/data/\nlog_dest stderr\n");
        }
        for comment in self.tls.iter().flat_map(Certificate::comments) {
            let _ = writeln!(text, "# {comment}");
        }
        // Without it small messages wait for the acknowledgement of the one before: 40 ms on many systems.
        text.push_str("set_tcp_nodelay true\n");
        match self.user {
            Some(_) => {
                let _ = writeln!(text, "allow_anonymous false\npassword_file {files}passwords");
            }
            None => text.push_str("allow_anonymous true\n"),
        }
        for (name, port) in self.listens()?.iter() {
            let protocol = if name.starts_with("ws") { "websockets" } else { "mqtt" };
            let _ = writeln!(text, "listener {port}\nprotocol {protocol}");
            if let Some(certificate) = self.tls.as_ref().filter(|_| matches!(name, "mqtts" | "wss")) {
                let _ = writeln!(text, "certfile {files}certificate.pem\nkeyfile {files}key.pem");
                if certificate.authorities.is_some() {
                    let _ = writeln!(text, "cafile {files}authorities.pem");
                }
            }
        }
        Ok(Configuration { path, text })
    }

    /// The ports of the container, one a line.
    fn publish(&self) -> Result<String, Refusal> {
        Ok(self.listens()?.iter().map(|(_, port)| format!("{port}:{port}\n")).collect())
    }

    /// The users as Mosquitto's password file has them before it is hashed. What `mosquitto_passwd -U` of 2.0.11 cuts
    /// or drops in silence is refused: a colon, white space at an end, a name that looks like a comment.
    fn users(&self) -> Result<String, Refusal> {
        let Some(User { name, password }) = &self.user else { return Ok(String::new()) };
        let cut = |text: &str| text.contains(':') || text.contains(char::is_control) || text.trim() != text;
        if name.is_empty() || name.starts_with('#') || cut(name) {
            let why = "Mosquitto's password file can't hold a colon, a control character, white space at an end or a \
                       leading `#` in it";
            return Err(Refusal::UserName(name.clone(), why));
        }
        if password.is_empty() || cut(password) {
            let why = "Mosquitto's password file can't hold an empty one, nor a colon, a control character or white \
                       space at an end";
            return Err(Refusal::Password(why));
        }
        Ok(format!("{name}:{password}\n"))
    }
}
