//! What a recipe refuses before anything is sent to a host.

use crate::shell::NulByte;

/// Why a recipe can't be made from such settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A value holds a NUL byte.
    #[error(transparent)]
    Nul(#[from] NulByte),
    /// A listener that this broker does not have, or not without more settings.
    #[error("{broker} has no `{listener}` listener here: {why}")]
    Listener {
        /// The broker.
        broker: &'static str,
        /// The name of the listener in the fleet file.
        listener: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A text that would mean more than one thing to the program that it is for.
    #[error("{what} {text:?} can't be used: it {why}")]
    Text {
        /// What it is, such as `the image`.
        what: &'static str,
        /// The text.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A user name that the broker's files can't hold.
    #[error("the user name {0:?} can't be used: {1}")]
    UserName(String, &'static str),
    /// A password that the broker would refuse or misread. The password itself is not told.
    #[error("the password can't be used: {0}")]
    Password(&'static str),
    /// A certificate that no broker could use.
    #[error("the certificate can't be used: {0}")]
    Certificate(&'static str),
    /// A version that can't be read.
    #[error("{0:?} is no version of EMQX that bear knows")]
    Version(String),
    /// A licence that must be accepted first.
    #[error(
        "EMQX {0} comes under the Business Source License, which grants production use of a single node, and its \
         nodes refuse to form a cluster without a licence key"
    )]
    License(String),
    /// A step between versions that EMQX does not support.
    #[error("EMQX can't go from {from} to {to}: {why}")]
    Upgrade {
        /// The version that runs.
        from: String,
        /// The version that is wanted.
        to: String,
        /// What stands in the way.
        why: &'static str,
        /// The way around.
        way: String,
    },
}

/// Takes a text that goes into a file or a list by lines, if it is one line without white space.
pub(crate) fn one_word<'t>(what: &'static str, text: &'t str) -> Result<&'t str, Refusal> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let why = "holds white space or a control character";
        return Err(Refusal::Text { what, text: text.to_owned(), why });
    }
    Ok(text)
}

impl Refusal {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Upgrade { way, .. } => way.clone(),
            Self::License(_) => String::from(
                "write `license` with a key of yours, or use 5.8.9, the last version under the Apache License",
            ),
            Self::Version(_) => String::from("write an exact version from 5.0.0 on, such as `5.8.9`"),
            Self::Listener { .. } => String::from("take it out of `ports`, or give what it needs"),
            Self::Certificate(_) => String::from("name other files under `tls`"),
            Self::UserName(..) | Self::Password(_) => String::from("choose another one"),
            Self::Text { .. } | Self::Nul(_) => String::from("correct it in the fleet file"),
        }
    }
}
