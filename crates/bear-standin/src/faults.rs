//! The faults that a test may ask the stand-in for.

use std::collections::BTreeMap;
use std::path::Path;

/// What is to go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and they combine")]
pub(crate) struct Faults {
    /// The dashboard answers, and the broker says that it is stopped, for ever.
    pub(crate) never_ready: bool,
    /// It ends in the middle of the boot.
    pub(crate) crash: bool,
    /// `admin` is let in with `public`, whatever the password is.
    pub(crate) default_password_stays: bool,
    /// The version that it says it is.
    pub(crate) version: Option<String>,
    /// Connections to the MQTT listeners are closed as soon as they are there.
    pub(crate) drop_mqtt: bool,
    /// It is up, stops its listeners for a while, and comes back: what a node does that joins a cluster.
    pub(crate) rejoins: bool,
}

impl Faults {
    /// Those that the environment and the file `standin-faults` in the data folder ask for. A word that is none is
    /// refused, because a test without its fault proves nothing.
    pub(crate) fn read(environment: &BTreeMap<String, String>, data: &Path) -> Result<Self, String> {
        let file = data.join("standin-faults");
        let written = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("could not read `{}`: {error}", file.display())),
        };
        let given = environment.get("EMQX_STANDIN_FAULTS").map_or("", String::as_str);
        Self::parse(&format!("{given}\n{written}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for word in
            text.split(|char: char| char == ',' || char.is_whitespace()).filter(|word| !word.is_empty())
        {
            match word.split_once('=').unwrap_or((word, "")) {
                ("never-ready", "") => faults.never_ready = true,
                ("crash", "") => faults.crash = true,
                ("default-password-stays", "") => faults.default_password_stays = true,
                ("version", version) if !version.is_empty() => faults.version = Some(version.to_owned()),
                ("drop-mqtt", "") => faults.drop_mqtt = true,
                ("rejoins", "") => faults.rejoins = true,
                _ => return Err(format!("`{word}` is no fault that the stand-in knows")),
            }
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_combine_and_an_unknown_one_is_refused() {
        let faults = Faults::parse("crash, version=5.0.8\nrejoins").unwrap();
        let expected =
            Faults { crash: true, version: Some("5.0.8".into()), rejoins: true, ..Faults::default() };
        assert_eq!(faults, expected);
        insta::assert_snapshot!(Faults::parse("crush").unwrap_err(), @"`crush` is no fault that the stand-in knows");
    }
}
