//! What differs between EMQX's versions, as far as the stand-in shows it.
//!
//! Two versions were recorded, 5.0.9 and 5.8.9; for what lies between them the change is placed where EMQX's code and
//! notes say, or, where neither does, at 5.1.0. This table is written apart from the one that bear goes by: if both
//! came from one place, no test could tell that they are wrong.

use std::fmt;
use std::str::FromStr;

/// A version of EMQX 5 or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: (u16, u16, u16),
    text: String,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split('-').next().unwrap_or_default();
        let numbers: Vec<u16> = numbers.split('.').filter_map(|number| number.parse().ok()).collect();
        match numbers[..] {
            [major, minor, patch] if major >= 5 => {
                Ok(Self { numbers: (major, minor, patch), text: text.to_owned() })
            }
            _ => Err(format!("`{text}` is no version of EMQX 5 or later")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What one version does.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own, not a state")]
pub(crate) struct Dialect {
    /// The only method of `/users/NAME/change_pwd`.
    pub(crate) change_password: &'static str,
    /// The dashboard's users may log in with every request, by HTTP basic authentication.
    pub(crate) basic_for_users: bool,
    /// New passwords need 8 to 64 characters of two kinds.
    pub(crate) password_rule: bool,
    /// `/api/v5/status` is there.
    pub(crate) api_status: bool,
    /// From 5.1 on: `/status` says 503 when the broker is stopped, speaks JSON, and wants to be asked again in any case.
    pub(crate) modern: bool,
    /// Arrays are empty where they are empty, in `ctl cluster status --json`.
    pub(crate) empty_arrays: bool,
    /// What the field that switches a listener on may be called; the first name is the right one.
    pub(crate) listener_switches: &'static [&'static str],
    /// What the settings of the console's log may be called.
    pub(crate) log_consoles: &'static [&'static str],
    /// The editions are one: there are licences, and failed logins lock a user.
    pub(crate) unified: bool,
    /// From 6.0 on.
    pub(crate) six: bool,
}

impl Dialect {
    pub(crate) fn of(version: &Version) -> Self {
        let since = |major, minor, patch| version.numbers >= (major, minor, patch);
        Self {
            change_password: if since(5, 0, 13) { "POST" } else { "PUT" },
            basic_for_users: !since(5, 0, 15),
            password_rule: since(5, 0, 15),
            api_status: since(5, 0, 25),
            modern: since(5, 1, 0),
            empty_arrays: since(5, 3, 0),
            listener_switches: if since(5, 2, 0) { &["enable", "enabled"] } else { &["enabled"] },
            log_consoles: if since(5, 1, 0) { &["console", "console_handler"] } else { &["console_handler"] },
            unified: since(5, 9, 0),
            six: since(6, 0, 0),
        }
    }

    /// The code of a login with a wrong user or password.
    pub(crate) fn login_failed(self) -> &'static str {
        if self.modern { "BAD_USERNAME_OR_PWD" } else { "WRONG_USERNAME_OR_PWD" }
    }

    /// What names the dashboard in the answers that ask for authentication.
    pub(crate) fn realm(self) -> &'static str {
        if self.modern { "emqx-dashboard" } else { "minirest-server" }
    }
}
