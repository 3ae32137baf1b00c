//! EMQX's versions: how they are written, and what differs between them.

use std::fmt;
use std::str::FromStr;

use crate::refusal::Refusal;

/// A version of EMQX 5 or later, such as `5.0.9` or `6.3.0-beta.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    numbers: (u16, u16, u16),
    /// What follows a hyphen: the version is older than the same without.
    suffix: Option<String>,
}

impl Version {
    /// Its three numbers.
    pub const fn numbers(&self) -> (u16, u16, u16) {
        self.numbers
    }

    /// Its line, such as (5, 8).
    pub const fn line(&self) -> (u16, u16) {
        (self.numbers.0, self.numbers.1)
    }

    /// Whether it is older than another; of two that differ only in what follows the hyphen, the one without is newer.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.age() < other.age()
    }

    /// Older versions come first. In what follows the hyphen, `beta.10` is newer than `beta.2`.
    fn age(&self) -> impl Ord + use<> {
        let part = |text: &str| (text.parse::<u64>().ok(), text.to_owned());
        let parts: Vec<_> = self.suffix.iter().flat_map(|suffix| suffix.split('.')).map(part).collect();
        (self.numbers, self.suffix.is_none(), parts)
    }
}

impl FromStr for Version {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::Version(text.to_owned());
        let (numbers, suffix) =
            text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix.to_owned())));
        let parts: Vec<u16> =
            numbers.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match parts[..] {
            [major, minor, patch] if major >= 5 => {
                let version = Self { numbers: (major, minor, patch), suffix };
                // `+5.00.9-` is no way to write one, and no image has such a tag.
                let as_written = version.to_string() == text && !text.ends_with('-');
                if as_written { Ok(version) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        self.suffix.as_ref().map_or(Ok(()), |suffix| write!(f, "-{suffix}"))
    }
}

/// What a version does differently from others, as far as bear depends on it.
///
/// Sources: EMQX's code at each tag, and exchanges recorded from 5.0.9 and 5.8.9. `/status` needs no row: asked without
/// more, every version answers with the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own, not a state")]
pub struct Dialect {
    /// The method of `/api/v5/users/NAME/change_pwd`. Any other is answered with 405.
    pub change_password: &'static str,
    /// The variable that names the console's log.
    pub log_console: &'static str,
    /// The last part of the variable that switches a listener on.
    pub listener_switch: &'static str,
    /// `/api/v5/status` exists.
    pub api_status: bool,
    /// A dashboard user may use HTTP basic authentication.
    pub basic_for_users: bool,
    /// New passwords need 8 to 64 characters of two kinds.
    pub password_rule: bool,
    /// API keys can be read from a file at boot.
    pub api_key_file: bool,
    /// Failed logins lock a user for a while.
    pub login_locks: bool,
    /// More than one node needs a licence key.
    pub license: bool,
    /// What authorization says where no rule matches.
    pub no_match: &'static str,
}

impl Dialect {
    /// What holds for a version: one row for each difference, with the version that brought it.
    pub fn of(version: &Version) -> Self {
        let since = |major, minor, patch| version.numbers >= (major, minor, patch);
        Self {
            change_password: if since(5, 0, 13) { "POST" } else { "PUT" },
            basic_for_users: !since(5, 0, 15),
            api_key_file: since(5, 0, 14),
            password_rule: since(5, 0, 15),
            api_status: since(5, 0, 25),
            log_console: if since(5, 1, 0) { "EMQX_LOG__CONSOLE" } else { "EMQX_LOG__CONSOLE_HANDLER" },
            listener_switch: if since(5, 2, 0) { "ENABLE" } else { "ENABLED" },
            login_locks: since(5, 9, 0),
            license: since(5, 9, 0),
            no_match: if since(6, 0, 0) { "deny" } else { "allow" },
        }
    }
}

/// Whether so many nodes of one cluster may run this version, with or without a licence key.
///
/// # Errors
///
/// More than one node of a version under the Business Source License, and no key.
pub fn license(version: &Version, nodes: usize, has_key: bool) -> Result<(), Refusal> {
    if Dialect::of(version).license && nodes > 1 && !has_key {
        return Err(Refusal::License(version.to_string()));
    }
    Ok(())
}
