//! Logging in by hand: the user's own `ssh` with the fleet's host keys, for people and for other programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bear_core::event::StepError;

use super::connect::{HOST_KEY_OPTIONS, escaped};
use super::{Ssh, route};

impl Ssh {
    /// The command that logs in, program first; what follows it runs there, and a terminal opens if nothing does.
    ///
    /// Connects first: that checks the host key against what the fleet pins, and remembers it for this command.
    pub async fn command_by_hand(&self) -> Result<Vec<OsString>, StepError> {
        self.connect().await?;
        let mut words: Vec<OsString> = vec!["ssh".into()];
        words.extend(route::login(&self.target));
        // A connection of the user's own was not made under the fleet's host keys.
        words.extend(["-S", "none", "-o", "StrictHostKeyChecking=yes"].map(OsString::from));
        for option in HOST_KEY_OPTIONS {
            words.extend(["-o", option].map(OsString::from));
        }
        words.extend(["-o".into(), format!("UserKnownHostsFile={}", self.known_hosts()).into()]);
        words.extend(["--".into(), OsString::from(&self.target.address)]);
        Ok(words)
    }

    /// The settings of `ssh_config(5)` by which any `ssh` logs in, with keyword and value. What the user's own
    /// configuration says of the host is spelled out.
    pub async fn settings_by_hand(&self) -> Result<Vec<(&'static str, String)>, StepError> {
        let route = self.route().await?;
        let mut settings = vec![
            ("HostName", route.address.clone()),
            ("Port", route.port.to_string()),
            ("User", route.user.clone()),
            ("HostKeyAlias", route.name.clone()),
        ];
        settings.extend(route.jump.clone().map(|jump| ("ProxyJump", jump)));
        if let Some(identity) = &self.target.identity {
            settings.push(("IdentityFile", quoted(&absolute(identity))));
            settings.push(("IdentitiesOnly", "yes".to_owned()));
        }
        settings.push(("UserKnownHostsFile", self.known_hosts()));
        settings.push(("GlobalKnownHostsFile", "/dev/null".to_owned()));
        settings.push(("StrictHostKeyChecking", "yes".to_owned()));
        settings.push(("UpdateHostKeys", "no".to_owned()));
        Ok(settings)
    }

    fn known_hosts(&self) -> String {
        quoted(&absolute(self.host_keys.path()))
    }
}

/// ssh reads relative paths against the home folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The path as ssh's configuration has it: one word, whatever is in it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", escaped(path).replace('\\', r"\\").replace('"', r#"\""#))
}
