//! Eclipse Mosquitto: from a pinned package of Debian or Ubuntu, or in a container.

use std::fmt::Write;

use bear_core::fleet::model::Ports;

use crate::apt;
use crate::image::{self, Image};
use crate::recipe::{Configuration, Recipe, digest};
use crate::refusal::{Refusal, one_word};

const PACKAGE: &[&str] = &[apt::CODE, include_str!("sh/mosquitto.sh")];
const CONTAINER: &[&str] = &[image::CODE, include_str!("sh/mosquitto-container.sh")];

/// Mosquitto as a fleet wants it.
#[derive(Clone)]
pub struct Mosquitto {
    /// Where it comes from.
    pub form: Form,
    /// The ports of its listeners: `mqtt` (1883 if left out) and `ws`.
    pub ports: Ports,
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
        let recipe = match &self.form {
            Form::Package(version) => Recipe::new("mosquitto", PACKAGE)
                .set("mosquitto_version", one_word("the version", version)?)?
                .block("mosquitto.package", "mosquitto_package")
                .block("mosquitto.users", "mosquitto_users")
                .block("mosquitto.configuration", "mosquitto_configuration")
                .block("mosquitto.running", "mosquitto_running"),
            Form::Container(image) => image
                .describe(Recipe::new("mosquitto", CONTAINER))?
                .set("mosquitto_digest", &digest(&text))?
                .set("mosquitto_publish", &self.publish())?
                .block("mosquitto.image", "image")
                .block("mosquitto.files", "mosquitto_files")
                .block("mosquitto.container", "mosquitto_container"),
        };
        let mut recipe = recipe.set("mosquitto_configuration", &text)?.set("mosquitto_users", &users)?;
        if let Some(user) = &self.user {
            recipe = recipe.carrying(&user.password);
        }
        recipe.configuration = Some(configuration);
        Ok(recipe)
    }

    /// What takes it off a host again: what bear put there, and nothing else.
    ///
    /// # Errors
    ///
    /// An image whose name is none.
    pub fn removal(&self, keep_data: bool) -> Result<Recipe, Refusal> {
        let recipe = match &self.form {
            Form::Package(_) => Recipe::new("mosquitto", PACKAGE),
            Form::Container(image) => image.describe(Recipe::new("mosquitto", CONTAINER))?,
        };
        Ok(recipe
            .set("mosquitto_keep_data", if keep_data { "yes" } else { "no" })?
            .block("mosquitto.gone", "mosquitto_gone"))
    }

    /// The listeners that are wanted, with the words that Mosquitto has for their protocols.
    fn listeners(&self) -> Vec<(u16, &'static str)> {
        let mut listeners = vec![(self.ports.mqtt.unwrap_or(1883), "mqtt")];
        listeners.extend(self.ports.ws.map(|port| (port, "websockets")));
        listeners
    }

    /// The settings, as Mosquitto reads them.
    fn configuration(&self) -> Result<Configuration, Refusal> {
        for (listener, port) in [("mqtts", self.ports.mqtts), ("wss", self.ports.wss)] {
            if port.is_some() {
                let why = "it needs a certificate, and the fleet names none";
                return Err(Refusal::Listener { broker: "mosquitto", listener, why });
            }
        }
        if self.ports.dashboard.is_some() {
            let why = "it has no dashboard";
            return Err(Refusal::Listener { broker: "mosquitto", listener: "dashboard", why });
        }
        let (path, passwords) = match self.form {
            Form::Package(_) => ("/etc/mosquitto/conf.d/bear.conf", "/etc/mosquitto/bear.passwords"),
            Form::Container(_) => ("/etc/bear/mosquitto/mosquitto.conf", "/mosquitto/config/passwords"),
        };
        let mut text = String::from("# Written by bear; changes made here are undone by its next apply.\n");
        if let Form::Container(image) = &self.form {
            let _ = writeln!(text, "# Image {}", image.reference());
            // The package's own settings say this already, and saying it twice is an error.
            text.push_str("persistence true\npersistence_location /mosquitto/data/\nlog_dest stderr\n");
        }
        // Without it small messages wait for the acknowledgement of the one before: 40 ms on many systems.
        text.push_str("set_tcp_nodelay true\n");
        match self.user {
            Some(_) => {
                let _ = writeln!(text, "allow_anonymous false\npassword_file {passwords}");
            }
            None => text.push_str("allow_anonymous true\n"),
        }
        for (port, protocol) in self.listeners() {
            let _ = writeln!(text, "listener {port}\nprotocol {protocol}");
        }
        Ok(Configuration { path, text })
    }

    /// The ports of the container, one a line.
    fn publish(&self) -> String {
        self.listeners().iter().map(|(port, _)| format!("{port}:{port}\n")).collect()
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
